"""The joint decision against trying everything, and on drawn cases."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.tracker.choosing import check_allowed, choices, chosen_from, most, named, total
from tracker import joint
from tracker.greedy import decide_by_assignment
from tracker.joint import Choices, decide_jointly


@settings(deadline=None)
@given(choices())
def test_it_gains_as_much_as_can_be(choices: Choices) -> None:
    decision = decide_jointly(choices)
    check_allowed(choices, decision)
    assert total(choices, decision) == pytest.approx(most(choices), abs=1e-9)


def test_nothing_to_choose() -> None:
    nothing = chosen_from({}, {}, {})
    assert [len(rows) for rows in decide_jointly(nothing)] == [0, 0, 0]
    losing = chosen_from({(0, 1): -0.5, (1, 2): 0.0}, {(0, 1, 2): -3.0}, {(0, 3): -np.inf})
    assert [len(rows) for rows in decide_jointly(losing)] == [0, 0, 0]


#     1
# 0 <     the mother goes on as 1, or divides: what gains more
#     2
@pytest.mark.parametrize(("link", "found"), [(4.0, {(0, 1, 2)}), (5.5, {(0, 1)})], ids=["division", "link"])
def test_a_division_competes_with_the_link(link: float, found: set[tuple[int, ...]]) -> None:
    choice = chosen_from({(0, 1): link}, {(0, 1, 2): 5.0}, {})
    assert named(choice, decide_jointly(choice)) == found


# two mothers, 0 and 1, want the daughter 3; the one that can do without gets another
def test_a_daughter_is_given_up_where_that_is_better_for_all() -> None:
    choice = chosen_from({}, {(0, 2, 3): 6.0, (0, 2, 5): 5.0, (1, 3, 4): 4.0}, {})
    assert named(choice, decide_jointly(choice)) == {(0, 2, 5), (1, 3, 4)}


def test_a_third_daughter_needs_two_sisters() -> None:
    three = chosen_from({}, {(0, 1, 2): 1.0}, {(0, 3): 2.0, (4, 5): 9.0})
    assert named(three, decide_jointly(three)) == {(0, 1, 2), (0, 3, -1)}
    linked = chosen_from({(0, 1): 8.0}, {(0, 1, 2): 1.0}, {(0, 3): 2.0})
    assert named(linked, decide_jointly(linked)) == {(0, 1)}


def test_a_third_daughter_is_none_of_the_two() -> None:
    choice = chosen_from({}, {(0, 1, 2): 1.0}, {(0, 1): 2.0, (0, 2): 2.0})
    assert named(choice, decide_jointly(choice)) == {(0, 1, 2)}


# a doubtful division, 1 and 2, with two more daughters, 3 and 4, would gain more than the division 3 and 4
def test_there_is_one_third_daughter() -> None:
    choice = chosen_from({}, {(0, 1, 2): 6.0, (0, 3, 4): 8.0}, {(0, 3): 1.5, (0, 4): 1.5})
    assert named(choice, decide_jointly(choice)) == {(0, 3, 4)}
    assert named(choice, decide_by_assignment(choice)) == {(0, 3, 4)}
    three = chosen_from({}, {(0, 1, 2): 6.0}, {(0, 3): 1.0, (0, 4): 1.5})
    assert named(three, decide_jointly(three)) == {(0, 1, 2), (0, 4, -1)}
    assert named(three, decide_by_assignment(three)) == {(0, 1, 2), (0, 4, -1)}


def crowd(count: int, seed: int) -> Choices:
    """Knots of nine cells, each of twelve divisions that contend: no two knots share a cell."""
    rng = np.random.default_rng(seed)
    division = {}
    for knot in range(count):
        for _ in range(12):
            mother, *daughters = rng.permutation(3)[0], *(3 + rng.permutation(6)[:2])
            cells = [9 * knot + int(cell) for cell in (mother, min(daughters), max(daughters))]
            division[tuple(cells)] = float(rng.uniform(0.1, 9))
    return chosen_from({}, division, {}, count=9 * count)  # type: ignore[arg-type]  # three cells each


# a gap of a ten-thousandth of the whole, which solvers allow themselves, would be a knot decided wrongly
def test_each_knot_is_decided_as_if_it_were_alone() -> None:
    together = crowd(count=300, seed=4)
    decision = decide_jointly(together)
    check_allowed(together, decision)
    knot = together.division[:, 0] // 9
    for number in range(0, 300, 13):
        rows = np.flatnonzero(knot == number)
        alone = Choices(
            together.count,
            together.link,
            together.link_gain,
            together.sure_gain,
            together.division[rows],
            together.division_gain[rows],
            together.another,
            together.another_gain,
        )
        chosen = decision[1][knot[decision[1]] == number]
        assert total(alone, decide_jointly(alone)) == pytest.approx(together.division_gain[chosen].sum())


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    together = crowd(count=12, seed=5)
    at_once = decide_jointly(together)
    monkeypatch.setattr(joint, "BATCH", 7)  # less than a knot
    np.testing.assert_array_equal(decide_jointly(together)[1], at_once[1])
