"""What is near a mask: in a tenth of the time that the distances of all pixels take."""

from math import isqrt

from ingest.tracking_graph import BoolArray


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
