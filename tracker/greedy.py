"""The assignment decision: sure links by linear assignment with shadow objects, divisions, other links."""

from collections.abc import Callable

import numpy as np

from ingest.tracking_graph import BoolArray, FloatArray, IntArray
from tracker.assignment import assign
from tracker.joint import Choices

NOTHING = -1


def decide_by_assignment(choices: Choices) -> tuple[IntArray, IntArray, IntArray]:
    """Sure links by linear assignment (Moen et al. 2019), then divisions, the best first, then other links.

    A born cell may claim a mother that goes on as another cell: then that one becomes her other daughter, if
    the division gains more than the link that it replaces, or that she might have otherwise.

    Returns:
        Rows of the chosen links, divisions and third daughters, ascending; see `joint.Choices`.
    """
    source, target = choices.link.T
    links = assign(source, target, -choices.sure_gain, death=0.0, birth=0.0)
    families = _Families(choices, links)
    divisions = families.divide()
    families.link_what_is_left()
    others = families.add_daughters()
    return np.flatnonzero(families.stands), divisions, others


class _Families:
    """Who is linked to whom while divisions are added.

    Args:
        choices: all there are.
        links: rows of the links that the assignment chose.
    """

    def __init__(self, choices: Choices, links: IntArray) -> None:
        self.choices = choices
        self.stands: BoolArray = np.zeros(len(choices.link), bool)
        self.stands[links] = True
        self._link_of = np.full(choices.count, NOTHING, np.int64)  # of each source, a row
        self._link_of[choices.link[links, 0]] = links
        self._has_origin = np.zeros(choices.count, bool)
        self._has_origin[choices.link[links, 1]] = True
        self._divides = np.zeros(choices.count, bool)
        self._has_three = np.zeros(choices.count, bool)
        self._by_source = np.argsort(choices.link[:, 0], kind="stable")
        self._start = np.searchsorted(choices.link[self._by_source, 0], np.arange(choices.count + 1))

    def divide(self) -> IntArray:
        """Accept divisions, the largest gain first; their rows, ascending."""
        return _accepted(self.choices.division_gain, self._accept_division)

    def _accept_division(self, row: np.int64) -> bool:
        mother, *daughters = self.choices.division[row]
        link = self._link_of[mother]
        child = NOTHING if link == NOTHING else self.choices.link[link, 1]
        saved = self._best_link(mother) if link == NOTHING else self.choices.link_gain[link]
        is_free = all(daughter == child or not self._has_origin[daughter] for daughter in daughters)
        fits = child == NOTHING or child in daughters
        if self._divides[mother] or not (is_free and fits and self.choices.division_gain[row] > saved):
            return False
        if link != NOTHING:
            self.stands[link] = False
        self._divides[mother] = True
        self._has_origin[daughters] = True
        return True

    def _best_link(self, mother: np.int64) -> float:
        """What her best link to a cell without origin would gain; 0 without any."""
        rows = self._by_source[self._start[mother] : self._start[mother + 1]]
        free = rows[~self._has_origin[self.choices.link[rows, 1]]]
        return float(self.choices.link_gain[free].max(initial=0.0))

    def link_what_is_left(self) -> None:
        """Link cells without origin to those that do not go on, by linear assignment."""
        source, target = self.choices.link.T
        goes_on = self._divides.copy()
        goes_on[source[self.stands]] = True
        rows = np.flatnonzero(~goes_on[source] & ~self._has_origin[target])
        rows = rows[assign(source[rows], target[rows], -self.choices.link_gain[rows], death=0.0, birth=0.0)]
        self.stands[rows] = True
        self._has_origin[target[rows]] = True

    def add_daughters(self) -> IntArray:
        """Give mothers who divide a third daughter, the largest gain first; rows of `another`, ascending."""
        return _accepted(self.choices.another_gain, self._accept_daughter)

    def _accept_daughter(self, row: np.int64) -> bool:
        mother, daughter = self.choices.another[row]
        if not self._divides[mother] or self._has_three[mother] or self._has_origin[daughter]:
            return False
        self._has_three[mother] = True
        self._has_origin[daughter] = True
        return True


def _accepted(gain: FloatArray, accept: Callable[[np.int64], bool]) -> IntArray:
    """Rows that gain anything and are accepted, asked from the largest gain on; ascending."""
    worth = np.flatnonzero(gain > 0)
    accepted = [row for row in worth[np.argsort(-gain[worth], kind="stable")] if accept(row)]
    return np.sort(np.array(accepted, np.int64))
