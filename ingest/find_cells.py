"""The cells of one frame: which bright regions are each one ellipse of a cell's size without a valley."""

from dataclasses import dataclass
from math import pi

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.measure import label as components
from skimage.segmentation import relabel_sequential, watershed

from ingest.contrast import Contrast, Image
from ingest.merge_tree import Labels, MergeTree, choose, merge_tree
from ingest.tracking_graph import BoolArray, FloatArray, IntArray

FIRST_SHARE = 0.5
"""Share of its peak above which a region's mean brightness is taken."""
SIZE_BELOW, SIZE_ABOVE = 0.8, 0.8
"""How many times e a cell's area may be smaller or larger than the typical one, as a standard deviation."""
SHAPE_POWER = 8
"""Weight of the likeness to an ellipse: of two discs that touch, 0.89 like one, a region scores 0.4."""
BONUS_OF_LIGHT, BONUS_OF_SHAPE = 0.05, 0.15
"""What speaks for one cell rather than several: between valleys of light, and necks of outlines."""
DEPTH_SMOOTHED = 0.04
"""Standard deviation of the smoothing of the distance transform, in diameters."""
HALO = 0.15
"""Reach of a cell's stray light beyond its outline, in diameters."""
THINNEST = 0.12
"""Width below which unexplained light is no cell, in diameters."""
CREDIBLE = 0.3
"""Score from which unexplained light is a cell."""
LARGEST_HOLE = 0.15
"""Area of a hole, such as a nucleolus, that belongs to the cell around it, in typical areas."""


@dataclass(frozen=True)
class Typical:
    """What is known beforehand: the diameter of a cell in pixels, and the share of its light that is its edge."""

    diameter: float
    edge: float

    @property
    def area(self) -> float:
        """Of a disc of the diameter, pixels."""
        return pi / 4 * self.diameter**2


def find_cells(found: Contrast, diameter: float, sure: float, edge: float, smallest: float) -> Labels:
    """Label the cells of one frame.

    Args:
        found: the frame without its background.
        diameter: typical diameter of a cell, pixels.
        sure: how many times the noise a cell is bright.
        edge: where its edge is, as a share of its mean brightness.
        smallest: area of the smallest cell, in typical areas.

    Returns:
        (Y, X) labels from 1 on, 0 for the ground.
    """
    typical = Typical(diameter, edge)
    mask = found.coarse > sure * found.noise
    noise = float(np.median(found.noise))
    cells = _look(found.light, found.coarse, mask, noise, typical)
    cells = _second_look(cells, found, mask, noise, typical)
    small = np.bincount(cells.ravel()) < smallest * typical.area
    kept, _, _ = relabel_sequential(np.where(small[cells], 0, cells))
    return np.asarray(kept, np.int32)


def _second_look(cells: Labels, found: Contrast, mask: BoolArray, noise: float, typical: Typical) -> Labels:
    """Add the cells in the light that `cells` leave unexplained: dim ones, on the slopes of bright ones."""
    far = ndi.distance_transform_edt(cells == 0) > HALO * typical.diameter
    rest = ndi.binary_opening(mask & far, iterations=max(1, round(THINNEST / 2 * typical.diameter)))
    if not rest.any():
        return cells
    more = _look(found.light, np.where(rest, found.coarse, 0), rest, noise, typical)
    credible = np.concatenate([[False], _score(moments_of(more), typical) > CREDIBLE])
    return np.where(credible[more], more + cells.max(), cells)


def _look(light: Image, height: Image, mask: BoolArray, noise: float, typical: Typical) -> Labels:
    """Cells by their brightness, those that touch cut at the necks of their outlines."""
    return _cut_at_necks(_by_brightness(light, height, mask, noise, typical), typical)


def _by_brightness(
    light: Image, height: Image, mask: BoolArray, noise: float, typical: Typical
) -> Labels:
    """Cells as unions of basins of `height`, each outlined where `light` falls to its own threshold."""
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    tree = merge_tree(height, mask, noise)
    regions = _Regions(tree, light)
    within = tree.way * (1 - 1e-6)  # what joins the parts of a union belongs to it
    sums = regions.above(np.minimum(FIRST_SHARE * regions.peak, within))
    edge = np.minimum(typical.edge * sums[:, 6] / np.maximum(sums[:, 0], 1), within)
    sums = regions.above(edge)
    node = choose(tree, _score(sums, typical) * (1 - np.minimum(tree.valley, 1)), sums[:, 0], BONUS_OF_LIGHT)
    edge_of = np.concatenate([[np.inf], edge[node]])
    return _tidy(_numbered(tree.basins, node) * (light > edge_of[tree.basins]), typical)


