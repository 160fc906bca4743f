"""Trees of cells: what descends from what, as intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import IntArray, LinkKind, TrackingGraph, Tracks


def cells(graph: TrackingGraph) -> Tracks:
    """Tracks that end in a division or a loss only: an only child continues its parent.

    A track cut in two with a parent link between is one cell, as if the link were a GAP.
    """
    children = np.bincount(graph.links[:, 0], minlength=len(graph.detections))
    divides = children[graph.links[:, 0]] >= 2
    kind = np.where(divides, LinkKind.DIVISION, LinkKind.GAP).astype(np.uint8)
    return TrackingGraph(graph.detections, graph.links, kind).tracks


@dataclass(frozen=True, eq=False)
class Ancestry:
    """Places of tracks in a depth-first walk through their lineages.

    Attributes:
        begin, end: (T,) the descendants of a track, itself the first, take the places begin ≤ p < end.
    """

    begin: IntArray
    end: IntArray

    def sum_of_relatives(self, values: IntArray) -> IntArray:
        """(T,) sum of `values` (T,) over each track, its ancestors and its descendants."""
        return self._sum_of_descendants(values) + self._sum_of_ancestors(values)

    def _sum_of_descendants(self, values: IntArray) -> IntArray:
        """Itself included."""
        in_order = np.zeros_like(values)
        in_order[self.begin] = values
        total = np.concatenate(([0], np.cumsum(in_order)))
        summed: IntArray = total[self.end] - total[self.begin]
        return summed

    def _sum_of_ancestors(self, values: IntArray) -> IntArray:
        """Itself left out."""
        change = np.zeros(len(values) + 1, np.int64)
        np.add.at(change, self.begin + 1, values)
        np.subtract.at(change, self.end, values)
        summed: IntArray = np.cumsum(change)[self.begin]
        return summed


def ancestry(tracks: Tracks) -> Ancestry:
    """Walk all lineages, parents before children."""
    size = np.ones(len(tracks), np.int64)
    generations = list(_by_generation(tracks))
    for rows in reversed(generations[1:]):
        np.add.at(size, tracks.parent[rows], size[rows])
    begin = np.zeros(len(tracks), np.int64)
    for rows in generations:
        siblings = rows[np.argsort(tracks.parent[rows], kind="stable")]
        begin[siblings] = _places(tracks.parent[siblings], size[siblings], begin)
    return Ancestry(begin, begin + size)


def _by_generation(tracks: Tracks) -> Iterator[IntArray]:
    """Rows of the founders, of their children, and so on."""
    order = np.argsort(tracks.generation, kind="stable")
    bounds = np.searchsorted(tracks.generation[order], np.arange(1, tracks.generation.max(initial=0) + 1))
    yield from np.split(order, bounds)


def _places(parent: IntArray, size: IntArray, begin: IntArray) -> IntArray:
    """First place of each track, those of one parent side by side behind it."""
    before = np.cumsum(size) - size
    is_first = np.ones(len(parent), np.bool_)
    is_first[1:] = parent[1:] != parent[:-1]
    family = np.cumsum(is_first) - 1
    start = np.where(parent >= 0, begin[parent] + 1, 0)
    places: IntArray = start + before - before[is_first][family]
    return places
