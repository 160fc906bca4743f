"""The assignment decision: sure links first, then divisions, then other links."""

import pytest
from hypothesis import given, settings

from tests.tracker.choosing import check_allowed, choices, chosen_from, named, total
from tracker.greedy import decide_by_assignment
from tracker.joint import Choices, decide_jointly


@settings(deadline=None)
@given(choices())
def test_it_is_allowed_and_never_better_than_the_joint_decision(choices: Choices) -> None:
    decision = decide_by_assignment(choices)
    check_allowed(choices, decision)
    assert total(choices, decision) <= total(choices, decide_jointly(choices)) + 1e-9


def test_nothing_to_choose() -> None:
    assert [len(rows) for rows in decide_by_assignment(chosen_from({}, {}, {}))] == [0, 0, 0]


# 0 - 2
#   ×      straight or crossed: together, not the single best first
# 1 - 3
def test_links_are_assigned_together() -> None:
    choice = chosen_from({(0, 2): 3.0, (0, 3): 4.0, (1, 3): 3.0, (1, 2): 1.0}, {}, {})
    assert named(choice, decide_by_assignment(choice)) == {(0, 2), (1, 3)}


#     1
# 0 <     2 is born, and claims 0, who goes on as 1: then 1 is the other daughter
#     2
@pytest.mark.parametrize(("link", "found"), [(4.0, {(0, 1, 2)}), (5.5, {(0, 1)})], ids=["division", "link"])
def test_a_born_cell_claims_a_mother_that_goes_on(link: float, found: set[tuple[int, ...]]) -> None:
    choice = chosen_from({(0, 1): link}, {(0, 1, 2): 5.0}, {})
    assert named(choice, decide_by_assignment(choice)) == found


#     1
# 0 <
#     2     or does 2 come from 3, who goes on as 4 otherwise
# 3 -
#     4
def test_a_link_that_is_not_sure_waits_for_the_divisions() -> None:
    link, division = {(0, 1): 4.0, (3, 2): 1.5, (3, 4): 1.0}, {(0, 1, 2): 5.0}
    choice = chosen_from(link, division, {}, unsure={(3, 2), (3, 4)})
    assert named(choice, decide_by_assignment(choice)) == {(0, 1, 2), (3, 4)}
    worth_more = chosen_from({(0, 1): 4.0}, {(0, 1, 2): 0.5}, {}, unsure={(0, 1)})
    assert named(worth_more, decide_by_assignment(worth_more)) == {(0, 1)}
    sure = chosen_from(link, division, {})
    assert named(sure, decide_by_assignment(sure)) == {(0, 1), (3, 2)}


def test_a_mother_that_goes_on_as_a_third_cell_does_not_divide() -> None:
    choice = chosen_from({(0, 3): 1.0}, {(0, 1, 2): 9.0}, {})
    assert named(choice, decide_by_assignment(choice)) == {(0, 3)}
    assert named(choice, decide_jointly(choice)) == {(0, 1, 2)}  # which is why the joint one is the default


def test_the_largest_gain_divides_first() -> None:
    choice = chosen_from({}, {(0, 2, 3): 6.0, (0, 2, 5): 5.0, (1, 3, 4): 4.0}, {})
    assert named(choice, decide_by_assignment(choice)) == {(0, 2, 3)}


def test_a_third_daughter_goes_to_the_best_mother_who_divides() -> None:
    choice = chosen_from(
        {}, {(0, 1, 2): 3.0, (4, 5, 6): 2.0}, {(0, 3): 1.0, (4, 3): 1.5, (2, 3): 9.0, (4, 1): 7.0}
    )
    assert named(choice, decide_by_assignment(choice)) == {(0, 1, 2), (4, 5, 6), (4, 3, -1)}


# 0 and 4 have two daughters each; 3 and 7 are left
@pytest.mark.parametrize(
    ("gains", "given"),
    [
        ({(0, 3): 3.0, (4, 3): 2.5, (4, 7): 1.0}, {(0, 3, -1), (4, 7, -1)}),
        ({(0, 3): 3.0, (0, 7): 2.0, (4, 7): 1.0}, {(0, 3, -1), (4, 7, -1)}),
        ({(0, 3): 1.0, (4, 7): 3.0}, {(0, 3, -1), (4, 7, -1)}),
        ({(0, 3): 0.0, (4, 3): -1.0}, set()),
    ],
)
def test_each_mother_has_one_third_daughter(
    gains: dict[tuple[int, int], float], given: set[tuple[int, ...]]
) -> None:
    choice = chosen_from({}, {(0, 1, 2): 3.0, (4, 5, 6): 2.0}, gains, count=8)
    decision = decide_by_assignment(choice)
    check_allowed(choice, decision)
    assert named(choice, decision) == {(0, 1, 2), (4, 5, 6)} | given


def test_a_cell_that_was_left_and_then_linked_is_no_third_daughter() -> None:
    choice = chosen_from({(4, 3): 1.0}, {(0, 1, 2): 6.0}, {(0, 3): 0.5}, unsure={(4, 3)}, caution=2.0)
    assert named(choice, decide_by_assignment(choice)) == {(0, 1, 2), (4, 3)}
