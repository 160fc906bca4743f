"""The cells of one frame: which bright regions are each one ellipse of a cell's size without a valley."""

from dataclasses import dataclass, replace
from math import pi

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import label as components
from skimage.segmentation import expand_labels, relabel_sequential, watershed

from ingest.contrast import Contrast, Image
from ingest.distances import within_reach
from ingest.merge_tree import Labels, choose, merge_tree
from ingest.regions import Regions, ellipse_likeness, moments_of
from ingest.tracking_graph import BoolArray, FloatArray, IntArray

FIRST_SHARE = 0.5
"""Share of its peak above which a region's mean brightness is taken."""
SIZE_SPREAD = 0.8
"""Standard deviation of the logarithm of a cell's area, over the typical one."""
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
RIM = 0.15
"""Width of the rim around a cell in which its light must have fallen, in diameters."""
LEAST_FALL = 0.5
"""Share of its mean by which a cell's light falls there: 0.6 and more for cells, less for haze."""
LARGEST_HOLE = 0.15
"""Area of a hole, such as a nucleolus, that belongs to the cell around it, in typical areas."""


@dataclass(frozen=True)
class Typical:
    """What is known of a cell: its diameter in pixels, and its edge as a share of its mean light."""

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
    cells = _second_look(_look(found, mask, typical), found, mask, typical)
    absent = np.bincount(cells.ravel()) < smallest * typical.area  # (labels + 1,)
    absent[1:] |= _fall(cells, found.light, typical) < LEAST_FALL
    kept, _, _ = relabel_sequential(np.where(absent[cells], 0, cells))
    return np.asarray(kept, np.int32)


def _second_look(cells: Labels, found: Contrast, mask: BoolArray, typical: Typical) -> Labels:
    """Add the cells in the light that `cells` leave unexplained: dim ones, on the slopes of bright ones."""
    far = ~within_reach(cells > 0, HALO * typical.diameter)
    rest = ndi.binary_opening(mask & far, iterations=max(1, round(THINNEST / 2 * typical.diameter)))
    more = _look(found, rest, typical)
    credible = np.concatenate([[False], _score(moments_of(more), typical) > CREDIBLE])
    return np.where(credible[more], more + cells.max(), cells)


def _fall(cells: Labels, light: Image, typical: Typical) -> FloatArray:
    """(n,) share of its mean by which the light falls just outside each cell; 1 where it has no outside."""
    rim = np.where(cells == 0, expand_labels(cells, max(1.0, RIM * typical.diameter)), 0)
    inside, outside = (_means(light, labels, int(cells.max(initial=0))) for labels in (cells, rim))
    return 1 - outside / np.maximum(inside, np.finfo(np.float32).tiny)


def _means(light: Image, labels: Labels, count: int) -> FloatArray:
    """(count,) mean light of each label 1 … count, 0 for one without a pixel."""
    pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    total = np.bincount(labels.ravel(), light.ravel(), count + 1)[1:]
    means: FloatArray = total / np.maximum(pixels, 1)
    return means


def _look(found: Contrast, mask: BoolArray, typical: Typical) -> Labels:
    """Cells within `mask` by their brightness, those that touch cut at the necks of their outlines."""
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    return _cut_at_necks(_by_brightness(found, mask, typical), typical)


def _by_brightness(found: Contrast, mask: BoolArray, typical: Typical) -> Labels:
    """Cells as unions of basins of the coarse light, each outlined where the light falls to its threshold."""
    tree = merge_tree(found.coarse, mask, found.usual_noise)
    regions = Regions(tree, found.light)
    within = tree.way * (1 - 1e-6)  # what joins the parts of a union belongs to it
    sums = regions.above(np.minimum(FIRST_SHARE * regions.peak, within))
    edge = np.minimum(typical.edge * sums[:, 6] / np.maximum(sums[:, 0], 1), within)
    sums = regions.above(edge)
    node = choose(tree, _score(sums, typical) * (1 - np.minimum(tree.valley, 1)), sums[:, 0], BONUS_OF_LIGHT)
    edge_of = np.concatenate([[np.inf], edge[node]])
    cells = _numbered(tree.basins, node) * (found.light > edge_of[tree.basins])
    return _largest_pieces(_filled(cells, LARGEST_HOLE * typical.area))


def _cut_at_necks(cells: Labels, typical: Typical) -> Labels:
    """Cut regions that are better explained as several cells: basins of the distance to their outlines."""
    core = cells > 0  # less a line between cells that touch, so that each has an outline all around
    for axis in (0, 1):
        moved = np.moveaxis(cells, axis, 0)
        np.moveaxis(core, axis, 0)[1:] &= moved[1:] == moved[:-1]
    if not core.any():
        return cells
    depth = ndi.gaussian_filter(ndi.distance_transform_edt(core), DEPTH_SMOOTHED * typical.diameter)
    tree = merge_tree(depth, core, 0.0)
    whole = watershed(-depth, tree.basins, mask=cells > 0)
    sums = Regions(replace(tree, basins=whole), depth).above(np.full(len(tree.parent), -np.inf))
    return _numbered(whole, choose(tree, _score(sums, typical), sums[:, 0], BONUS_OF_SHAPE))


def _score(sums: FloatArray, typical: Typical) -> FloatArray:
    """How well each region passes for one cell, 0 to 1, by its shape and its size."""
    deviation = np.log(np.maximum(sums[:, 0], 1e-3) / typical.area) / SIZE_SPREAD
    score: FloatArray = ellipse_likeness(sums) ** SHAPE_POWER * np.exp(-(deviation**2) / 2)
    return score


def _numbered(basins: Labels, node: IntArray) -> Labels:
    """The basins labelled by the nodes chosen for them, from 1 on."""
    _, number = np.unique(node, return_inverse=True)
    return np.concatenate([[0], number + 1])[basins].astype(np.int32)


def _filled(cells: Labels, largest: float) -> Labels:
    """Fill holes of less than `largest` pixels that one cell alone surrounds, so no gap between several."""
    holes = components(cells == 0, connectivity=1)
    small = np.bincount(holes.ravel()) < largest
    small[0] = False  # all cells
    at = np.flatnonzero(small[holes].ravel())
    hole = holes.ravel()[at]
    around = ndi.grey_dilation(cells, size=(3, 3)).ravel()[at]
    least, most = np.full(len(small), np.iinfo(np.int32).max), np.zeros(len(small), np.int32)
    np.maximum.at(most, hole, around)
    np.minimum.at(least, hole[around > 0], around[around > 0])
    filled = cells.copy()
    filled.ravel()[at] = np.where(least == most, most, 0)[hole]
    return filled


def _largest_pieces(cells: Labels) -> Labels:
    """Of each label only its largest connected piece."""
    pieces = components(cells, connectivity=1)  # 0 where there is no cell
    size = np.bincount(pieces.ravel())
    size[0] = 0
    label = np.zeros(len(size), np.int64)
    label[pieces.ravel()] = cells.ravel()
    largest = np.zeros(int(label.max()) + 1, np.int64)
    np.maximum.at(largest, label, size)
    largest[0] = -1
    return np.where((size == largest[label])[pieces], cells, 0).astype(np.int32)
