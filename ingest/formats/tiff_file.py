"""One TIFF file: opened, and refused where it is truncated, damaged or too large."""

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from ingest.errors import InputError, TooLargeError
from ingest.formats.numbering import SUFFIXES

MAX_PIXELS = 2**30
"""Of one plane: far above any camera's, far below what a forged header of a few bytes can claim."""

Page = tifffile.TiffPage | tifffile.TiffFrame
Plane = npt.NDArray[Any]


def open_tiff(path: Path) -> tifffile.TiffFile:
    """Open a TIFF file that is complete as far as its chain of pages can tell; the caller closes it.

    Raises:
        InputError: no TIFF, or truncated.
    """
    with readable(str(path), _remedy(path.suffix.lower())):
        tif = tifffile.TiffFile(path)
        try:
            _refuse_broken_chain(tif, path)
        except BaseException:
            tif.close()
            raise
    return tif


def _remedy(suffix: str) -> str:
    """What to do about a file that is no TIFF, by what it is called."""
    if suffix == ".png":
        return "name the folder of the frames: a PNG file is one of them"
    return "save or copy the file again" if suffix in ("", *SUFFIXES) else "save it as TIFF"


def only_series(tif: tifffile.TiffFile, path: Path) -> tifffile.TiffPageSeries:
    """The one image, of one or more axes, that the file holds."""
    with readable(str(path)):
        series = tif.series
    if len(series) != 1:
        shapes = ", ".join(str(one.shape) for one in series[:4])
        raise InputError(
            f"{len(series)} images of shapes {shapes}",
            place=str(path),
            remedy="save the frames of one movie, all of one size, in a file of their own",
        )
    if tif.is_imagej and series[0].kind != "imagej":  # tifffile falls back to what pages there are
        raise truncated(str(path), "it holds less than its ImageJ header announces")
    return series[0]


def plane_shape(page: Page, path: Path) -> tuple[int, int]:
    """(Y, X) of a page, of a size and pixel type that can be read."""
    y, x = page.shape[-2:]
    if not 0 < y * x <= MAX_PIXELS:
        kind = TooLargeError if y * x > MAX_PIXELS else InputError
        raise kind(
            f"frames of {y}×{x} pixels, where 1 to {MAX_PIXELS:,} can be read",
            place=str(path),
            remedy="crop or tile them",
        )
    if page.dtype is None or np.dtype(page.dtype).kind not in "buif":
        raise InputError(
            f"pixels of type {page.dtype}", place=str(path), remedy="save them as integers or floats"
        )
    return y, x


def read_page(page: Page, place: str) -> Plane:
    """(Y, X) pixels of a page.

    Raises:
        InputError: damaged data.
    """
    with readable(place):
        pixels: Plane = page.asarray()
    return pixels


def check_complete(page: Page, file_size: int, place: str) -> None:
    """Refuse a page whose pixels are not all in the file: tifffile would read zeros in their place.

    Raises:
        InputError: strips or tiles that are missing, or reach beyond the end of the file.
    """
    if len(page.dataoffsets) != math.prod(page.chunked):
        raise truncated(
            place, f"{len(page.dataoffsets)} of {math.prod(page.chunked)} strips or tiles are there"
        )
    segments = zip(page.dataoffsets, page.databytecounts, strict=True)
    if max(offset + count for offset, count in segments) > file_size:
        raise truncated(place)


def truncated(place: str, how: str = "its pixels reach beyond the end of the file") -> InputError:
    """The error for a file that does not hold all that it announces."""
    return InputError(f"truncated TIFF: {how}", place=place, remedy="copy the file again from its source")


@contextmanager
def readable(place: str, remedy: str = "save or copy the file again") -> Iterator[None]:
    """Turn whatever a decoder raises into an error that the user can understand."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # TiffFileError, struct.error, a dozen codecs' own errors
        raise InputError(f"cannot be read as TIFF ({error})", place=place, remedy=remedy) from error


def _refuse_broken_chain(tif: tifffile.TiffFile, path: Path) -> None:
    """Refuse a file whose last page points to one more: tifffile reads what is left of it and only logs."""
    count, position, form = len(tif.pages), tif.pages.next_page_offset, tif.tiff
    tif.filehandle.seek(tif.filehandle.size if position is None else position)
    following = tif.filehandle.read(form.offsetsize)
    if following != struct.pack(form.offsetformat, 0):
        raise truncated(str(path), f"it breaks off after page {count}")
