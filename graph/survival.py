"""The fraction of cells that has not divided by some age, with those that were lost counted until then."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ingest.tracking_graph import BoolArray, FloatArray, IntArray

CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Survival:
    """A step function that falls at each age at which a cell divided; one row an age.

    Attributes:
        frames: (K,) age, ascending.
        at_risk: (K,) cells that lived as long undivided.
        divided: (K,) those of them that divided at this age.
        fraction: (K,) of cells that has not divided by then.
        low, high: (K,) bounds of a 95 % confidence interval of it; NaN where the fraction is 0.
    """

    frames: IntArray
    at_risk: IntArray
    divided: IntArray
    fraction: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def median(self) -> int | None:
        """The age by which half have divided: the first at which the fraction is ½ or less; None before."""
        reached = np.flatnonzero(self.fraction <= 0.5)
        return int(self.frames[reached[0]]) if len(reached) else None


def kaplan_meier(frames: IntArray, divided: BoolArray) -> Survival:
    """Estimate the survival curve (Kaplan and Meier 1958).

    S(t) = Π over ages τ ≤ t of (1 − dτ / nτ): dτ cells divide after τ frames, nτ lived as long undivided.
    A cell that was lost, or outlived the movie, counts until then.

    Args:
        frames: (C,) frames that each cell lived.
        divided: (C,) whether it divided then.
    """
    ages, events = np.unique(frames[divided], return_counts=True)
    at_risk = len(frames) - np.searchsorted(np.sort(frames), ages)
    fraction: FloatArray = np.cumprod(1 - events / at_risk, dtype=np.float64)
    low, high = _interval(fraction, at_risk, events)
    return Survival(ages, at_risk, events, fraction, low, high)


def _interval(fraction: FloatArray, at_risk: IntArray, events: IntArray) -> tuple[FloatArray, FloatArray]:
    """Bounds on the scale of log(−log S), where they stay within 0..1 (Kalbfleisch and Prentice 1980).

    S^exp(±z √(Σ d / (n (n − d))) / log S), the sum by Greenwood (1926).
    """
    low, high = np.full((2, len(fraction)), np.nan)
    known = fraction > 0  # where all have divided, the variance is not defined
    n, d = at_risk[known], events[known]
    spread = ndtri((1 + CONFIDENCE) / 2) * np.sqrt(np.cumsum(d / (n * (n - d)))) / np.log(fraction[known])
    low[known], high[known] = fraction[known] ** np.exp(-spread), fraction[known] ** np.exp(spread)
    return low, high
