"""The steps that a new track may take through a movie in which other tracks are known.

A path leads over cells that are in no track yet. From one to the next it takes an arc; p → j is a link that
another track holds, and the arcs of Magnusson et al. 2015 (IEEE TMI 34:911) are these::

    migration      tail → head
    swap           tail → j and p → head: the tail takes over p's future, and p goes on as the head
    appearance     the head begins; or j does, and p → head
    mitosis        p divides into j and the head
    disappearance  the tail ends; or tail → j, and p ends
    joining        tail → j where j began, p → head where p ended: p or j is nobody
"""

from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import BoolArray, FloatArray, IntArray
from tracker.candidates import Candidates
from tracker.costs import Costs
from tracker.lineage import NOBODY
from tracker.meeting import meeting
from tracker.partial import PartialTracking

NO_EDGE = -1


@dataclass(frozen=True, eq=False)
class Edges:
    """E pairs of cells that may be linked, by source and target.

    Attributes:
        pairs: of following frames, those over missed frames after them.
        cost: (E,) of a link.
        plain: (E,) whether such a link is an ordinary one: to the next frame, and worth its cost.
        near: how many pairs, the first, are of following frames.
    """

    pairs: Candidates
    cost: FloatArray
    plain: BoolArray
    near: int

    @classmethod
    def of(cls, pairs: Candidates, costs: Costs) -> "Edges":
        """Of pairs of following frames."""
        cost = costs.link(pairs)
        plain: BoolArray = cost < costs.config.birth_cost + costs.config.death_cost
        return cls(pairs, cost, plain, len(pairs))

    def with_gaps(self, pairs: Candidates, cost: FloatArray) -> "Edges":
        """And pairs that may only join the end of a track to the beginning of another."""
        return Edges(
            Candidates.joined([self.pairs, pairs]),
            np.concatenate([self.cost, cost]),
            np.concatenate([self.plain, np.zeros(len(pairs), bool)]),
            self.near,
        )


