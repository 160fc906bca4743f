"""Who came from whom: grows link by link, ends as a tracking graph."""

import numpy as np

from ingest.tracking_graph import BoolArray, Detections, FloatArray, IntArray, LinkKind, TrackingGraph
from tracker.candidates import Candidates

NOBODY = -1


class Lineage:
    """What is known of N cells' parents and children; valid after every step.

    Attributes:
        frame: (N,) of each cell.
        parent: (N,) the cell that each one goes on from or is a daughter of, or NOBODY.
        child: (N,) the cell that each one goes on as, its first daughter if it divides, or NOBODY.
        divides: (N,) whether it has more daughters than that one.
        cost: (N,) of the link from the cell that each one goes on from.
        overlap: (N,) pixels that it shares with that cell.
    """

    def __init__(self, frame: IntArray) -> None:
        count = len(frame)
        self.frame = frame
        self.parent = np.full(count, NOBODY, np.int64)
        self.child = np.full(count, NOBODY, np.int64)
        self.divides = np.zeros(count, bool)
        self.cost = np.zeros(count)
        self.overlap = np.zeros(count)

    @property
    def begins(self) -> BoolArray:
        """(N,) whether a track begins with the cell, for all that is known."""
        begins: BoolArray = self.parent == NOBODY
        return begins

    @property
    def ends(self) -> BoolArray:
        """(N,) whether a track ends with the cell."""
        ends: BoolArray = self.child == NOBODY
        return ends

    def is_gap(self, cells: IntArray) -> BoolArray:
        """Whether frames were missed between each of these cells and the one that it goes on from."""
        is_gap: BoolArray = self.frame[cells] - self.frame[self.parent[cells]] > 1
        return is_gap

    def link(self, pairs: Candidates, cost: FloatArray) -> None:
        """Let each source go on as its target, in place of what it went on as."""
        replaced = self.child[pairs.source]
        self.parent[replaced[replaced != NOBODY]] = NOBODY
        self.parent[pairs.target] = pairs.source
        self.child[pairs.source] = pairs.target
        self.cost[pairs.target] = cost
        self.overlap[pairs.target] = pairs.overlap

    def divide(self, pairs: Candidates) -> None:
        """Make each target a daughter of its source, beside the child that this has."""
        self.parent[pairs.target] = pairs.source
        self.divides[pairs.source] = True

    def graph(self, detections: Detections, row: IntArray) -> TrackingGraph:
        """The tracking; `row` is (N,) the row of each cell in `detections`."""
        later = np.flatnonzero(~self.begins)
        earlier = self.parent[later]
        links = np.stack([row[earlier], row[later]], axis=1)  # (E, 2)
        kind = np.where(self.is_gap(later), LinkKind.GAP, LinkKind.NEXT)
        kind[self.divides[earlier]] = LinkKind.DIVISION
        order = np.argsort(links[:, 1])
        return TrackingGraph(detections, links[order], kind[order].astype(np.uint8))
