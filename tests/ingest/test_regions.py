from math import pi

import numpy as np
import pytest

from ingest.merge_tree import merge_tree
from ingest.regions import Regions, ellipse_likeness, moments_of


@pytest.mark.parametrize("seed", range(5))
def test_sums_above_thresholds_are_those_of_the_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height = np.round(1 + rng.random((9, 13)), 1)
    light = np.round(rng.normal(0, 3, height.shape), 1)
    tree = merge_tree(height, rng.random(height.shape) < 0.8, noise=0.1)
    regions = Regions(tree, light)
    threshold = rng.choice([-np.inf, -2.0, 0.1, 3.0, np.inf], len(tree.parent))
    sums = regions.above(threshold)
    basin, node = tree.membership
    y, x = np.mgrid[:9, :13].astype(np.float64)
    for m in range(len(tree.parent)):
        member = np.isin(tree.basins, basin[node == m] + 1)
        assert regions.peak[m] == light[member].max()
        above = member & (light > threshold[m])
        columns = (np.ones_like(y), y, x, y * y, x * x, y * x, light)
        assert sums[m] == pytest.approx([column[above].sum() for column in columns])


def test_regions_do_not_depend_on_the_unit_of_light() -> None:
    light = np.array([[4.0, 3, 1, 3, 5]]) * 1e-12
    tree = merge_tree(light, np.ones(light.shape, bool), noise=0.0)
    assert Regions(tree, light).above(np.full(3, 2e-12))[:, 0].tolist() == [2, 2, 4]


def ellipse(long: float, short: float, angle: float) -> np.ndarray:
    y, x = np.indices((80, 100)) - np.array([40.3, 49.6]).reshape(2, 1, 1)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    inside: np.ndarray = (along / long) ** 2 + (across / short) ** 2 < 1
    return inside.astype(np.int32)


@pytest.mark.parametrize(("long", "short", "angle"), [(12, 12, 0), (30, 10, 0.4), (25, 8, 1.9)])
def test_ellipses_are_like_ellipses(long: float, short: float, angle: float) -> None:
    assert ellipse_likeness(moments_of(ellipse(long, short, angle))) == pytest.approx([1], abs=0.02)


def test_touching_discs_are_not() -> None:
    both = np.maximum(np.roll(ellipse(12, 12, 0), 12, axis=1), np.roll(ellipse(12, 12, 0), -12, axis=1))
    assert ellipse_likeness(moments_of(both)) == pytest.approx([2 / np.sqrt(5)], abs=0.02)


def test_moments_of_each_label() -> None:
    labels = np.array([[0, 2, 2], [3, 0, 2]], np.int32)
    assert moments_of(labels).tolist() == [[0] * 6, [3, 1, 5, 1, 9, 2], [1, 1, 0, 1, 0, 0]]
    assert moments_of(np.zeros((2, 3), np.int32)).shape == (0, 6)


def test_one_pixel_is_like_an_ellipse() -> None:
    assert ellipse_likeness(np.array([[1.0, 5, 7, 25, 49, 35]])) == pytest.approx([12 / (4 * pi)])
