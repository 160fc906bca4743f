"""The pixels that the cells of two sets of label images share, in one pass over both."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.threads import default_threads
from ingest.tracking_graph import Detections, FloatArray, IntArray

FrameOverlaps = tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray]
"""Columns reference label, computed label, pixels, y, x of one frame."""

LABEL_BITS = 32
"""Bits that hold any label."""
BLOCK = 1 << 17
"""Pixels looked at together: what is allocated for them stays in the cache."""


@dataclass(frozen=True, eq=False)
class Overlaps:
    """How many pixels each pair of labels shares; label 0 is the background.

    Attributes:
        frame: (K,) ascending.
        reference, computed: (K,) labels, at least one of them > 0; ascending within a frame.
        pixels: (K,) > 0.
        y, x: (K,) centroid of the shared pixels.
    """

    frame: IntArray
    reference: IntArray
    computed: IntArray
    pixels: IntArray
    y: FloatArray
    x: FloatArray

    def detections(self) -> tuple[Detections, Detections]:
        """The cells of the reference and of the computed label images, with centroid and area.

        Who needs both sides' cells and their overlaps has them so from one pass over the images.
        """
        return self._cells(self.reference), self._cells(self.computed)

    def _cells(self, label: IntArray) -> Detections:
        rows = np.flatnonzero(label)
        rows = rows[np.lexsort((label[rows], self.frame[rows]))]
        frame, label, pixels = self.frame[rows], label[rows], self.pixels[rows]
        first = np.flatnonzero(np.diff(frame, prepend=-1) | np.diff(label, prepend=-1))
        area = np.add.reduceat(pixels, first).astype(np.float64)
        y, x = (np.add.reduceat(pixels * column[rows], first) / area for column in (self.y, self.x))
        return Detections(frame[first], label[first], y, x, {"area": area})


def count_overlaps(
    reference: LabelImages, computed: LabelImages, *, workers: int | None = None, progress: Progress = silent
) -> Overlaps:
    """Count the pixels of every pair of labels that meet anywhere.

    Frames are read one by one, so memory stays at two frames a worker whatever the movie's length.

    Args:
        reference: label images (T, Y, X).
        computed: label images of the same shape.
        workers: threads that each read and compare frames; by default one a processor, four at most.
        progress: told of every frame.

    Raises:
        InputError: the two differ in their number of frames or in the frames' size, or there are none.
    """
    _require_same_frames(reference, computed)

    def count(frame: int) -> FrameOverlaps:
        return count_frame(reference.stored_frame(frame), computed.stored_frame(frame))

    with ThreadPoolExecutor(workers or default_threads()) as pool:
        counted = pool.map(count, range(len(reference)))
        frames = list(progress(counted, "Matching", len(reference)))
    frame = np.repeat(np.arange(len(frames)), [len(pixels) for _, _, pixels, _, _ in frames])
    first, second, pixels, y, x = (np.concatenate(column) for column in zip(*frames, strict=True))
    return Overlaps(frame, first, second, pixels, y, x)


def count_frame(reference: npt.NDArray[np.integer], computed: npt.NDArray[np.integer]) -> FrameOverlaps:
    """Joint histogram of two label images of one frame, without the pair (background, background).

    Only the ends of runs of equal pairs are looked at: a cell is a few dozen runs, whatever its area.

    Args:
        reference: (Y, X) labels.
        computed: (Y, X) labels.

    Returns:
        (K,) columns reference label, computed label, pixels, y, x; sorted by the two labels.
    """
    start, length = _runs(reference, computed)
    pair = reference.ravel()[start].astype(np.int64)
    pair <<= LABEL_BITS
    pair |= computed.ravel()[start].astype(np.int64)
    runs = np.flatnonzero(pair != 0)  # of cells
    runs = runs[np.argsort(pair[runs], kind="stable")]
    pair, start, length = pair[runs], start[runs], length[runs]
    head = np.flatnonzero(np.diff(pair, prepend=-1) != 0)
    y = start // reference.shape[1]  # many times as fast as divmod
    x = start - y * reference.shape[1]
    pixels = np.add.reduceat(length, head)
    sum_y, sum_2x = (np.add.reduceat(length * column, head) for column in (y, 2 * x + length - 1))
    first, second = np.divmod(pair[head], 1 << LABEL_BITS)
    return first, second, pixels, sum_y / pixels, sum_2x / (2 * pixels)


def _runs(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer]) -> tuple[IntArray, IntArray]:
    """Begin, in the flattened image, and length of each stretch of a row where neither label changes."""
    width = max(first.shape[1], 1)
    size = max(1, BLOCK // width) * width  # whole rows
    flat, other = first.ravel(), second.ravel()
    starts = [
        _changes(flat[at : at + size], other[at : at + size], width) + at for at in range(0, flat.size, size)
    ]
    start = np.concatenate([*starts, np.empty(0, np.int64)])
    return start, np.diff(start, append=flat.size)


def _changes(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer], width: int) -> IntArray:
    """Places where a row begins or either label differs from the one before."""
    changes = np.empty(len(first), np.bool_)
    np.not_equal(first[1:], first[:-1], out=changes[1:])
    changes[1:] |= second[1:] != second[:-1]
    changes[::width] = True
    return np.flatnonzero(changes)


def _require_same_frames(reference: LabelImages, computed: LabelImages) -> None:
    if len(reference) != len(computed):
        raise _different(f"{len(reference)} frames", f"{len(computed)}")
    if len(reference) == 0:
        raise InputError("no frames", place="label images", remedy="give at least one")
    if reference.shape[1:] != computed.shape[1:]:
        raise _different(f"frames of {reference.shape[1:]} pixels", f"{computed.shape[1:]}")


def _different(reference: str, computed: str) -> InputError:
    return InputError(
        f"the reference has {reference}, the computed tracking {computed}",
        place="label images",
        remedy="score two trackings of one movie, each with a label image for every frame",
    )
