"""Which cells of a frame may follow which of the frame before: sparse pairs, never N × N."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from ingest.errors import LineageError
from ingest.movie import LabelImages
from ingest.tracking_graph import BoolArray, Detections, FloatArray, IntArray
from tracker.cells import Cells

Labels = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Candidates:
    """E pairs of cells that may be linked.

    Attributes:
        source, target: (E,) the earlier and the later cell, by their place in `Cells`.
        distance: (E,) between their centroids, the move of the field taken off, pixels.
        overlap: (E,) pixels that their masks share, the move of the field taken off; 0 over missed frames.
    """

    source: IntArray
    target: IntArray
    distance: FloatArray
    overlap: FloatArray

    def __len__(self) -> int:
        return len(self.source)

    def where(self, rows: IntArray | BoolArray) -> "Candidates":
        """The pairs of these rows."""
        return Candidates(self.source[rows], self.target[rows], self.distance[rows], self.overlap[rows])

    @classmethod
    def joined(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """All pairs of all parts, in their order."""
        none = cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        parts = [none, *parts]
        return cls(
            np.concatenate([part.source for part in parts]),
            np.concatenate([part.target for part in parts]),
            np.concatenate([part.distance for part in parts]),
            np.concatenate([part.overlap for part in parts]),
        )


def near_pairs(cells: Cells, sources: IntArray, targets: IntArray, radius: float) -> Candidates:
    """The pairs of these cells at most `radius` pixels apart, by (source, target), with overlap 0."""
    if not len(sources) or not len(targets):
        return Candidates.joined([])
    tree, other = KDTree(cells.position[sources]), KDTree(cells.position[targets])
    found = tree.sparse_distance_matrix(other, radius, output_type="ndarray")
    source, target = sources[found["i"]], targets[found["j"]]
    order = np.lexsort((target, source))
    return Candidates(source[order], target[order], found["v"][order], np.zeros(len(order)))


def frame_candidates(
    labels: LabelImages, detections: Detections, cells: Cells, shift: FloatArray, radius: float
) -> Iterator[Candidates]:
    """The candidates between each two following frames; two label images are in memory at once.

    Args:
        labels: the cells' masks.
        detections: says which label is which cell.
        cells: the detections, registered.
        shift: (T, 2) place of the field in each frame, `Motion.shift`.
        radius: how far apart two cells may be, pixels.

    Raises:
        LineageError: a cell that lies on another frame's is no detection.
    """
    place = np.argsort(cells.row)  # (N,) row of the detections → place in cells
    moves = np.rint(np.diff(shift, axis=0)).astype(np.int64)  # (T − 1, 2)
    images = (labels.stored_frame(t) for t in range(len(labels)))
    for t, (before, after) in enumerate(pairwise(images)):
        here, there = cells.in_frame(t), cells.in_frame(t + 1)
        pairs = near_pairs(cells, here, there, radius)
        label_before, label_after, pixels = shared_pixels(before, after, moves[t])
        source = place[_rows(detections, t, label_before)]
        target = place[_rows(detections, t + 1, label_after)]
        yield replace(pairs, overlap=_overlap(pairs, source, target, pixels))


def shared_pixels(before: Labels, after: Labels, move: IntArray) -> tuple[Labels, Labels, FloatArray]:
    """Which cells of two (Y, X) label images lie on each other once the second is moved back by `move`, (2,).

    Label images are made of runs, and of far fewer runs than pixels: so this counts runs, of what lies on
    each other.

    Returns:
        (R,) labels before, (R,) labels after and (R,) pixels, for each run that belongs to one pair of cells.
    """
    ahead, back = np.maximum(move, 0), np.maximum(-move, 0)
    height, width = np.maximum(before.shape - ahead - back, 0)
    first = before[back[0] :, back[1] :][:height, :width].ravel()
    second = after[ahead[0] :, ahead[1] :][:height, :width].ravel()
    is_start = np.ones(first.size, bool)
    is_start[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    start = np.flatnonzero(is_start)
    first, second = first.take(start), second.take(start)
    pixels = np.diff(start, append=is_start.size).astype(np.float64)
    both = (first != 0) & (second != 0)
    return first[both], second[both], pixels[both]


def _overlap(pairs: Candidates, source: IntArray, target: IntArray, pixels: FloatArray) -> FloatArray:
    """(E,) pixels of each pair, summed over the runs of its `source` and `target`, (R,) each."""
    if not len(pairs):
        return pairs.overlap
    width = max(int(pairs.target.max()), int(target.max(initial=0))) + 1
    keys, wanted = pairs.source * width + pairs.target, source * width + target
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = keys[at] == wanted
    return np.bincount(at[found], pixels[found], minlength=len(keys)).astype(np.float64)


def _rows(detections: Detections, frame: int, label: Labels) -> IntArray:
    """(R,) row of the detection with each label."""
    rows = detections.frame_slice(frame)
    known = detections.label[rows]
    at = np.searchsorted(known, label)
    strange = np.append(known, 0)[at] != label
    if strange.any():
        raise LineageError(
            f"label {label[strange][0]} is in the label image, but no detection",
            place=f"frame {frame}",
            remedy="measure the detections on these label images",
        )
    return at + int(rows.start)
