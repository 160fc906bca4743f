"""Label images that fit into memory by the thousand."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.loops import compiled
from ingest.tracking_graph import IntArray


@dataclass(frozen=True, eq=False)
class LabelRuns:
    """A label image as runs of equal labels: a fortieth of its size where some hundred cells are in it.

    Attributes:
        shape: (Y, X).
        value: (runs,) label of each run, in raster order.
        length: (runs,) its pixels.
    """

    shape: tuple[int, ...]
    value: npt.NDArray[np.int32]
    length: IntArray

    @classmethod
    def of(cls, labels: npt.NDArray[np.int32]) -> "LabelRuns":
        """The runs of a (Y, X) label image; a run may go on over the end of a row."""
        flat = labels.ravel()
        start = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
        return cls(labels.shape, flat[start], np.diff(start, append=flat.size))

    def image(self) -> npt.NDArray[np.int32]:
        """The (Y, X) label image."""
        return np.repeat(self.value, self.length).reshape(self.shape)


def cell_runs(labels: npt.NDArray[np.integer]) -> tuple[IntArray, IntArray]:
    """The runs of pixels of one cell beside each other in one row; they are far fewer than pixels.

    Args:
        labels: (Y, X) label image.

    Returns:
        (R,) first pixel of each, in the image flattened, ascending; (R,) the pixel after its last.
    """
    loops = compiled()
    if loops is not None:
        return loops.runs(labels)
    flat, width = labels.ravel(), labels.shape[1]
    is_start = np.ones(flat.size + 1, bool)
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:-1])
    is_start[::width] = True
    start = np.flatnonzero(is_start)
    is_cell = flat.take(start[:-1]) != 0
    return start[:-1][is_cell], start[1:][is_cell]
