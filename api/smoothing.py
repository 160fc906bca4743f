"""A cell's measurements made comparable: smoothed over a window, put on a regular grid, gaps shown."""

from dataclasses import dataclass
from enum import StrEnum
from math import floor

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ingest.errors import InputError
from ingest.tracking_graph import BoolArray, FloatArray, IntArray

WIDEST = 301
"""Frames of a window, at most: each value of a long track is then read as often."""
FINEST = 1e-6
"""Frames from one point of a grid to the next, at least: the numbers of points then stay finite."""


class SmoothingMethod(StrEnum):
    """What stands for a window of values."""

    MEAN = "MEAN"
    """Their mean."""
    MEDIAN = "MEDIAN"
    """Their median, which one wrong value does not move."""


@dataclass(frozen=True)
class Smooth:
    """A moving window.

    Attributes:
        method: what stands for the values in it.
        window: its width in frames, odd; its middle is the frame that the result is for.

    Raises:
        InputError: a width that cannot be.
    """

    method: SmoothingMethod
    window: int

    def __post_init__(self) -> None:
        if not (1 <= self.window <= WIDEST and self.window % 2):
            raise InputError(
                f"a window of {self.window} frames",
                place="smooth",
                remedy=f"give an odd number of frames from 1 to {WIDEST}",
            )


@dataclass(frozen=True)
class Grid:
    """Regular points in time.

    Attributes:
        step: frames from one to the next.
        max_gap: frames in which a cell may have been missed between two values that are interpolated.

    Raises:
        InputError: a step or a gap that cannot be.
    """

    step: float
    max_gap: int = 0

    def __post_init__(self) -> None:
        if not (FINEST <= self.step < np.inf and self.max_gap >= 0):
            raise InputError(
                f"a step of {self.step:g} frames over gaps of up to {self.max_gap} frames",
                place="resample",
                remedy=f"give a step of {FINEST:f} frames or more and a gap of 0 or more",
            )

    def points(self, begin: int, end: int, origin: int) -> int:
        """How many of its points, of which one is at `origin`, are from frame `begin` to frame `end`."""
        low, high = self._span(begin, end, origin)
        return max(high - low + 1, 0)

    def frames(self, begin: int, end: int, origin: int) -> FloatArray:
        """(M,) these points."""
        low, high = self._span(begin, end, origin)
        points = origin + self.step * np.arange(low, high + 1, dtype=np.float64)
        return np.clip(points, begin, end)  # rounding

    def _span(self, begin: int, end: int, origin: int) -> tuple[int, int]:
        slack = 1e-9  # a step of 0.1 meets the last frame all the same
        low = -floor((origin - begin) / self.step + slack)
        return low, floor((end - origin) / self.step + slack)


def every_frame(frame: IntArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values at every frame from the first to the last.

    Args:
        frame: (N,) ascending.
        values: (N, F) of F features.

    Returns:
        (M,) frames, and (M, F) values, NaN where the cell was missed.
    """
    frames = np.arange(frame[0], frame[-1] + 1, dtype=np.float64)
    filled = np.full((len(frames), values.shape[1]), np.nan)
    filled[frame - frame[0]] = values
    return frames, filled


def smoothed(values: FloatArray, smooth: Smooth) -> FloatArray:
    """Each value replaced by the mean or the median of those in the window around it.

    Values that are missing are left out, and stay missing; at either end the window holds what there is.

    Args:
        values: (M, F) at every frame, NaN where missing.
        smooth: how.
    """
    result = np.full_like(values, np.nan)
    average = np.nanmean if smooth.method is SmoothingMethod.MEAN else np.nanmedian
    half = smooth.window // 2
    for feature, column in enumerate(values.T):
        known = np.isfinite(column)
        padded = np.pad(np.where(known, column, np.nan), half, constant_values=np.nan)
        windows = sliding_window_view(padded, smooth.window)[known]  # (known, window)
        result[known, feature] = average(windows, axis=1) if len(windows) else []
    return result


def interpolated(frames: FloatArray, values: FloatArray, at: FloatArray, max_gap: int) -> FloatArray:
    """Values between frames, linearly; NaN before the first, after the last, and in a gap that is too long.

    Args:
        frames: (M,) ascending, every frame.
        values: (M, F), NaN where missing.
        at: (K,) where values are wanted, in frames.
        max_gap: frames that may be missing between two values.

    Returns:
        (K, F)
    """
    result = np.full((len(at), values.shape[1]), np.nan)
    for feature, column in enumerate(values.T):
        known = np.isfinite(column)
        x, y = frames[known], column[known]
        if len(x):
            result[:, feature] = np.interp(at, x, y, left=np.nan, right=np.nan)
            result[_in_gap(x, at, max_gap), feature] = np.nan
    return result


def _in_gap(x: FloatArray, at: FloatArray, max_gap: int) -> BoolArray:
    """(K,) points strictly between two known frames that are too far apart."""
    left = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 1)
    right = np.minimum(left + 1, len(x) - 1)
    inside: BoolArray = (x[left] < at) & (x[right] - x[left] > max_gap + 1)
    return inside
