"""How large the things in an image are, before any of them has been found."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.contrast import bowl
from ingest.tracking_graph import FloatArray

HALF_CORRELATION = 0.404
"""Shift, in diameters, at which a disc overlaps one half of itself: (2/π)·(arccos s − s·√(1 − s²)) = 1/2."""
OUTLIERS = 0.5
"""Percent of the pixels, at either end, whose brightness is cut: a speck must not outweigh all cells."""
SMALLEST_IMAGE = 8
"""Pixels of a side, below which there is nothing to compare."""
ROUNDING = 1e-9
"""Share of the brightest pixel below which a difference is one of rounding."""
SIGNIFICANT = 5.0
"""Standard deviations by which neighbouring pixels of an image must be alike to show anything but noise."""


def typical_diameter(images: Sequence[npt.NDArray[Any]]) -> float | None:
    """Diameter of the things in some images of one size, (Y, X) each, from how far pixels are alike.

    The autocorrelation of scattered discs is that of one disc, whatever their number, brightness and noise:
    its radial mean is extrapolated to lag 0, past the noise, and its half-decay is compared with a disc's.
    In a crowd it comes out smaller, of blurred cells larger, of elongated ones between both axes.

    Returns:
        Pixels; None where neighbouring pixels have nothing in common: noise, a flat or a tiny image.
    """
    if min(images[0].shape) < SMALLEST_IMAGE:
        return None
    profiles, lags = zip(*(_autocovariance(image) for image in images), strict=True)
    profile, lag = np.mean(profiles, axis=0), lags[0]
    pixels = images[0].size * len(images)
    # The mean over the eight or so pixel pairs at lag 1 of white noise varies by its variance/√(4·pixels).
    if not profile[1] > SIGNIFICANT * profile[0] / np.sqrt(4 * pixels):
        return None
    peak = profile[1] + (profile[1] - profile[2]) * lag[1] / (lag[2] - lag[1])
    below = np.flatnonzero(profile[1:] < peak / 2)
    if len(below) == 0:  # larger than all lags: at least so large
        return float(lag[-1] / HALF_CORRELATION)
    k = max(int(below[0]) + 1, 2)
    share = (profile[k - 1] - peak / 2) / (profile[k - 1] - profile[k])
    return float((lag[k - 1] + share * (lag[k] - lag[k - 1])) / HALF_CORRELATION)


def _autocovariance(image: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Radial means of the autocovariance and of the lag, for lags up to a third of the image."""
    pixels = image.astype(np.float64)
    pixels = np.clip(pixels, *np.percentile(pixels, [OUTLIERS, 100 - OUTLIERS])) - pixels.min()
    flat = pixels - bowl(pixels)
    flat[np.abs(flat) < ROUNDING * pixels.max()] = 0
    flat -= flat.mean()
    covariance = np.fft.irfft2(np.abs(np.fft.rfft2(flat)) ** 2, flat.shape) / flat.size
    y, x = (np.minimum(np.arange(n), n - np.arange(n)) for n in flat.shape)
    lag = np.hypot(y[:, None], x)
    near = lag < max(min(flat.shape) // 3, 4)
    ring = lag[near].astype(np.int64)
    count = np.maximum(np.bincount(ring), 1)
    return np.bincount(ring, covariance[near]) / count, np.bincount(ring, lag[near]) / count