def _cut_at_necks(cells: Labels, typical: Typical) -> Labels:
    """Cut regions that are better explained as several cells: basins of the distance to their outlines."""
    core = cells > 0
    for axis in (0, 1):
        moved = np.moveaxis(cells, axis, 0)
        np.moveaxis(core, axis, 0)[1:] &= moved[1:] == moved[:-1]
    if not core.any():
        return cells
    depth = ndi.gaussian_filter(ndi.distance_transform_edt(core), DEPTH_SMOOTHED * typical.diameter)
    tree = merge_tree(depth, core, 0.0)
    whole = watershed(-depth, tree.basins, mask=cells > 0)
    sums = _Regions(MergeTree(whole, tree.parent, tree.way, tree.valley), depth).above(
        np.full(len(tree.parent), -np.inf)
    )
    return _numbered(whole, choose(tree, _score(sums, typical), sums[:, 0], BONUS_OF_SHAPE))


class _Regions:
    """The nodes of a merge tree as regions of pixels brighter than any threshold.

    Args:
        tree: of m nodes.
        light: (Y, X).
    """

    def __init__(self, tree: MergeTree, light: npt.NDArray[np.floating]) -> None:
        self._basin, self._node = tree.membership
        self._nodes = len(tree.parent)
        at = np.flatnonzero(tree.basins)
        owner, value = tree.basins.ravel()[at] - 1, light.ravel()[at].astype(np.float64)
        order = np.lexsort((-value, owner))  # within each basin, the brightest first
        owner, value = owner[order], value[order]
        self._lowest, self._span = value.min(), max(float(np.ptp(value)), 1e-9) * 1.001
        self._key = owner + self._darkness(value)
        self._start = np.searchsorted(owner, np.arange(tree.leaves))
        y, x = (index.astype(np.float64) for index in np.divmod(at[order], light.shape[1]))
        columns = np.stack([np.ones(len(y)), y, x, y * y, x * x, y * x, value], axis=1)
        self._cumulative = np.concatenate([np.zeros((1, 7)), np.cumsum(columns, axis=0)])
        self.peak = np.full(self._nodes, -np.inf)
        np.maximum.at(self.peak, self._node, value[self._start][self._basin])

    def _darkness(self, value: FloatArray) -> FloatArray:
        """0 the brightest, almost 1 the darkest pixel of all."""
        return np.clip(1 - (value - self._lowest) / self._span, 0, 1) * 0.999

    def above(self, threshold: FloatArray) -> FloatArray:
        """(m,) threshold of each node → (m, 7) sums of 1, y, x, y², x², yx and light over its brighter pixels."""
        end = np.searchsorted(self._key, self._basin + self._darkness(threshold[self._node]))
        sums = self._cumulative[np.maximum(end, self._start[self._basin])] - self._cumulative[self._start[self._basin]]
        return np.stack([np.bincount(self._node, column, self._nodes) for column in sums.T], axis=1)


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


def _score(sums: FloatArray, typical: Typical) -> FloatArray:
    """How well each region passes for one cell, 0 to 1, by its shape and its size."""
    deviation = np.log(np.maximum(sums[:, 0], 1e-3) / typical.area)
    deviation /= np.where(deviation < 0, SIZE_BELOW, SIZE_ABOVE)
    score: FloatArray = ellipse_likeness(sums) ** SHAPE_POWER * np.exp(-(deviation**2) / 2)
    return score


def _numbered(basins: Labels, node: IntArray) -> Labels:
    """The basins labelled by the nodes chosen for them, from 1 on."""
    _, number = np.unique(node, return_inverse=True)
    return np.concatenate([[0], number + 1])[basins].astype(np.int32)


def _tidy(cells: Labels, typical: Typical) -> Labels:
    """Fill small holes within cells, and keep the largest piece of each."""
    holes = components(cells == 0, connectivity=1)
    size = np.bincount(holes.ravel())
    small = size < LARGEST_HOLE * typical.area
    small[0] = False
    at = np.flatnonzero(small[holes].ravel())
    hole, around = holes.ravel()[at], ndi.grey_dilation(cells, 3).ravel()[at]
    least, most = np.full(len(size), np.iinfo(np.int32).max), np.zeros(len(size), np.int32)
    touching = around > 0
    np.minimum.at(least, hole[touching], around[touching])
    np.maximum.at(most, hole, around)
    cells = cells.copy()
    cells.ravel()[at] = np.where(least == most, most, 0)[hole]  # no gap between several cells
    pieces = components(cells, connectivity=1)
    size = np.bincount(pieces.ravel())
    label = np.zeros(len(size), np.int64)
    label[pieces.ravel()] = cells.ravel()
    size[label == 0] = 0
    largest = np.zeros(int(label.max(initial=0)) + 1, np.int64)
    np.maximum.at(largest, label, size)
    return np.where((size == largest[label])[pieces], cells, 0).astype(np.int32)
