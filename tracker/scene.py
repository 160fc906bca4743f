"""A movie as the learned tracker sees it: cells, pairs that may be linked, triples that may be a division."""

from dataclasses import dataclass, replace

import numpy as np

from ingest.tracking_graph import BoolArray, IntArray
from tracker.candidates import Candidates, near_pairs
from tracker.cells import tree_of
from tracker.config import LEARNED_DRAFT
from tracker.draft import Draft
from tracker.lineage import NOBODY

MEMORY = 7
"""Frames that a track is remembered for, the present one included; and foreseen, likewise."""
NEIGHBOURS = 6
"""Cells around a cell that are its neighbourhood."""
NEIGHBOURHOOD = 4.0
"""How far away they may be, in diameters."""
DAUGHTERS = 6
"""A daughter is among so many of the candidates nearest to her mother."""
LONGEST_STEP = LEARNED_DRAFT.longest_step
"""Frames from one detection of a cell to the next, at most."""


@dataclass(frozen=True, eq=False)
class Scene:
    """N cells of a movie and what they may be to each other.

    Attributes:
        draft: how linear assignment links them; its pairs are in `pairs`, and not kept twice.
        pairs: (E,) candidates, by (source, target); between following frames, and over missed ones between
            cells that the draft leaves open.
        triples: (T, 3) mother and two daughters in the next frame, cells; the second smaller than the third.
        triple_pairs: (T, 2) rows, in `pairs`, of the mother with either daughter.
        past, future: (N, 7) the cell itself and those before, or after it in the draft, the nearest first;
            −1 where there is none within seven frames.
        neighbours: (2, G) cells and a neighbour each, in the same frame.
    """

    draft: Draft
    pairs: Candidates
    triples: IntArray
    triple_pairs: IntArray
    past: IntArray
    future: IntArray
    neighbours: IntArray

    def __len__(self) -> int:
        return len(self.draft.cells)


def make_scene(draft: Draft) -> Scene:
    """List what the learned tracker decides on."""
    pairs = _with_gaps(draft)
    triples, triple_pairs = _triples(draft, pairs)
    lineage = draft.lineage
    return Scene(
        replace(draft, pairs=Candidates.joined([])),
        pairs,
        triples,
        triple_pairs,
        _chain(lineage.parent, lineage.frame),
        _chain(lineage.child, lineage.frame),
        _neighbours(draft),
    )


def _with_gaps(draft: Draft) -> Candidates:
    """The draft's candidates, and those over missed frames between its open ends, by (source, target)."""
    ends, begins = np.flatnonzero(~draft.has_child), np.flatnonzero(~draft.has_parent)
    parts = [draft.pairs]
    for step in range(2, LONGEST_STEP + 1):
        radius = draft.costs.reach * np.sqrt(step)
        parts.append(near_pairs(draft.cells, ends, begins, radius, step=step))
    pairs = Candidates.joined(parts)
    return pairs.where(np.lexsort((pairs.target, pairs.source)))


def _triples(draft: Draft, pairs: Candidates) -> tuple[IntArray, IntArray]:
    """Two of the nearest candidates of a cell, of which one at least follows nothing from frame to frame.

    On the three real movies 566 of 571 divisions are among them, though they are but one in forty of all.
    """
    step = draft.cells.frame[pairs.target] - draft.cells.frame[pairs.source]
    row = np.flatnonzero(step == 1)
    order = row[np.lexsort((pairs.distance[row], pairs.source[row]))]
    source = pairs.source[order]
    start = np.searchsorted(source, source)
    order = order[np.arange(len(order)) - start < DAUGHTERS]
    source = pairs.source[order]
    parts = []
    for apart in range(1, DAUGHTERS):
        first, second = order[:-apart], order[apart:]
        same = source[:-apart] == source[apart:]
        orphans = ~draft.has_parent[pairs.target[first]] | ~draft.has_parent[pairs.target[second]]
        parts.append(np.stack([first, second], axis=1)[same & orphans])  # (·, 2)
    rows = np.sort(np.concatenate([np.zeros((0, 2), np.int64), *parts]), axis=1)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return np.concatenate([pairs.source[rows[:, :1]], pairs.target[rows]], axis=1), rows


def _chain(following: IntArray, frame: IntArray) -> IntArray:
    """(N, 7) each cell, the one that `following` leads to, the one after that …; see `Scene.past`."""
    chain = np.full((len(frame), MEMORY), NOBODY, np.int64)
    chain[:, 0] = np.arange(len(frame))
    for k in range(1, MEMORY):
        before = chain[:, k - 1]
        cell = np.where(before == NOBODY, NOBODY, following[before])
        chain[:, k] = np.where(np.abs(frame[cell] - frame) < MEMORY, cell, NOBODY)
    return chain


def _neighbours(draft: Draft) -> IntArray:
    """(2, G) each cell with its nearest ones in the same frame."""
    radius = NEIGHBOURHOOD * draft.motion.diameter
    place = draft.cells.spread(2 * radius + 1)
    if not len(place):
        return np.zeros((2, 0), np.int64)
    distance, nearest = tree_of(place).query(place, k=NEIGHBOURS + 1, distance_upper_bound=radius)
    other = np.asarray(nearest, np.int64)
    cell = np.broadcast_to(np.arange(len(place))[:, None], other.shape)
    near: BoolArray = np.isfinite(distance) & (other != cell)
    return np.stack([cell[near], other[near]])
