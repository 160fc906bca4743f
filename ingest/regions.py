"""Sums over many overlapping regions at once: unions of basins, each above a threshold of its own."""

from math import pi

import numpy as np
import numpy.typing as npt

from ingest.merge_tree import Labels, MergeTree
from ingest.tracking_graph import FloatArray


class Regions:
    """The nodes of a merge tree as regions of pixels brighter than any threshold.

    The pixels are sorted by basin and brightness, and summed cumulatively: what lies above any threshold is
    the difference of two sums, and a node's sum is that of its basins.

    Args:
        tree: of m nodes.
        light: (Y, X).

    Attributes:
        peak: (m,) the brightest pixel of each node.
    """

    def __init__(self, tree: MergeTree, light: npt.NDArray[np.floating]) -> None:
        self._basin, self._node = tree.membership
        self._nodes = len(tree.parent)
        at = np.flatnonzero(tree.basins)
        owner, value = tree.basins.ravel()[at] - 1, light.ravel()[at].astype(np.float64)
        order = np.lexsort((-value, owner))  # within each basin, the brightest first
        owner, value = owner[order], value[order]
        self._brightest, self._span = value.max(), float(np.ptp(value)) or 1.0
        self._key = owner + self._darkness(value)
        self._start = np.searchsorted(owner, np.arange(tree.leaves))[self._basin]
        y, x = (index.astype(np.float64) for index in np.divmod(at[order], light.shape[1]))
        columns = np.stack([np.ones(len(y)), y, x, y * y, x * x, y * x, value], axis=1)
        self._cumulative = np.concatenate([np.zeros((1, 7)), np.cumsum(columns, axis=0)])
        self.peak = np.full(self._nodes, -np.inf)
        np.maximum.at(self.peak, self._node, value[self._start])

    def above(self, threshold: FloatArray) -> FloatArray:
        """(m,) thresholds → (m, 7) sums of 1, y, x, y², x², yx and light over each node's brighter pixels."""
        end = np.searchsorted(self._key, self._basin + self._darkness(threshold[self._node]))
        sums = self._cumulative[end] - self._cumulative[self._start]
        return np.stack([np.bincount(self._node, column, self._nodes) for column in sums.T], axis=1)

    def _darkness(self, value: FloatArray) -> FloatArray:
        """0 for the brightest pixel of all to 0.6 for the darkest, and less than 1 for any threshold."""
        darkness: FloatArray = np.clip(0.6 * (self._brightest - value) / self._span, 0, 0.9)
        return darkness


def moments_of(labels: Labels) -> FloatArray:
    """(n, 6) sums of 1, y, x, y², x² and yx over each label 1 … n."""
    at = np.flatnonzero(labels)
    y, x = (index.astype(np.float64) for index in np.divmod(at, labels.shape[1]))
    owner, count = labels.ravel()[at], int(labels.max(initial=0)) + 1
    columns = (np.ones(len(at)), y, x, y * y, x * x, y * x)
    return np.stack([np.bincount(owner, column, count)[1:] for column in columns], axis=1)


def ellipse_likeness(sums: FloatArray) -> FloatArray:
    """A/(4π·√det Σ) of regions of area A and covariance Σ: 1 for an ellipse, less for all that is not.

    Args:
        sums: (m, ≥ 6) of 1, y, x, y², x² and yx over each region's pixels.
    """
    area, *rest = sums.T[:6]
    y, x, yy, xx, yx = (column / np.maximum(area, 1) for column in rest)
    pixel = 1 / 12  # variance within one
    determinant = (yy - y * y + pixel) * (xx - x * x + pixel) - (yx - y * x) ** 2
    likeness: FloatArray = area / (4 * pi * np.sqrt(np.maximum(determinant, pixel**2)))
    return likeness
