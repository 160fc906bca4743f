"""Beginnings beside a cell that goes on: a division, or one cell that the segmentation cut in two."""

from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import BoolArray, FloatArray, IntArray
from tracker.candidates import Candidates
from tracker.costs import Costs
from tracker.explanation import Explanation
from tracker.lineage import NOBODY, Lineage


@dataclass(frozen=True, eq=False)
class Families:
    """E cells, what each goes on as, and what begins beside that in the same frame.

    Attributes:
        pairs: (E,) of a cell, the mother, and a cell that begins in the next frame.
        child: (E,) the cell that the mother goes on as in that frame.
    """

    pairs: Candidates
    child: IntArray

    def where(self, rows: BoolArray) -> "Families":
        """The families of these rows."""
        return Families(self.pairs.where(rows), self.child[rows])


def families(lineage: Lineage, near: Candidates) -> Families:
    """All families; `near` holds the pairs of following frames whose target has no parent.

    A mother of two may be the mother of a third: then that one and the first are judged like two.
    """
    child = lineage.child[near.source]
    goes_on = (child != NOBODY) & ~lineage.is_gap(child)
    return Families(near, child).where(goes_on & lineage.begins[near.target])


def divisions(lineage: Lineage, near: Candidates, costs: Costs) -> list[Explanation]:
    """Each mother with her child and a beginning as daughters.

    But where either is half a cell, it is no daughter: the mother goes on as the other half.
    """
    all_families = families(lineage, near)
    begin, child = all_families.pairs.target, all_families.child
    begin_is_half = is_half(begin, child, lineage, costs)
    child_is_half = is_half(child, begin, lineage, costs)
    return [
        _division(all_families.where(~begin_is_half & ~child_is_half), lineage, costs),
        _exchange(all_families.where(child_is_half), lineage, costs),
    ]


def is_half(half: IntArray, other: IntArray, lineage: Lineage, costs: Costs) -> BoolArray:
    """(E,) whether two cells of a frame are one that the segmentation cut in two, in that frame only.

    Then `half` is lost, and the cell that `other` goes on as is more like both together than like `other`.
    """
    position, area = costs.cells.position, costs.cells.area
    after = lineage.child[other]
    is_lost = lineage.ends[half] & (after != NOBODY) & ~lineage.is_gap(after)

    def unlike(centre: FloatArray, size: FloatArray) -> FloatArray:
        return costs.by_size(np.linalg.norm(position[after] - centre, axis=1), size, area[after])

    fits_both = unlike(*costs.together(half, other)) < unlike(position[other], area[other])
    halves: BoolArray = is_lost & fits_both
    return halves


def _division(found: Families, lineage: Lineage, costs: Costs) -> Explanation:
    """It costs what the division does in place of the mother's link."""
    pairs, first = found.pairs, found.child
    overlap = pairs.overlap + lineage.overlap[first]
    cost = costs.division(pairs.source, first, pairs.target, overlap) - lineage.cost[first]
    return Explanation(pairs, cost, False, lambda rows: lineage.divide(pairs.where(rows)))


def _exchange(found: Families, lineage: Lineage, costs: Costs) -> Explanation:
    """It costs what the mother's link to the beginning does in place of that to her child, who loses her."""
    pairs, cost = found.pairs, costs.link(found.pairs)
    return Explanation(
        pairs,
        cost - lineage.cost[found.child],
        False,
        lambda rows: lineage.link(pairs.where(rows), cost[rows]),
    )
