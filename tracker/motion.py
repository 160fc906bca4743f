"""How far cells move from frame to frame, and how the stage moves under them: all measured from the movie."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import KDTree

from ingest.tracking_graph import FloatArray, IntArray
from tracker.cells import Cells

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
    diameter = cells.diameter
    shift = np.zeros((frames, 2))
    steps = [np.zeros(0)]
    places = [cells.position[cells.in_frame(t)] for t in range(frames)]
    for t, (before, after) in enumerate(pairwise(places)):
        move = field_shift(before, after, diameter)
        shift[t + 1] = shift[t] + move
        source, target = mutual_nearest(before + move, after)
        steps.append(np.linalg.norm(after[target] - before[source] - move, axis=1))
    step = np.concatenate(steps)
    return Motion(shift, float(np.percentile(step, STEP_PERCENTILE)) if len(step) else 0.0, diameter)


def field_shift(before: FloatArray, after: FloatArray, diameter: float) -> FloatArray:
    """(2,) move that most cells share: a jump of the stage, by vote, and the median of what is left.

    A move is believed where at least half of the cells, and five, land on a cell; the median where it exceeds
    three times its standard error, 1.2533 σ/√n with σ = 1.4826 MAD.

    Args:
        before: (n, 2) centroids in a frame, pixels.
        after: (m, 2) centroids in the next.
        diameter: of a cell, pixels.
    """
    jump = _jump(before, after, diameter)
    source, target = mutual_nearest(before + jump, after)
    if len(source) < QUORUM:
        return jump
    steps = after[target] - before[source] - jump  # (pairs, 2)
    middle = np.median(steps, axis=0)
    error = 1.2533 * 1.4826 * np.median(np.abs(steps - middle), axis=0) / np.sqrt(len(steps))
    return jump + np.where(np.abs(middle) > 3 * error, middle, 0.0)


def mutual_nearest(before: FloatArray, after: FloatArray) -> tuple[IntArray, IntArray]:
    """Rows of the cells of two frames, (n, 2) and (m, 2), each of which is nearest to the other."""
    if not len(before) or not len(after):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    forth, back = _nearest(before, after), _nearest(after, before)
    source = np.flatnonzero(back[forth] == np.arange(len(before)))
    return source, forth[source]


def _nearest(places: FloatArray, among: FloatArray) -> IntArray:
    return np.asarray(KDTree(among).query(places)[1], np.int64)


def _jump(before: FloatArray, after: FloatArray, diameter: float) -> FloatArray:
    """(2,) jump of the stage: 0 where the cells are near where they were, or where no jump is clear."""
    quorum = max(QUORUM, min(len(before), len(after)) / 2)
    still = np.zeros(2)
    if min(len(before), len(after)) < quorum or _landing(before, after, diameter) >= quorum:
        return still
    jump = _vote(before, after, diameter / 2)
    return jump if _landing(before + jump, after, diameter) >= quorum else still


def _landing(before: FloatArray, after: FloatArray, diameter: float) -> int:
    """How many cells find one within a quarter of a diameter of where they were."""
    distance, _ = KDTree(after).query(before, distance_upper_bound=diameter / 4)
    return int(np.isfinite(distance).sum())


def _vote(before: FloatArray, after: FloatArray, bin_size: float) -> FloatArray:
    """(2,) commonest displacement of any cell before to any cell after: a generalised Hough transform."""
    anchors = before[:: -(-len(before) // ANCHORS)]
    moves = (after[None] - anchors[:, None]).reshape(-1, 2)  # (anchors · m, 2)
    bins = np.rint(moves / bin_size).astype(np.int64)
    bins -= bins.min(axis=0)
    _, owner, votes = np.unique(bins[:, 0] * (bins[:, 1].max() + 1) + bins[:, 1], False, True, True)
    winner = moves[owner == np.argmax(votes)]
    near = np.linalg.norm(moves - winner.mean(axis=0), axis=1) <= bin_size
    middle: FloatArray = np.median(moves[near], axis=0)
    return middle
