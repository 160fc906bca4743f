"""The Viterbi algorithm: the best paths through arcs, frame by frame, and those of them that do not meet."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import FloatArray, IntArray
from tracker.arcs import Arcs
from tracker.lineage import NOBODY

LEAST_GAIN = 1e-6
"""A path that gains less gains only by rounding."""
NO_ARC = -1


@dataclass(frozen=True, eq=False)
class Trellis:
    """The best path to each cell.

    Attributes:
        arcs: all there are, by the frame of their head; those that end a path come last.
        value: (N,) what the best path to each cell gains, the cell included.
        arrival: (N,) row of the arc by which that path comes, NO_ARC for none.
    """

    arcs: Arcs
    value: FloatArray
    arrival: IntArray


def solve(arcs: Arcs, frame: IntArray, reward: float) -> Trellis:
    """Viterbi: v(q) = reward + max over the arcs into q of gain + v(tail), v(nobody) = 0.

    Args:
        arcs: each leads from a frame to a later one, or begins or ends a path.
        frame: (N,) of each cell, ascending.
        reward: what a cell in a track saves.
    """
    arcs = arcs.where(np.argsort(np.where(arcs.head == NOBODY, len(frame), arcs.head), kind="stable"))
    value, arrival = np.full(len(frame), -np.inf), np.full(len(frame), NO_ARC, np.int64)
    inner = arcs.head[arcs.head != NOBODY]
    for rows in np.split(np.arange(len(inner)), np.flatnonzero(np.diff(frame[inner])) + 1):
        if len(rows):
            best, gain = _best(arcs.head[rows], _total(arcs, rows, value))
            value[arcs.head[rows[best]]] = gain + reward
            arrival[arcs.head[rows[best]]] = rows[best]
    return Trellis(arcs, value, arrival)


def best_paths(trellis: Trellis) -> IntArray:
    """Rows of the arcs of the best path, of the next best that shares no cell and no link with it, and so on.

    As they touch nothing in common, each gains by itself what it gains after the others: together they are
    what many rounds would add, one path a round.
    """
    arcs = trellis.arcs
    last = np.flatnonzero(arcs.head == NOBODY)
    last = last[np.argsort(arcs.tail[last], kind="stable")]
    best, gain = _best(arcs.tail[last], _total(arcs, last, trellis.value))
    order = np.argsort(-gain, kind="stable")
    ends = last[best[order]][gain[order] > LEAST_GAIN]
    return np.array(list(_disjoint(trellis, ends)), np.int64)


def _disjoint(trellis: Trellis, ends: IntArray) -> Iterator[int]:
    """Rows of the arcs of the paths that end so, but of those that meet one before."""
    arcs = trellis.arcs
    tail, touched = (
        arcs.tail.tolist(),
        list(zip(*(column.tolist() for column in _touched(arcs)), strict=True)),
    )
    arrival = trellis.arrival.tolist()
    taken: set[int] = {NOBODY}
    for end in ends.tolist():
        path, places = [], []
        row = end
        while row != NO_ARC:
            mine = [place for place in touched[row] if place != NOBODY]
            if not taken.isdisjoint(mine):
                break
            path.append(row)
            places += mine
            row = arrival[tail[row]] if tail[row] != NOBODY else NO_ARC
        else:
            taken.update(places)
            yield from path


def _touched(arcs: Arcs) -> tuple[IntArray, IntArray, IntArray]:
    """(A,) the head, the way into what is taken over, the way out of the source; NOBODY where there is none.

    Cells are even numbers there, the ways into and out of cells in tracks are odd.
    """
    count = 1 + max(int(column.max(initial=0)) for column in (arcs.head, arcs.taken, arcs.source))
    into = np.where(arcs.taken == NOBODY, NOBODY, count + arcs.taken)
    out = np.where((arcs.source == NOBODY) | (arcs.source == arcs.tail), NOBODY, 2 * count + arcs.source)
    return arcs.head, into, out


def _total(arcs: Arcs, rows: IntArray, value: FloatArray) -> FloatArray:
    tail = arcs.tail[rows]
    return arcs.gain[rows] + np.where(tail == NOBODY, 0.0, value[tail])


def _best(owner: IntArray, gain: FloatArray) -> tuple[IntArray, FloatArray]:
    """Place of the first of the largest gains of each owner, and that gain; `owner` is in groups."""
    if not len(owner):
        return np.zeros(0, np.int64), np.zeros(0)
    start = np.flatnonzero(np.diff(owner, prepend=owner[0] - 1))
    most = np.maximum.reduceat(gain, start)
    group = np.repeat(np.arange(len(start)), np.diff(start, append=len(owner)))
    hits = np.flatnonzero(gain == most[group])
    return hits[np.unique(group[hits], return_index=True)[1]], most
