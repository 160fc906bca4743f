"""The detections as the tracker sees them: in an order and by features that labels have no say in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import KDTree

from ingest.errors import InputError
from ingest.tracking_graph import BoolArray, Detections, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Cells:
    """The N detections, sorted by (frame, y, x, area): even ties fall the same way whatever their labels.

    Attributes:
        row: (N,) row of each in the `Detections`.
        frame: (N,) zero-based frame.
        position: (N, 2) centroid y, x in pixels.
        area: (N,) pixels.
    """

    row: IntArray
    frame: IntArray
    position: FloatArray
    area: FloatArray

    @classmethod
    def of(cls, detections: Detections) -> "Cells":
        """The cells of all frames.

        Raises:
            InputError: the detections have no areas.
        """
        if "area" not in detections.features:
            raise InputError(
                "detections without areas", remedy="measure them on the label images (ingest.measure)"
            )
        area = detections.features["area"]
        row = np.lexsort((area, detections.x, detections.y, detections.frame))
        position = np.stack([detections.y, detections.x], axis=1)  # (N, 2)
        return cls(row, detections.frame[row], position[row], area[row])

    def __len__(self) -> int:
        return len(self.row)

    @property
    def diameter(self) -> float:
        """Median diameter of the circles with their areas, pixels; 0 without cells."""
        return float(np.median(np.sqrt(4 * self.area / np.pi))) if len(self) else 0.0

    def in_frame(self, frame: int) -> IntArray:
        """The cells of one frame, by their place in these columns."""
        return self.in_frames(frame, frame + 1)

    def in_frames(self, begin: int, end: int) -> IntArray:
        """The cells of frames begin … end − 1, likewise."""
        start, stop = np.searchsorted(self.frame, [begin, end])
        return np.arange(start, stop)

    def spread(self, far: float, later: int = 0) -> FloatArray:
        """(N, 3) y, x and the frame, which is `far` pixels from the next: so one tree has the cells of all.

        Args:
            far: more than the distances that are asked for.
            later: frames by which all are taken to be later than they are.
        """
        return np.column_stack([self.position, (self.frame + later) * far])

    def registered(self, shift: FloatArray) -> "Cells":
        """The cells where they would be had the field not moved; `shift` is (T, 2), see `Motion`."""
        return replace(self, position=self.position - shift[self.frame])


def tree_of(places: FloatArray) -> KDTree:
    """A tree that is made in half the time of the usual one, and asked as fast: cells hardly cluster."""
    return KDTree(places, compact_nodes=False, balanced_tree=False)


def has_cells_beside(frame: IntArray) -> tuple[BoolArray, BoolArray]:
    """(N,) each, of the cells with these frames: whether the frame before, and the one after, has cells."""
    has_cells = np.bincount(frame + 1, minlength=int(frame.max(initial=-1)) + 3) > 0
    return has_cells[frame], has_cells[frame + 2]


def stretches(frame: IntArray, size: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of stretches of whole frames with `size` cells at most, or of one frame; all together."""
    counts = np.bincount(frame)
    begin = held = 0
    for t, count in enumerate(counts.tolist()):
        if held and held + count > size:
            yield begin, t
            begin, held = t, 0
        held += count
    if len(counts):
        yield begin, len(counts)
