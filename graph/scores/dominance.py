"""Sums of weights in a quadrant of the plane, for many quadrants at once."""

import numpy as np

from ingest.tracking_graph import IntArray


def dominance_sums(points: IntArray, weights: IntArray, corners: IntArray) -> IntArray:
    """Sum of the weights of the points that lie below and left of each corner.

    A wavelet matrix (Claude, Navarro & Ordóñez 2015, Information Systems 47:15): the points, sorted by x, are
    parted by one binary digit of y after another, highest first, so that a quadrant stays one stretch of
    the sequence. Takes (N + Q)·log(max y) steps, all of them over whole columns.

    Args:
        points: (N, 2) x and y, integers ≥ 0.
        weights: (N,)
        corners: (Q, 2) x and y, integers ≥ 0.

    Returns:
        (Q,) Σ of weights over points with x < corner x and y < corner y.
    """
    order = np.argsort(points[:, 0], kind="stable")
    y, weights = points[order, 1], weights[order]
    start = np.zeros(len(corners), np.int64)
    stop = np.searchsorted(points[order, 0], corners[:, 0])
    total = np.zeros(len(corners), np.int64)
    highest = max(y.max(initial=0), corners[:, 1].max(initial=0))
    for digit in reversed(range(int(highest).bit_length())):
        zero = (y >> digit) & 1 == 0
        zeros, weight = _running(zero), _running(weights * zero)
        above = (corners[:, 1] >> digit) & 1 == 1
        total += np.where(above, weight[stop] - weight[start], 0)
        start = np.where(above, zeros[-1] + start - zeros[start], zeros[start])
        stop = np.where(above, zeros[-1] + stop - zeros[stop], zeros[stop])
        y, weights = (np.concatenate((column[zero], column[~zero])) for column in (y, weights))
    return total


def _running(values: IntArray) -> IntArray:
    """Sum of all values before each position, and of all."""
    return np.concatenate(([0], np.cumsum(values)))
