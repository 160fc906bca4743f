"""From logits to gains: log-odds, births and deaths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.drafted import scene_of
from tests.tracker.painting import Frame, painted
from tracker.gains import DecisionConfig, Logits, choices_of, probability
from tracker.model import DIFFERENT, PARENT_CHILD, SAME

MOTHER: Frame = {"m": (60.0, 90.0, 9.0)}
DAUGHTERS: Frame = {"d": (60.0, 82.0, 6.4), "e": (60.0, 98.0, 6.4)}


def test_log_odds_are_those_of_the_softmax() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.05, 0.15, 0.8]])
    logits = Logits(np.log(shares) + np.array([[3.0], [-40.0]]), np.zeros(0))  # a constant says nothing
    for kind in (SAME, DIFFERENT, PARENT_CHILD):
        np.testing.assert_allclose(probability(logits.log_odds(kind)), shares[:, kind])


@given(st.floats(-1e6, 1e6))
def test_probabilities_never_overflow(odds: float) -> None:
    (found,) = probability(np.array([odds]))
    assert 0 <= found <= 1
    assert found + probability(np.array([-odds]))[0] == pytest.approx(1)


# m . < d    one pair over a missed frame; below, a division without one
#       e
@pytest.mark.parametrize(("birth", "death"), [(0.25, 2.0), (3.0, 4.0)])
def test_births_and_deaths_that_are_saved(birth: float, death: float) -> None:
    config = DecisionConfig(birth_cost=birth, death_cost=death)
    scene = scene_of(painted([MOTHER, DAUGHTERS, {}, {"d": DAUGHTERS["d"]}]).labels)
    assert scene.draft.cells.frame[scene.pairs.target].tolist() == [1, 1, 3, 3]
    pair = np.log([[0.5, 0.25, 0.25], [0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.4, 0.3, 0.3]])
    choices = choices_of(scene, Logits(pair, np.array([1.5])), config)
    missed = (0.8 + 0.4 + 1) / (4 + 100)  # of four cells and 100 more
    gap = {2.25: 0, 7: 7 + np.log(missed)}[birth + death]  # never less than nothing
    saved = np.array([birth + death, birth + death, gap, gap])
    np.testing.assert_allclose(choices.link_gain, np.log([1, 1 / 9, 4, 2 / 3]) + saved)
    np.testing.assert_allclose(choices.sure_gain, np.log([1, 1 / 9, 4, 2 / 3]) + np.minimum(saved, 2))
    np.testing.assert_allclose(choices.division_gain, [1.5 + 2 * birth + death])
    np.testing.assert_allclose(choices.another_gain[:2], np.log([1 / 3, 1 / 4]))
    assert np.all(choices.another_gain[2:] == -np.inf)  # a daughter is born in the next frame
    assert choices.count == 4


# . d . d    seen in every other frame
@pytest.mark.parametrize("odds", [-4.0, 4.0])
def test_a_gap_saves_the_less_the_fewer_cells_were_missed(odds: float) -> None:
    far: Frame = {"d": (60.0, 90.0, 9.0)}
    scene = scene_of(painted([{}, far, {}, far]).labels)
    same = np.array([[odds, 0.0, -np.inf]])
    (gain,) = choices_of(scene, Logits(same, np.zeros(0)), DecisionConfig()).link_gain
    missed = (probability(np.array([odds]))[0] + 1) / (2 + 100)
    assert gain == pytest.approx(odds + 8 + np.log(missed))
    at_edge = DecisionConfig(edge_cost=1.5, edge_in_diameters=99)
    (gain,) = choices_of(scene, Logits(same, np.zeros(0)), at_edge).link_gain
    assert gain == pytest.approx(odds + 3)  # which is less than that


# the mother a diameter away from the edge, one daughter nearer
def test_at_the_edge_of_the_frame_cells_come_and_go() -> None:
    config = DecisionConfig(birth_cost=3.0, death_cost=4.0, edge_cost=0.5)
    mother, daughters = {"m": (26.0, 90.0, 9.0)}, {"d": (6.0, 90.0, 6.4), "e": (46.0, 90.0, 6.4)}
    scene = scene_of(painted([mother, daughters]).labels)
    assert scene.draft.edge.round().tolist() == [26, 6, 46]
    assert 6 < scene.draft.motion.diameter < 26
    pair = np.log([[0.8, 0.1, 0.1], [0.8, 0.1, 0.1]])
    choices = choices_of(scene, Logits(pair, np.array([1.5])), config)
    np.testing.assert_allclose(choices.link_gain, np.log(4) + np.array([0.5 + 4, 3 + 4]))
    np.testing.assert_allclose(choices.sure_gain, np.log(4) + np.array([2, 2]))
    np.testing.assert_allclose(choices.division_gain, [1.5 + 0.5 + 3 + 4])
    np.testing.assert_allclose(choices.another_gain, np.log([1 / 9, 1 / 9]))


def test_a_mother_at_the_edge_of_the_frame() -> None:
    config = DecisionConfig(birth_cost=3.0, death_cost=4.0, edge_cost=0.5, sure_cost=5.0)
    scene = scene_of(painted([{"m": (6.0, 90.0, 9.0)}, {"d": (26.0, 90.0, 9.0)}]).labels)
    choices = choices_of(scene, Logits(np.log([[0.8, 0.1, 0.1]]), np.zeros(0)), config)
    np.testing.assert_allclose(choices.link_gain, [np.log(4) + 3 + 0.5])
    np.testing.assert_allclose(choices.sure_gain, choices.link_gain)  # never more


def test_costs_are_recorded() -> None:
    recorded = {
        "birth_cost": 0.25,
        "death_cost": 2.0,
        "edge_cost": 1.5,
        "edge_in_diameters": 0.5,
        "sure_cost": 0.75,
        "division_cost": 5.0,
        "division_odds": 0.5,
    }
    assert DecisionConfig(**recorded).as_dict() == recorded
