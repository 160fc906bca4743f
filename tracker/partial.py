"""A tracking that grows path by path: who is in it, who goes on as whom, and what each link costs."""

from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import BoolArray, FloatArray, IntArray
from tracker.candidates import Candidates
from tracker.lineage import NOBODY, Lineage


@dataclass(eq=False)
class PartialTracking:
    """The tracks so far over N cells, of which some are in no track yet.

    Attributes:
        used: (N,) whether a cell is in a track.
        parent: (N,) the cell that it goes on from or is a daughter of, or NOBODY.
        child: (N,) the cell that it goes on as, or its first daughter, or NOBODY.
        second: (N,) its second daughter, or NOBODY.
        paid: (N,) cost of the link to the parent; of a second daughter, what the division adds to that.
        overlap: (N,) pixels shared with the parent.
        plain: (N,) whether that link is an ordinary one to the next frame, which paths may take over.
    """

    used: BoolArray
    parent: IntArray
    child: IntArray
    second: IntArray
    paid: FloatArray
    overlap: FloatArray
    plain: BoolArray

    @classmethod
    def empty(cls, count: int) -> "PartialTracking":
        """Of `count` cells, none in a track."""
        nobody = np.full(count, NOBODY, np.int64)
        no = np.zeros(count, bool)
        return cls(no, nobody, nobody.copy(), nobody.copy(), np.zeros(count), np.zeros(count), no.copy())

    def copy(self) -> "PartialTracking":
        """The same, to be changed apart."""
        return PartialTracking(*(column.copy() for column in vars(self).values()))

    @property
    def founds(self) -> BoolArray:
        """(N,) whether a track without a parent begins with the cell."""
        founds: BoolArray = self.used & (self.parent == NOBODY)
        return founds

    @property
    def ends(self) -> BoolArray:
        """(N,) whether a track ends with the cell, without a division."""
        ends: BoolArray = self.used & (self.child == NOBODY)
        return ends

    @property
    def gives(self) -> BoolArray:
        """(N,) whether the link to the cell's child may be another path's, or become a division."""
        gives: BoolArray = (self.child != NOBODY) & (self.second == NOBODY) & self.plain[self.child]
        return gives

    @property
    def given(self) -> BoolArray:
        """(N,) whether the link from the cell's parent may be another path's."""
        given: BoolArray = (self.parent != NOBODY) & self.gives[self.parent]
        return given

    def cost(self, *, birth: float, death: float) -> float:
        """What the tracks cost, less a birth and a death for each cell that is in one."""
        links = float(self.paid[self.used & (self.parent != NOBODY)].sum())
        used = int(np.count_nonzero(self.used))
        founded, ended = np.count_nonzero(self.founds), np.count_nonzero(self.ends)
        return links + birth * (founded - used) + death * (ended - used)

    def cut(self, cells: IntArray) -> None:
        """Take the parents from these cells; no parent may have another daughter."""
        before = self.parent[cells]
        self.child[before[before != NOBODY]] = NOBODY
        self.parent[cells] = NOBODY

    def link(self, pairs: Candidates, cost: FloatArray, plain: BoolArray) -> None:
        """Let each source, which has no child, go on as its target, which has no parent."""
        self._join(pairs, cost, plain)
        self.child[pairs.source] = pairs.target

    def divide(self, pairs: Candidates, cost: FloatArray) -> None:
        """Make each target the second daughter of its source."""
        self._join(pairs, cost, np.zeros(len(pairs), bool))
        self.second[pairs.source] = pairs.target

    def release(self, cells: IntArray) -> None:
        """Take cells out of their tracks; none is, or is the daughter of, a mother."""
        children = self.child[cells]
        self.cut(cells)
        self.cut(children[children != NOBODY])
        self.used[cells] = False

    def lineage(self, frame: IntArray) -> Lineage:
        """The tracking; `frame` is (N,) of each cell."""
        lineage = Lineage(frame)
        daughters = self.second[self.second != NOBODY]
        goes_on = self.parent != NOBODY
        goes_on[daughters] = False
        later = np.flatnonzero(goes_on)
        lineage.link(self._pairs(later), self.paid[later])
        lineage.divide(self._pairs(daughters))
        return lineage

    def _join(self, pairs: Candidates, cost: FloatArray, plain: BoolArray) -> None:
        self.parent[pairs.target] = pairs.source
        self.paid[pairs.target] = cost
        self.overlap[pairs.target] = pairs.overlap
        self.plain[pairs.target] = plain

    def _pairs(self, later: IntArray) -> Candidates:
        return Candidates(self.parent[later], later, np.zeros(len(later)), self.overlap[later])
