"""Rows of two columns that hold the same value."""

import numpy as np

from ingest.tracking_graph import IntArray


def meeting(left: IntArray, right: IntArray) -> tuple[IntArray, IntArray]:
    """(P,) places in `left`, ascending, and (P,) places in `right` of all pairs of equal values."""
    order = np.argsort(right, kind="stable")
    start, stop = (np.searchsorted(right[order], left, side) for side in ("left", "right"))
    count = stop - start
    first = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    return first, order[start[first] + within]
