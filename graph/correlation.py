"""How much alike related cells are."""

from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import FloatArray

FEWEST = 3
"""Two pairs are always on one line."""


@dataclass(frozen=True)
class Correlation:
    """Of two values over pairs of cells.

    Attributes:
        n: pairs in which both values are known.
        pearson: the correlation coefficient; None of fewer than three pairs, or where a value is always the
            same.
        spearman: that of the ranks.
    """

    n: int
    pearson: float | None
    spearman: float | None


def correlation(one: FloatArray, other: FloatArray, *, ordered: bool) -> Correlation:
    """Correlate two values over pairs.

    Args:
        one: (P,) a value of the one cell of each pair; pairs with one that is not finite are left out.
        other: (P,) likewise of the other cell.
        ordered: whether it matters who is who, as for mother and daughter. If not, as for sisters, each pair
            counts both ways round (Fisher 1925, intraclass correlation): the order of ids says nothing.
    """
    from scipy.stats import rankdata  # takes a second, which no other use of the store should wait for

    known = np.isfinite(one) & np.isfinite(other)
    a, b = one[known], other[known]
    n = len(a)
    if not ordered:
        a, b = np.concatenate([a, b]), np.concatenate([b, a])
    if n < FEWEST:
        return Correlation(n, None, None)
    return Correlation(n, _coefficient(a, b), _coefficient(rankdata(a), rankdata(b)))


def _coefficient(a: FloatArray, b: FloatArray) -> float | None:
    if not np.ptp(a) or not np.ptp(b):
        return None
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1))
