"""Which cells of a frame may follow which of the frame before: sparse pairs, never N × N."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, repeat

import numpy as np
import numpy.typing as npt

from ingest.errors import LineageError
from ingest.label_runs import cell_runs
from ingest.movie import LabelImages
from ingest.ranges import expanded
from ingest.tracking_graph import BoolArray, Detections, FloatArray, IntArray
from tracker.cells import Cells, stretches, tree_of

AT_ONCE = 10_000
"""Cells whose near ones are asked for together: more are no faster, and their pairs take memory."""


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

    def where(self, rows: IntArray | BoolArray | slice) -> "Candidates":
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


def near_pairs(
    cells: Cells, sources: IntArray, targets: IntArray, radius: float, *, step: int = 1
) -> Candidates:
    """The pairs of these cells that are `step` frames and at most `radius` pixels apart, with overlap 0.

    They come by (source, target).
    """
    if not len(sources) or not len(targets):
        return Candidates.joined([])
    far = 2 * radius + 1
    tree, other = tree_of(cells.spread(far)[sources]), tree_of(cells.spread(far, -step)[targets])
    found = tree.sparse_distance_matrix(other, radius, output_type="ndarray")
    source, target = sources[found["i"]], targets[found["j"]]
    order = np.lexsort((target, source))
    return Candidates(source[order], target[order], found["v"][order], np.zeros(len(order)))


def frame_candidates(
    labels: LabelImages, detections: Detections, cells: Cells, shift: FloatArray, radius: float
) -> Iterator[Candidates]:
    """The candidates between each two following frames; one label image is in memory at once.

    Args:
        labels: the cells' masks.
        detections: says which label is which cell.
        cells: the detections, registered.
        shift: (T, 2) place of the field in each frame, `Motion.shift`.
        radius: how far apart two cells may be, pixels.

    Raises:
        LineageError: a cell of a label image is no detection.
    """
    place = np.argsort(cells.row)  # (N,) row of the detections → place in cells
    moves = np.rint(np.diff(shift, axis=0)).astype(np.int64)  # (T − 1, 2)
    near = _near_by_frame(cells, radius)

    def runs_of(t: int) -> CellRuns:
        runs = CellRuns.of(labels.stored_frame(t))
        return replace(runs, cell=place[_rows(detections, t, runs.cell)])

    for t, (before, after) in enumerate(pairwise(map(runs_of, range(len(labels))))):
        pairs = next(near)
        yield replace(pairs, overlap=_overlap(pairs, *shared_pixels(before, after.moved(-moves[t]))))


def _near_by_frame(cells: Cells, radius: float) -> Iterator[Candidates]:
    """The near pairs of each frame with the next, without end; found for `AT_ONCE` cells together."""
    for begin, end in stretches(cells.frame, AT_ONCE):
        pairs = near_pairs(cells, cells.in_frames(begin, end), cells.in_frames(begin + 1, end + 1), radius)
        for rows in pairwise(np.searchsorted(cells.frame[pairs.source], np.arange(begin, end + 1))):
            yield pairs.where(slice(*rows))
    yield from repeat(Candidates.joined([]))  # after the last cell


@dataclass(frozen=True, eq=False)
class CellRuns:
    """The cells of a label image as R runs of pixels beside each other in one row; far fewer than pixels.

    Attributes:
        width: of the image, pixels.
        cell: (R,) whose each is, by label or by any other number.
        begin, end: (R,) its pixels, begin … end − 1, in the image flattened; ascending.
    """

    width: int
    cell: IntArray
    begin: IntArray
    end: IntArray

    @classmethod
    def of(cls, labels: npt.NDArray[np.integer]) -> "CellRuns":
        """The runs of a (Y, X) label image, by label."""
        begin, end = cell_runs(labels)
        return cls(labels.shape[1], labels.ravel().take(begin).astype(np.int64), begin, end)

    def moved(self, move: IntArray) -> "CellRuns":
        """Moved by `move`, (2,) y and x, without what is then left or right of the image."""
        row, x = np.divmod(self.begin, self.width)
        x += move[1]
        begin, end = np.maximum(x, 0), np.minimum(x + self.end - self.begin, self.width)
        row_start, is_left = (row + move[0]) * self.width, begin < end
        begin, end = (row_start + begin)[is_left], (row_start + end)[is_left]
        return CellRuns(self.width, self.cell[is_left], begin, end)


def shared_pixels(before: CellRuns, after: CellRuns) -> tuple[IntArray, IntArray, FloatArray]:
    """Which cells of two label images of one size lie on each other.

    Returns:
        (S,) cells before, (S,) cells after and (S,) pixels, for each two runs that share any.
    """
    first = np.searchsorted(after.end, before.begin, "right")
    count = np.searchsorted(after.begin, before.end) - first  # (R,) runs that each lies on
    one, other = expanded(first, count)
    pixels = np.minimum(before.end[one], after.end[other]) - np.maximum(before.begin[one], after.begin[other])
    return before.cell[one], after.cell[other], pixels.astype(np.float64)


def _overlap(pairs: Candidates, source: IntArray, target: IntArray, pixels: FloatArray) -> FloatArray:
    """(E,) pixels of each pair, summed over what its runs share: (S,) `source`, `target` and `pixels`."""
    if not len(pairs):
        return pairs.overlap
    width = max(int(pairs.target.max()), int(target.max(initial=0))) + 1
    keys, wanted = pairs.source * width + pairs.target, source * width + target
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = keys[at] == wanted
    return np.bincount(at[found], pixels[found], minlength=len(keys)).astype(np.float64)


def _rows(detections: Detections, frame: int, label: IntArray) -> IntArray:
    """(S,) row of the detection with each label."""
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
