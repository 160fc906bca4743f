"""The second assignment: why tracks begin. A gap, a division, or a cell that the segmentation had cut in two."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import BoolArray, FloatArray, IntArray
from tracker.assignment import assign
from tracker.candidates import Candidates, near_pairs
from tracker.costs import Costs, difference
from tracker.lineage import NOBODY, Lineage


@dataclass(frozen=True, eq=False)
class Explanation:
    """One way to explain E beginnings: each target begins because of its source.

    Attributes:
        pairs: (E,) of a cell and the first cell of a track.
        cost: (E,) of each.
        accept: makes those of some rows true.
    """

    pairs: Candidates
    cost: FloatArray
    accept: Callable[[IntArray], None]


def explain_births(lineage: Lineage, near: Candidates, costs: Costs) -> None:
    """Explain the tracks that begin, all at once and each in one way (after Jaqaman et al. 2008, their step 2).

    A track's end pays death_cost if it stays one. A mother pays nothing for not dividing; that she divides, or goes
    on as another cell, is paid for in place of the link that she has. What one round links, the next may build on: a
    mother whose track had ended goes on as one daughter first.

    Args:
        lineage: linked from frame to frame; takes the new links.
        near: pairs of following frames whose target has no parent.
        costs: of the movie.
    """
    count = len(lineage.parent)
    death = np.repeat([costs.config.death_cost, 0.0], count)  # of each cell as an end, and as a mother
    while True:
        gaps = _gaps(lineage, near, costs)
        mothers = [*_divisions(lineage, near, costs)]
        ways = [gaps, *mothers]
        chosen = assign(
            np.concatenate([gaps.pairs.source, *(way.pairs.source + count for way in mothers)]),
            np.concatenate([way.pairs.target for way in ways]),
            np.concatenate([way.cost for way in ways]),
            death=death,
            birth=costs.config.birth_cost,
        )
        if not len(chosen):
            return
        starts = np.cumsum([0, *(len(way.pairs) for way in ways)])
        for way, start, stop in zip(ways, starts, starts[1:], strict=False):
            way.accept(chosen[(chosen >= start) & (chosen < stop)] - start)


def _gaps(lineage: Lineage, near: Candidates, costs: Costs) -> Explanation:
    """A track ended before, at most `longest_step` frames; with none missed, the cell jumped."""
    ends, begins = lineage.ends, lineage.begins
    jumps = near.where(ends[near.source] & begins[near.target])
    pairs = Candidates.joined([jumps, *_over_missed_frames(ends, begins, costs)])

    def accept(rows: IntArray) -> None:
        lineage.link(pairs.where(rows), costs.link(pairs.where(rows)))

    return Explanation(pairs, costs.gap(pairs), accept)


def _over_missed_frames(ends: BoolArray, begins: BoolArray, costs: Costs) -> list[Candidates]:
    cells, config = costs.cells, costs.config
    limit = costs.reach * np.sqrt(config.birth_cost + config.death_cost)
    parts = []
    for frame in np.unique(cells.frame[ends]):
        here = cells.in_frame(frame)
        for step in range(2, config.longest_step + 1):
            there = cells.in_frame(frame + step)
            parts.append(near_pairs(cells, here[ends[here]], there[begins[there]], limit * np.sqrt(step)))
    return parts


def _divisions(lineage: Lineage, near: Candidates, costs: Costs) -> tuple[Explanation, Explanation]:
    """A mother goes on as one daughter while the other begins; or she had better go on as the one that begins."""
    pairs, child = _families(lineage, near, costs)
    begin_is_half = _rejoins(pairs.target, child, lineage, costs)
    child_is_half = _rejoins(child, pairs.target, lineage, costs)
    divisions, first = pairs.where(~begin_is_half & ~child_is_half), child[~begin_is_half & ~child_is_half]
    overlap = divisions.overlap + lineage.overlap[first]
    cost = costs.division(divisions.source, first, divisions.target, overlap) - lineage.cost[first]
    changes = pairs.where(child_is_half)
    change = costs.link(changes)

    return (
        Explanation(divisions, cost, lambda rows: lineage.divide(divisions.where(rows))),
        Explanation(
            changes,
            change - lineage.cost[child[child_is_half]],
            lambda rows: lineage.link(changes.where(rows), change[rows]),
        ),
    )


def _families(lineage: Lineage, near: Candidates, costs: Costs) -> tuple[Candidates, IntArray]:
    """Pairs of a cell and one that begins in the next frame, and (E,) the cell that the first goes on as there."""
    frame = costs.cells.frame
    child = lineage.child[near.source]
    goes_on = (child != NOBODY) & (frame[child] == frame[near.target])
    possible = goes_on & (lineage.second[near.source] == NOBODY) & lineage.begins[near.target]
    return near.where(possible), child[possible]


def _rejoins(lost: IntArray, kept: IntArray, lineage: Lineage, costs: Costs) -> BoolArray:
    """(E,) whether two cells are halves of one that the segmentation cut in two, in their frame only.

    Then one half is lost, and the cell that the other goes on as is more like both together than like that one.
    """
    position, area, frame = costs.cells.position, costs.cells.area, costs.cells.frame
    after = lineage.child[kept]
    follows = lineage.ends[lost] & (after != NOBODY) & (frame[after] == frame[kept] + 1)
    centre, both = costs.together(lost, kept)
    apart = np.linalg.norm(position[after] - position[kept], axis=1)
    together = np.linalg.norm(position[after] - centre, axis=1)
    is_alike = difference(both, area[after]) < difference(area[kept], area[after])
    return follows & (together < apart) & is_alike
