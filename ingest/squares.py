"""The pixels around points of an image."""

import numpy as np

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
    owner = np.repeat(np.arange(len(side)), side**2)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(side**2) - side**2, side**2)
    row, column = np.divmod(within, side[owner])
    top, left = np.rint(y).astype(np.int64) - reach, np.rint(x).astype(np.int64) - reach
    return owner, top[owner] + row, left[owner] + column
