"""Divisions found, shifted, missed, invented, and with wrong daughters."""

from dataclasses import replace

import pytest

from graph.scores.ancestry import cells
from graph.scores.divisions import DivisionCounts, Divisions, compare_divisions
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.lineages import Cell, Drawing, Pair, drawn


def divisions(reference: Drawing, computed: Drawing) -> Divisions:
    both = matched(Pair(reference, computed))
    return compare_divisions(cells(reference.graph), cells(computed.graph), both)


def counts(reference: Drawing, computed: Drawing, tolerance: int) -> tuple[int, int, int, int]:
    found = divisions(reference, computed).counts(tolerance)
    assert found.tolerance == tolerance
    return found.true_positives, found.false_positives, found.false_negatives, found.wrong_daughters


# 1-1…1 <2-2 divided after frame `end`; until then one mask covers both daughters
#        3-3
def dividing(end: int, *, left: int = 2, right: int = 3, mother: int = 1) -> Drawing:
    cells = [
        Cell(mother, 0, end, x=12, width=20),
        Cell(left, end + 1, 7, mother, x=12),
        Cell(right, end + 1, 7, mother, x=26),
    ]
    early = {(t, mother): (10, 20, 6, 8) for t in range(min(end, 3) + 1)}
    return drawn(8, cells, boxes=early)


def test_division_of_itself() -> None:
    assert counts(dividing(3), dividing(3, left=9, right=4, mother=5), 0) == (1, 0, 0, 0)


@pytest.mark.parametrize(("shift", "end"), [(1, 4), (2, 5), (3, 6)])
def test_late_division_needs_as_much_tolerance_as_it_is_late(shift: int, end: int) -> None:
    reference, computed = dividing(3), dividing(end)
    assert counts(reference, computed, shift - 1) == (0, 1, 1, 0)
    assert counts(reference, computed, shift) == (1, 0, 0, 0)
    assert divisions(reference, computed).delay.tolist() == [shift]


# reference 1-1-1-1 <    computed 1-1 <2-2-2-2, the daughters where the mother is, side by side
def test_early_division() -> None:
    def at(end: int) -> Drawing:
        cells = [Cell(1, 0, end, x=10, width=13), Cell(2, end + 1, 5, 1, x=10), Cell(3, end + 1, 5, 1, x=17)]
        return drawn(6, cells)

    # 6 of 13 columns are no match of the mother, but its last common frame and the births are.
    assert counts(at(3), at(2), 0) == (0, 1, 1, 0)
    assert counts(at(3), at(2), 1) == (1, 0, 0, 0)
    assert divisions(at(3), at(2)).delay.tolist() == [-1]


def test_missed_and_invented_division() -> None:
    pair = lineages.missed_division()
    assert counts(pair.reference, pair.computed, 3) == (0, 0, 1, 0)
    assert counts(pair.computed, pair.reference, 3) == (0, 1, 0, 0)
    assert counts(pair.computed, pair.computed, 3) == (0, 0, 0, 0)


# reference      2-2    computed      2-2     the second daughter is another cell
#           1-1 <                1-1 <
#                3-3    (4-4)         4-4  (3-3)
def wrong_daughter() -> Pair:
    mother, left = Cell(1, 0, 1), Cell(2, 2, 3, 1, x=12)
    right, stranger = Cell(3, 2, 3, 1, x=26), Cell(4, 2, 3, x=36)
    computed = [mother, left, replace(right, parent=0), replace(stranger, parent=1)]
    return Pair(drawn(4, [mother, left, right, stranger]), drawn(4, computed))


def test_wrong_daughters_count_as_one_invented_and_one_missed() -> None:
    pair = wrong_daughter()
    assert counts(pair.reference, pair.computed, 0) == (0, 1, 1, 1)


def test_number_of_daughters_must_be_equal() -> None:
    three = lineages.division_into_three()
    two = drawn(5, [c if c.label != 3 else replace(c, parent=0) for c in three.cells])
    assert counts(three, three, 0) == (1, 0, 0, 0)
    assert counts(three, two, 0) == (0, 1, 1, 1)
    assert counts(two, three, 0) == (0, 1, 1, 1)


# reference      2-2-2    computed      8 8-8    the first daughter is at the place of 2, then at that of 3;
#           1-1 <                  1-1 <           the second is nowhere near
#                . 3-3                  9-9-9
def test_each_daughter_needs_one_of_its_own() -> None:
    mother = Cell(1, 0, 1)
    reference = drawn(5, [mother, Cell(2, 2, 4, 1, x=4), Cell(3, 3, 4, 1, x=28)])
    jumps = {(t, 8): Cell(3, 3, 4, x=28).box for t in (3, 4)}
    computed = drawn(5, [mother, Cell(8, 2, 4, 1, x=4), Cell(9, 2, 4, 1, y=2, x=16)], boxes=jumps)
    assert counts(reference, computed, 3) == (0, 1, 1, 1)
    assert counts(computed, reference, 3) == (0, 1, 1, 1)


def test_mother_that_was_cut_is_still_the_mother() -> None:
    reference = lineages.division()
    first, *daughters = reference.cells
    pieces = [replace(first, end=0), replace(first, label=9, begin=1, parent=1)]
    computed = drawn(6, [*pieces, *(replace(d, parent=9) for d in daughters)])
    assert counts(reference, computed, 0) == (1, 0, 0, 0)


def test_mother_must_match_alone() -> None:
    # in frame 3 the computed mother covers a second cell as well
    reference = drawn(8, [*dividing(3).cells, Cell(7, 3, 3, x=32)], boxes={(3, 1): (10, 20, 6, 8)})
    both = {(3, 1): (10, 18, 6, 20)}
    computed = drawn(8, dividing(3).cells, boxes=both)
    assert counts(reference, computed, 0) == (0, 1, 1, 0)


def test_no_divisions_at_all() -> None:
    track = lineages.one_track()
    found = divisions(track, track).counts(2)
    assert found == DivisionCounts(2, 0, 0, 0, 0)
    assert (found.precision, found.recall, found.f1, found.mbc) == (None, None, None, None)


def test_measures_are_made_of_counts() -> None:
    found = DivisionCounts(0, true_positives=6, false_positives=2, false_negatives=4, wrong_daughters=1)
    assert found.precision == 6 / 8
    assert found.recall == 6 / 10
    assert found.f1 == 12 / 18
    assert found.mbc == 6 / 12
    assert found.branching_correctness == 12 / 18


def test_branching_correctness_is_undefined_without_a_reference() -> None:
    found = DivisionCounts(0, true_positives=0, false_positives=3, false_negatives=0, wrong_daughters=0)
    assert found.f1 == 0
    assert found.branching_correctness is None
