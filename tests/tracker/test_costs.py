import numpy as np
import pytest

from tracker.candidates import Candidates
from tracker.cells import Cells
from tracker.config import TrackerConfig
from tracker.costs import Costs, difference

CONFIG = TrackerConfig(division_cost=0.3, asymmetry_cost=0.6, gap_cost=0.2, size_cost=0.5)


def costs(frame: list[int], position: list[tuple[float, float]], area: list[float]) -> Costs:
    """Costs with a reach of 10 pixels."""
    count = len(frame)
    return Costs(Cells(np.arange(count), np.array(frame), np.array(position), np.array(area)), 10.0, CONFIG)


def pair(distance: float, overlap: float) -> Candidates:
    return Candidates(np.array([0]), np.array([1]), np.array([distance]), np.array([overlap]))


def test_a_link_costs_its_distance_and_what_the_masks_do_not_share() -> None:
    two = costs([0, 1], [(0, 0), (3, 4)], [40.0, 50.0])
    assert two.link(pair(5, 30)) == pytest.approx([0.25 + 1 - 30 / 60])
    assert two.link(pair(0, 40)) == pytest.approx([1 - 40 / 50])


def test_a_gap_costs_its_distance_over_the_frames_the_sizes_and_each_missed_frame() -> None:
    missed_two = costs([2, 5], [(0, 0), (0, 6)], [40.0, 50.0])
    assert missed_two.gap(pair(6, 0)) == pytest.approx([0.36 / 3 + 0.5 * 0.2 + 0.2 * 2])
    jumped = costs([2, 3], [(0, 0), (0, 6)], [50.0, 40.0])
    assert jumped.gap(pair(6, 0)) == pytest.approx([0.36 + 0.5 * 0.2])


#   1 (area 20) at x −4
# 0 (area 50) at x 1       their common centroid is at x −4·(1/3) + 2·(2/3) = 0
#   2 (area 40) at x 2
def test_a_division_costs_a_link_to_both_daughters_as_one_cell() -> None:
    family = costs([0, 1, 1], [(0, 1), (0, -4), (0, 2)], [50.0, 20.0, 40.0])
    cost = family.division(np.array([0]), np.array([1]), np.array([2]), np.array([45.0]))
    link = 0.01 + 1 - 45 / (50 + 60 - 45)
    assert cost == pytest.approx([link + 0.3 + 0.6 * 0.5])


def test_together_weighs_by_area() -> None:
    family = costs([1, 1], [(0, -4), (3, 2)], [20.0, 40.0])
    centre, area = family.together(np.array([0]), np.array([1]))
    np.testing.assert_allclose(centre, [[2, 0]], atol=1e-12)
    assert area == pytest.approx([60])


def test_difference_is_symmetric() -> None:
    some, other = np.array([10.0, 30.0]), np.array([20.0, 30.0])
    assert difference(some, other).tolist() == difference(other, some).tolist() == [0.5, 0.0]
