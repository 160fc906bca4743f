"""Survival and correlation against scipy, and against numbers by hand."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf, pearsonr, spearmanr

from graph.correlation import correlation
from graph.survival import kaplan_meier
from ingest.tracking_graph import FloatArray

LIVES = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40)


@given(LIVES)
def test_survival_is_what_scipy_estimates(lives: list[tuple[int, bool]]) -> None:
    frames, divided = np.array([f for f, _ in lives]), np.array([d for _, d in lives])
    curve = kaplan_meier(frames, divided)
    if not divided.any():
        assert (len(curve.frames), curve.median) == (0, None)
        return
    data = CensoredData(uncensored=frames[divided], right=frames[~divided])
    theirs = ecdf(data).sf
    steps = np.searchsorted(theirs.quantiles, curve.frames)
    np.testing.assert_allclose(curve.fraction, theirs.probabilities[steps])
    with warnings.catch_warnings(action="ignore"):  # where all have divided, scipy's is not defined either
        band: Any = theirs.confidence_interval(0.95, method="log-log")
    np.testing.assert_allclose(curve.low, band.low.probabilities[steps])
    np.testing.assert_allclose(curve.high, band.high.probabilities[steps])


def test_lost_cells_count_until_they_are_lost() -> None:
    #     4 frames: one of five divides; 6: one is lost; 7: one of three divides; 9: two are lost
    curve = kaplan_meier(np.array([7, 4, 9, 6, 9]), np.array([True, True, False, False, False]))
    assert curve.frames.tolist() == [4, 7]
    assert curve.at_risk.tolist() == [5, 3]
    assert curve.divided.tolist() == [1, 1]
    np.testing.assert_allclose(curve.fraction, [4 / 5, 4 / 5 * 2 / 3])
    assert curve.median is None


def test_the_median_is_the_age_by_which_half_have_divided() -> None:
    divided = np.ones(4, np.bool_)
    assert kaplan_meier(np.array([3, 5, 8, 13]), divided).median == 5


@pytest.fixture
def pairs() -> tuple[FloatArray, ...]:
    rng = np.random.default_rng(11)
    common = rng.random(30)
    one, other = common + rng.random(30), 7 * common + rng.random(30)
    one[4], other[9] = np.nan, np.inf
    return one, other


def test_correlation_of_mothers_and_daughters_is_scipys(pairs: tuple[FloatArray, ...]) -> None:
    one, other = pairs
    known = np.isfinite(one) & np.isfinite(other)
    found = correlation(one, other, ordered=True)
    assert found.n == 28
    assert found.pearson == pytest.approx(pearsonr(one[known], other[known]).statistic)
    assert found.spearman == pytest.approx(spearmanr(one[known], other[known]).statistic)


def test_who_is_named_first_says_nothing_of_sisters(pairs: tuple[FloatArray, ...]) -> None:
    one, other = pairs
    swapped = np.arange(30) % 3 == 0
    a, b = np.where(swapped, other, one), np.where(swapped, one, other)
    straight, mixed = correlation(one, other, ordered=False), correlation(a, b, ordered=False)
    assert straight.pearson == pytest.approx(mixed.pearson)
    assert straight.spearman == pytest.approx(mixed.spearman)
    assert correlation(one, other, ordered=True).pearson != pytest.approx(straight.pearson)


def test_two_pairs_and_equal_values_have_no_correlation() -> None:
    two = correlation(np.array([1.0, 2.0]), np.array([3.0, 5.0]), ordered=True)
    assert (two.n, two.pearson, two.spearman) == (2, None, None)
    same = correlation(np.full(5, 0.1), np.arange(5.0), ordered=True)
    assert (same.n, same.pearson, same.spearman) == (5, None, None)
    perfect = correlation(np.arange(4.0), np.array([1.0, 2.0, 4.0, 8.0]), ordered=True)
    assert perfect.spearman == 1.0
