"""Distances in a mask, of which only a part is wanted: in a fraction of the time of the whole transform."""

from math import isqrt

import numpy as np
from scipy import ndimage as ndi

from ingest.tracking_graph import BoolArray, FloatArray


def within_reach(mask: BoolArray, reach: float) -> BoolArray:
    """(Y, X) whether a pixel's centre is at most `reach` pixels away from that of one of the mask.

    A disc is a column of lines: the mask is widened along x by each half line, and moved along y.
    """
    height, width = mask.shape
    near, wide, half = mask.copy(), mask.copy(), 0
    for dy in range(min(int(reach), height - 1), -1, -1):
        while half < min(isqrt(int(reach**2) - dy**2), width - 1):
            half += 1
            wide[:, half:] |= mask[:, :-half]
            wide[:, :-half] |= mask[:, half:]
        near[dy:] |= wide[: height - dy]
        near[: height - dy] |= wide[dy:]
    return near


def distance_to_outside(mask: BoolArray) -> FloatArray:
    """(Y, X) distance of each pixel of the mask to the nearest one outside; 0 outside, as by scipy."""
    nearest = ndi.distance_transform_edt(mask, return_distances=False, return_indices=True)
    y, x = np.nonzero(mask)
    distance = np.zeros(mask.shape)
    distance[y, x] = np.hypot(y - nearest[0, y, x], x - nearest[1, y, x])
    return distance
