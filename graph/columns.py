"""Lists of values as the driver gives them, as NumPy columns."""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from ingest.tracking_graph import FloatArray, IntArray


def integers(lists: Iterable[Sequence[int]]) -> IntArray:
    """One column of all lists, one after the other."""
    return np.array(list(chain.from_iterable(lists)), np.int64)


def floats(lists: Iterable[Sequence[float | None]]) -> FloatArray:
    """One column of all lists, one after the other; NaN where there is none."""
    return np.array(list(chain.from_iterable(lists)), np.float64)
