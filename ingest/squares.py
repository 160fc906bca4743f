"""The pixels around points of an image."""

import numpy as np

from ingest.ranges import expanded
from ingest.tracking_graph import FloatArray, IntArray


def squares_around(y: FloatArray, x: FloatArray, reach: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Every pixel of a square of 2·reach + 1 around each of n points, also beyond the image.

    Args:
        y: (n,) of the points, pixels.
        x: (n,) likewise.
        reach: (n,) pixels from the middle of each square to its sides.

    Returns:
        (W,) the square that each pixel belongs to, 0 … n − 1, its y, and its x.
    """
    side = 2 * reach + 1
    owner, within = expanded(np.zeros_like(side), side**2)
    row, column = np.divmod(within, side[owner])
    top, left = np.rint(y).astype(np.int64) - reach, np.rint(x).astype(np.int64) - reach
    return owner, top[owner] + row, left[owner] + column
