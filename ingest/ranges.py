"""Ranges of whole numbers: one after the other, and some numbers of one."""

import numpy as np

from ingest.tracking_graph import IntArray


def expanded(start: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """The numbers start[k] … start[k] + count[k] − 1 of each of n ranges.

    Args:
        start: (n,) the first of each.
        count: (n,) how many each has, 0 or more.

    Returns:
        (P,) the range of each number, ascending, and (P,) the numbers.
    """
    owner = np.repeat(np.arange(len(count)), count)
    number: IntArray = np.repeat(start - (np.cumsum(count) - count), count)
    number += np.arange(len(number))
    return owner, number


def spread(count: int, most: int) -> IntArray:
    """Some of the numbers 0 … count − 1, evenly spread, the first and the last among them; `most` at most."""
    return np.unique(np.linspace(0, count - 1, most).astype(np.int64))