@dataclass(frozen=True, eq=False)
class Arcs:
    """A arcs.

    Attributes:
        tail, head: (A,) cells in no track; NOBODY before a path's first, or after its last.
        source: (A,) the cell that goes on as the head, or is its mother; the tail if nothing is taken over.
        taken: (A,) the cell in a track that the tail goes on as, or NOBODY.
        into_taken, into_head: (A,) rows of the edges of these two links, NO_EDGE for none.
        divides: (A,) whether the source divides into its child and the head.
        gain: (A,) what the arc saves.
    """

    tail: IntArray
    head: IntArray
    source: IntArray
    taken: IntArray
    into_taken: IntArray
    into_head: IntArray
    divides: BoolArray
    gain: FloatArray

    def __len__(self) -> int:
        return len(self.tail)

    def where(self, rows: IntArray | BoolArray) -> "Arcs":
        """The arcs of these rows."""
        return Arcs(**{name: column[rows] for name, column in vars(self).items()})

    @classmethod
    def of(
        cls,
        gain: FloatArray,
        *,
        tail: IntArray | int = NOBODY,
        head: IntArray | int = NOBODY,
        source: IntArray | int = NOBODY,
        taken: IntArray | int = NOBODY,
        into_taken: IntArray | int = NO_EDGE,
        into_head: IntArray | int = NO_EDGE,
        divides: bool = False,
    ) -> "Arcs":
        """Arcs of one sort; one number stands for all."""
        count = len(gain)
        return cls(
            _filled(tail, count),
            _filled(head, count),
            _filled(source, count),
            _filled(taken, count),
            _filled(into_taken, count),
            _filled(into_head, count),
            np.full(count, divides),
            gain,
        )

    @classmethod
    def joined(cls, parts: list["Arcs"]) -> "Arcs":
        """All arcs of all parts."""
        return cls(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def _filled(column: IntArray | int, count: int) -> IntArray:
    return column if isinstance(column, np.ndarray) else np.full(count, column, np.int64)


def arcs(tracking: PartialTracking, edges: Edges, costs: Costs, *, mitosis: bool) -> Arcs:
    """All arcs of a path through the cells that are in no track, but those that can never pay.

    Args:
        tracking: the tracks so far.
        edges: what may be linked.
        costs: of the movie.
        mitosis: whether a track may begin by one.
    """
    view = _View(tracking, edges, costs)
    divisions = [view.mitosis()] if mitosis else []
    return Arcs.joined([*view.alone(), *view.taking_over(), *view.joining(), *divisions])


@dataclass(frozen=True, eq=False)
class _View:
    """What the arcs are made of, sort by sort."""

    tracking: PartialTracking
    edges: Edges
    costs: Costs

    def alone(self) -> list[Arcs]:
        """Appearance, migration and disappearance, which touch no other track."""
        free, rows = np.flatnonzero(self._free), self._rows(self._free, self._free, gaps=True)
        tail, head = self._ends(rows)
        return [
            Arcs.of(np.full(len(free), -self._birth), head=free),
            Arcs.of(-self.edges.cost[rows], tail=tail, head=head, source=tail, into_head=rows),
            Arcs.of(np.full(len(free), -self._death), tail=free, source=free),
        ]

    def taking_over(self) -> list[Arcs]:
        """A link p → j of another track is given up: swap, appearance at j, disappearance at p."""
        cost, tracking = self.edges.cost, self.tracking
        into, out = self._rows(self._free, tracking.given), self._rows(tracking.gives, self._free)
        j, p = self.edges.pairs.target[into], self.edges.pairs.source[out]
        first, second = meeting(j, tracking.child[p])
        swap = self._exchange(j[first], into[first], out[second], cost[into[first]] + cost[out[second]])
        appearance = self._exchange(tracking.child[p], _none(out), out, self._birth + cost[out])
        disappearance = self._exchange(j, into, _none(into), cost[into] + self._death)
        return [
            swap.where(swap.gain > -self._birth - self._death),  # else two paths do better
            appearance.where(appearance.gain > -self._birth),  # else the head begins by itself
            disappearance.where(disappearance.gain > -self._death),
        ]

    def joining(self) -> list[Arcs]:
        """A path that ends where a track began, or begins where one ended."""
        cost, tracking = self.edges.cost, self.tracking
        into = self._rows(self._free, tracking.founds, gaps=True)
        out = self._rows(tracking.ends, self._free, gaps=True)
        source, head = self._ends(out)
        return [
            self._exchange(self.edges.pairs.target[into], into, _none(into), cost[into]),
            Arcs.of(self._death - cost[out], head=head, source=source, into_head=out),
        ]

    def mitosis(self) -> Arcs:
        """A cell that goes on as another divides into that one and the head."""
        tracking, pairs = self.tracking, self.edges.pairs
        near = slice(0, self.edges.near)
        rows = np.flatnonzero(tracking.gives[pairs.source[near]] & self._free[pairs.target[near]])
        mother, head = self._ends(rows)
        child = tracking.child[mother]
        overlap = tracking.overlap[child] + pairs.overlap[rows]
        gain = tracking.paid[child] - self.costs.division(mother, child, head, overlap)
        found = Arcs.of(gain, head=head, source=mother, into_head=rows, divides=True)
        return found.where(gain > -self._birth)

    def _exchange(self, taken: IntArray, into: IntArray, out: IntArray, cost: FloatArray) -> Arcs:
        """The link or birth of `taken` given up for edges, NO_EDGE for none, that cost so much."""
        before = self.tracking.parent[taken]
        held = np.where(before == NOBODY, self._birth, self.tracking.paid[taken])
        return Arcs.of(
            held - cost,
            tail=np.where(into == NO_EDGE, NOBODY, self._ends(into)[0]),
            head=np.where(out == NO_EDGE, NOBODY, self._ends(out)[1]),
            source=before,
            taken=taken,
            into_taken=into,
            into_head=out,
        )

    def _rows(self, source: BoolArray, target: BoolArray, *, gaps: bool = False) -> IntArray:
        """Rows of the edges between such cells, (N,) each."""
        pairs, usable = self.edges.pairs, self.edges.plain.copy()
        if gaps:
            usable[self.edges.near :] = True
        return np.flatnonzero(usable & source[pairs.source] & target[pairs.target])

    def _ends(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        return self.edges.pairs.source[rows], self.edges.pairs.target[rows]

    @property
    def _free(self) -> BoolArray:
        free: BoolArray = ~self.tracking.used
        return free

    @property
    def _birth(self) -> float:
        return self.costs.config.birth_cost

    @property
    def _death(self) -> float:
        return self.costs.config.death_cost


def _none(rows: IntArray) -> IntArray:
    return np.full(len(rows), NO_EDGE, np.int64)
