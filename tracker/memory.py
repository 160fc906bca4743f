"""Memory that is free again: kept from frame to frame, given back between the stages of a large movie."""

import ctypes
import sys
from contextlib import suppress

KEPT = 64_000_000
"""Freed bytes that are kept for the next frame. glibc raises this limit, and `LARGE`, by itself once an array
of that size has been freed; until then each frame's arrays are asked for anew, which costs a quarter of the
time on movies of small frames."""
LARGE = 16_000_000
"""Bytes of an array that the system is asked for, and given back, each time."""
FEW = 20_000
"""Cells of a movie that leave some 100 MB, which is not worth the time of asking for it anew."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""glibc's numbers for them."""


def keep_freed() -> None:
    """Have the C library keep what a frame's arrays took for the next one's; only glibc does.

    It is asked for the whole process, whose threads each have memory of their own.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):
            library = ctypes.CDLL(None)
            library.mallopt(TRIM_THRESHOLD, KEPT)
            library.mallopt(MMAP_THRESHOLD, LARGE)


def give_back(cells: int) -> None:
    """Have the C library return what is free after work on so many cells, unless they are few.

    Where it is another library than glibc, nothing happens.

    It keeps freed arrays for itself otherwise, in pieces that what comes next does not fit into: half a
    gigabyte after a movie of 100,000 cells.
    """
    if cells > FEW and sys.platform == "linux":
        with suppress(AttributeError):  # musl has no such function
            ctypes.CDLL(None).malloc_trim(0)
