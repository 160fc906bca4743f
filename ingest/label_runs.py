"""Label images that fit into memory by the thousand."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
