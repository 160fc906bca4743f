"""How far cells move from frame to frame, and how the stage moves under them: all measured from the movie."""

from dataclasses import dataclass, replace

import numpy as np

from ingest.tracking_graph import FloatArray, IntArray
from tracker.cells import Cells, has_cells_beside, tree_of

STEP_PERCENTILE = 95
ANCHORS = 100
"""Cells of a frame that vote on a jump of the stage."""
QUORUM = 5
"""Fewer cells that move alike may do so by chance."""


@dataclass(frozen=True, eq=False)
class Motion:
    """The scales of a movie, in pixels.

    Attributes:
        shift: (T, 2) y, x by which the whole field stands off from where it was in frame 0.
        step: 95th percentile of the cells' own steps, between mutual nearest neighbours of following frames.
        diameter: that of the cells.
    """

    shift: FloatArray
    step: float
    diameter: float


def measure_motion(cells: Cells, frames: int) -> Motion:
    """Measure the scales of a movie of `frames` frames; lengths are 0 where there is nothing to measure."""
    move = field_moves(cells, frames)
    source, target = mutual_nearest(cells, move)
    steps = _steps(cells, source, target, move)
    step = float(np.percentile(np.linalg.norm(steps, axis=1), STEP_PERCENTILE)) if len(steps) else 0.0
    shift = np.zeros((frames, 2))
    np.cumsum(move[: frames - 1], axis=0, out=shift[1:])
    return Motion(shift, step, cells.diameter)


def field_moves(cells: Cells, frames: int) -> FloatArray:
    """(T, 2) move to the next frame that most cells share: a jump of the stage, and the median of the rest.

    A jump is believed where at least half of the cells, and five, land on a cell; the median where it exceeds
    three times its standard error, 1.2533 σ/√n with σ = 1.4826 MAD.
    """
    move = _jumps(cells, frames)
    source, target = mutual_nearest(cells, move)
    steps, frame = _steps(cells, source, target, move), cells.frame[source]  # (pairs, 2), (pairs,)
    middle = _medians(steps, frame, frames)
    spread = _medians(np.abs(steps - middle[frame]), frame, frames)
    count = np.bincount(frame, minlength=frames)[:, None]
    error = 1.2533 * 1.4826 * spread / np.sqrt(np.maximum(count, 1))
    return move + np.where((count >= QUORUM) & (np.abs(middle) > 3 * error), middle, 0.0)


def mutual_nearest(cells: Cells, move: FloatArray) -> tuple[IntArray, IntArray]:
    """(P,) cells and (P,) cells of the next frame, each of which is nearest to the other.

    Args:
        cells: of all frames.
        move: (T, 2) of the field from each frame to the next, which is taken off.
    """
    sources, targets = (np.flatnonzero(beside) for beside in has_cells_beside(cells.frame)[::-1])
    if not len(sources):  # who has no frame to look into would look into all others
        return sources, targets
    moved = replace(cells, position=cells.position + move[cells.frame])
    far = 2 * float(np.ptp(np.concatenate([moved.position, cells.position]), axis=0).sum()) + 1
    before, after = moved.spread(far)[sources], cells.spread(far, -1)[targets]
    forth, back = (
        np.asarray(tree_of(among).query(places)[1], np.int64)
        for places, among in ((before, after), (after, before))
    )
    mutual = np.flatnonzero(back[forth] == np.arange(len(forth)))
    return sources[mutual], targets[forth[mutual]]


def _steps(cells: Cells, source: IntArray, target: IntArray, move: FloatArray) -> FloatArray:
    """(P, 2) how far each target is from its source, the move of the field taken off."""
    return cells.position[target] - cells.position[source] - move[cells.frame[source]]


def _medians(values: FloatArray, frame: IntArray, frames: int) -> FloatArray:
    """(T, 2) medians of the (P, 2) values of each frame; where it has none, some number."""
    if not len(values):
        return np.zeros((frames, 2))
    size = np.bincount(frame, minlength=frames)
    first = np.cumsum(size) - size
    lower, upper = (np.clip(first + middle // 2, 0, len(values) - 1) for middle in (size - 1, size))
    ordered = [column[np.lexsort((column, frame))] for column in values.T]
    return np.stack([(column[lower] + column[upper]) / 2 for column in ordered], axis=1)


def _jumps(cells: Cells, frames: int) -> FloatArray:
    """(T, 2) jump of the stage to the next frame: 0 where cells stay near, and where no jump is clear."""
    jump = np.zeros((frames, 2))
    diameter, size = cells.diameter, np.bincount(cells.frame, minlength=frames)
    fewer = np.minimum(size[:-1], size[1:])
    quorum = np.maximum(QUORUM, fewer / 2)
    is_lost = (fewer >= quorum) & (_landed(cells, frames, diameter / 4)[:-1] < quorum)
    for t in np.flatnonzero(is_lost).tolist():
        before, after = (cells.position[cells.in_frame(frame)] for frame in (t, t + 1))
        voted = _vote(before, after, diameter / 2)
        distance, _ = tree_of(after).query(before + voted, distance_upper_bound=diameter / 4)
        if np.isfinite(distance).sum() >= quorum[t]:
            jump[t] = voted
    return jump


def _landed(cells: Cells, frames: int, reach: float) -> IntArray:
    """(T,) how many cells find one of the next frame within `reach` of where they were."""
    if not len(cells):
        return np.zeros(frames, np.int64)
    before, after = cells.spread(2 * reach + 1), cells.spread(2 * reach + 1, -1)
    distance, _ = tree_of(after).query(before, distance_upper_bound=reach)
    return np.bincount(cells.frame[np.isfinite(distance)], minlength=frames)


def _vote(before: FloatArray, after: FloatArray, bin_size: float) -> FloatArray:
    """(2,) commonest displacement of any cell before to any cell after: a generalised Hough transform."""
    anchors = before[:: -(-len(before) // ANCHORS)]
    moves = (after[None] - anchors[:, None]).reshape(-1, 2)  # (anchors · m, 2)
    bins = np.rint(moves / bin_size).astype(np.int64)
    bins -= bins.min(axis=0)
    number = bins[:, 0] * (bins[:, 1].max() + 1) + bins[:, 1]
    _, owner, votes = np.unique(number, return_inverse=True, return_counts=True)
    winner = moves[owner == np.argmax(votes)]
    near = np.linalg.norm(moves - winner.mean(axis=0), axis=1) <= bin_size
    middle: FloatArray = np.median(moves[near], axis=0)
    return middle
