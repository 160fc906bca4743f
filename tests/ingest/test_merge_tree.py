import numpy as np
import pytest

from ingest.merge_tree import MOST_BASINS, MergeTree, choose, merge_tree

# height   5   4   3   1   4   2   6
#          A           |   B   |   C     A and B meet at 1, B and C at 2; outside, a basin of its own: D
LANDSCAPE = np.array([[5.0, 4, 3, 1, 4, 2, 6, 9, 3]])
MASK = np.array([[1, 1, 1, 1, 1, 1, 1, 0, 1]], bool)


@pytest.fixture
def tree() -> MergeTree:
    return merge_tree(LANDSCAPE, MASK, noise=0.0)


def test_each_peak_floods_its_basin_within_the_mask(tree: MergeTree) -> None:
    basins = tree.basins[0].tolist()
    assert basins[:3] == [1, 1, 1]
    assert [basins[4], basins[6], basins[7], basins[8]] == [2, 3, 0, 4]
    assert tree.leaves == 4


def test_the_most_alike_are_joined_first(tree: MergeTree) -> None:
    # B, C: valley 1 − 2/4, step 1 − 4/6 squared: 0.61; A, B: valley 1 − 1/4, step 1 − 4/5 squared: 0.79
    assert tree.parent.tolist() == [5, 4, 4, -1, 5, -1]
    assert tree.valley.tolist() == pytest.approx([0, 0, 0, 0, 1 / 2 + 1 / 9, 3 / 4 + 1 / 25])
    assert tree.way.tolist() == [np.inf, np.inf, np.inf, np.inf, 2, 1]


def test_membership_names_every_basin_of_every_node(tree: MergeTree) -> None:
    basin, node = tree.membership
    pairs = set(zip(basin.tolist(), node.tolist(), strict=True))
    assert pairs == {(0, 0), (1, 1), (2, 2), (3, 3), (1, 4), (2, 4), (0, 5), (1, 5), (2, 5)}


def test_noise_explains_valleys() -> None:
    quiet, noisy = (merge_tree(LANDSCAPE, MASK, noise).valley for noise in (0.1, 1.0))
    assert quiet[-1] == pytest.approx(2.8 / 4 + (0.8 / 5) ** 2)
    assert noisy[-1] == pytest.approx(1 / 4)


def test_within_the_noise_the_nearest_peaks_are_joined_first() -> None:
    bumps = np.array([[9.0, 8.9, 9.0, 8.8, 8.8, 8.8, 8.8, 9.0]])
    tree = merge_tree(bumps, np.ones(bumps.shape, bool), noise=0.5)
    assert tree.parent.tolist() == [3, 3, 4, 4, -1]


def test_a_mask_on_a_slope_has_a_basin() -> None:
    slope = np.array([[1.0, 2, 3, 4, 5]])
    tree = merge_tree(slope, np.array([[0, 1, 1, 0, 0]], bool), noise=0.0)
    assert tree.basins.tolist() == [[0, 1, 1, 0, 0]]
    assert tree.parent.tolist() == [-1]


def test_unions_are_bounded() -> None:
    field = 10 + np.random.default_rng(4).random((70, 80))
    tree = merge_tree(field, np.ones(field.shape, bool), noise=1.0)
    assert tree.leaves > 5 * MOST_BASINS
    assert np.bincount(tree.membership[1]).max() in range(MOST_BASINS // 2, MOST_BASINS + 1)


@pytest.mark.parametrize(
    ("score", "chosen"),
    [
        ([0.1, 0.1, 0.1, 0.1, 0.5, 0.9], [5, 5, 5, 3]),  # the largest union is the best
        ([0.9, 0.1, 0.1, 0.1, 0.8, 0.3], [0, 4, 4, 3]),
        ([0.9, 0.9, 0.9, 0.1, 0.3, 0.3], [0, 1, 2, 3]),
        ([0.5, 0.5, 0.5, 0.1, 0.48, 0.46], [5, 5, 5, 3]),  # the parts are not better by the bonus
        (
            [0.2, 0.2, 0.9, 0.1, 0.45, 0.5],
            [5, 5, 5, 3],
        ),  # C is small: its area is 1, those of A and B are 6 and 3
    ],
)
def test_the_best_partition_is_chosen(tree: MergeTree, score: list[float], chosen: list[int]) -> None:
    area = np.array([6.0, 3, 1, 2, 4, 10])
    assert choose(tree, np.array(score), area, bonus=0.05).tolist() == chosen
