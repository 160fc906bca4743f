"""Smoothing and grids, against plain loops and numbers by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.smoothing import WIDEST, Grid, Smooth, SmoothingMethod, every_frame, interpolated, smoothed
from ingest.errors import InputError

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)), min_size=1, max_size=20)


@given(VALUES, st.integers(0, 6), st.sampled_from(SmoothingMethod))
def test_a_window_holds_what_is_known_around_each_value(
    column: list[float], half: int, method: SmoothingMethod
) -> None:
    values = np.array(column)
    found = smoothed(values[:, None], Smooth(method, 2 * half + 1))[:, 0]
    for index, value in enumerate(values):
        window = values[max(index - half, 0) : index + half + 1]
        known = window[~np.isnan(window)]
        average = np.mean if method is SmoothingMethod.MEAN else np.median
        expected = np.nan if np.isnan(value) else average(known)
        np.testing.assert_allclose(found[index], expected, rtol=1e-9, atol=1e-6)


def test_a_gap_is_left_out_of_a_window_and_stays_a_gap() -> None:
    frames, values = every_frame(np.array([4, 5, 8]), np.array([[1.0, 7.0], [4.0, 5.0], [10.0, 3.0]]))
    assert frames.tolist() == [4, 5, 6, 7, 8]
    found = smoothed(values, Smooth(SmoothingMethod.MEAN, 7))
    np.testing.assert_allclose(found[:, 0], [2.5, 5.0, np.nan, np.nan, 7.0])
    np.testing.assert_allclose(found[:, 1], [6.0, 5.0, np.nan, np.nan, 4.0])


def test_one_wrong_value_does_not_move_a_median() -> None:
    values = np.array([[3.0], [3.0], [900.0], [5.0], [5.0]])
    assert smoothed(values, Smooth(SmoothingMethod.MEDIAN, 3))[:, 0].tolist() == [3.0, 3.0, 5.0, 5.0, 5.0]


@pytest.mark.parametrize("window", [0, -3, 4, WIDEST + 2])
def test_a_window_that_has_no_middle_is_refused(window: int) -> None:
    with pytest.raises(InputError, match="odd number of frames"):
        Smooth(SmoothingMethod.MEAN, window)


@pytest.mark.parametrize(
    ("step", "gap"), [(0.0, 0), (-1.0, 0), (1e-320, 0), (float("inf"), 0), (float("nan"), 0), (1.0, -1)]
)
def test_a_grid_that_leads_nowhere_is_refused(step: float, gap: int) -> None:
    with pytest.raises(InputError, match="resample"):
        Grid(step, gap)


@pytest.mark.parametrize(
    ("step", "begin", "end", "origin", "frames"),
    [
        (1.0, 3, 6, 3, [3, 4, 5, 6]),
        (2.5, 3, 9, 3, [3, 5.5, 8]),
        (2.5, 3, 9, 9, [4, 6.5, 9]),
        (2.5, 3, 9, 0, [5, 7.5]),
        (100.0, 3, 9, 0, []),
        (100.0, 3, 9, 9, [9]),
    ],
)
def test_a_grid_has_a_point_at_its_origin(
    step: float, begin: int, end: int, origin: int, frames: list[float]
) -> None:
    grid = Grid(step)
    assert grid.frames(begin, end, origin).tolist() == frames
    assert grid.points(begin, end, origin) == len(frames)


def test_a_grid_reaches_the_last_frame_in_spite_of_rounding() -> None:
    found = Grid(0.1).frames(2, 5, 2)
    assert (len(found), found[0], found[-1]) == (31, 2.0, 5.0)


def at(
    points: list[float], max_gap: int, values: Any = (1.0, 4.0, np.nan, np.nan, 10.0, np.nan)
) -> list[float]:
    column = np.array(values, np.float64)[:, None]
    frames = np.arange(3.0, 3.0 + len(column))
    found: list[float] = interpolated(frames, column, np.array(points), max_gap)[:, 0].tolist()
    return found


def test_values_between_frames_are_on_a_line() -> None:
    assert at([3, 3.25, 4], 0) == [1.0, 1.75, 4.0]


def test_a_gap_is_bridged_only_where_that_is_asked() -> None:
    np.testing.assert_equal(at([4.0, 4.5, 6.9, 7.0], 1), [4.0, np.nan, np.nan, 10.0])
    np.testing.assert_allclose(at([4.0, 4.5, 6.5, 7.0], 2), [4.0, 5.0, 9.0, 10.0])


def test_nothing_is_made_up_before_the_first_value_or_after_the_last() -> None:
    np.testing.assert_equal(at([2.5, 7.5, 8.0], 9), [np.nan] * 3)
    np.testing.assert_equal(at([3.0], 9, values=[np.nan]), [np.nan])
    assert at([3.0], 9, values=[6.5]) == [6.5]
