"""Rows of two columns that hold the same value."""

import numpy as np

from ingest.ranges import expanded
from ingest.tracking_graph import IntArray


def meeting(left: IntArray, right: IntArray) -> tuple[IntArray, IntArray]:
    """(P,) places in `left`, ascending, and (P,) places in `right` of all pairs of equal values."""
    order = np.argsort(right, kind="stable")
    start, stop = (np.searchsorted(right[order], left, side) for side in ("left", "right"))
    first, place = expanded(start, stop - start)
    return first, order[place]
