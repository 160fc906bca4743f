"""All plausible unions of the basins of a landscape, and the best way to choose cells among them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from ingest.tracking_graph import BoolArray, FloatArray, IntArray

Image = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int32]

NOISE_IN_VALLEY = 2.0
"""Depth, in standard deviations of the noise, that a valley or a step may have by chance."""


@dataclass(frozen=True, eq=False)
class MergeTree:
    """The n basins of a landscape, and the unions that form when the most alike neighbours are joined first.

    Nodes 0 … n − 1 are the basins, the m − n later ones unions of two earlier nodes each.

    Attributes:
        basins: (Y, X) basin of each pixel, counted from one; 0 outside.
        parent: (m,) the union that each node becomes part of, −1 for none.
        way: (m,) the lowest height that leads from part to part within a union; ∞ for a basin.
        valley: (m,) how unlike the two parts of a union are, from 0; 0 for a basin.
    """

    basins: Labels
    parent: IntArray
    way: FloatArray
    valley: FloatArray

    @cached_property
    def leaves(self) -> int:
        """n, the number of basins."""
        return int(np.isposinf(self.way).sum())

    @cached_property
    def membership(self) -> tuple[IntArray, IntArray]:
        """(p,) basin and (p,) node, for every basin in every node."""
        basin = node = np.arange(self.leaves)
        pairs = [(basin, node)]
        while len(node):
            upper = self.parent[node]
            basin, node = basin[upper >= 0], upper[upper >= 0]
            pairs.append((basin, node))
        basins, nodes = zip(*pairs, strict=True)
        return np.concatenate(basins), np.concatenate(nodes)


def merge_tree(height: Image, mask: BoolArray, noise: float) -> MergeTree:
    """Flood a (Y, X) landscape from its peaks within `mask`, and join the basins by likeness.

    Two basins of peaks p ≤ q that meet at height h are unlike by the valley 1 − h/p and by the square of the step
    1 − p/q: a dim cell beside a bright one has no valley, but a step; bumps on one cell have little of both.
    """
    peaks, count = ndi.label(local_maxima(height, connectivity=1) & mask)
    basins = watershed(-height, peaks, mask=mask)
    at = np.flatnonzero(peaks)
    top = np.zeros(count)
    top[peaks.ravel()[at] - 1] = height.ravel()[at]
    first, second, meet = _meetings(basins, height)
    low, high = np.sort([top[first], top[second]], axis=0)
    unlike = _valley(low, high, meet, 0.0)
    rank = np.empty(len(unlike))
    rank[np.argsort(unlike, kind="stable")] = np.arange(1, len(unlike) + 1)
    links = minimum_spanning_tree(coo_array((rank, (first, second)), shape=(count, count)).tocsr()).tocoo()
    chosen = np.argsort(rank)[np.sort(links.data).astype(np.int64) - 1]
    parent, way = _join(count, first[chosen], second[chosen], meet[chosen])
    valley = np.concatenate([np.zeros(count), _valley(low, high, meet, NOISE_IN_VALLEY * noise)[chosen]])
    return MergeTree(basins, parent, way, valley)


def choose(tree: MergeTree, score: FloatArray, area: FloatArray, bonus: float) -> IntArray:
    """The best partition of the basins into nodes.

    A union stands unless the best of its parts score more, on the mean weighted by area, by `bonus`.

    Args:
        tree: of m nodes over n basins.
        score: (m,) of each node as one cell.
        area: (m,) of each node.
        bonus: what speaks for a union.

    Returns:
        (n,) the chosen node that each basin belongs to.
    """
    best, weight, parent = score.tolist(), area.tolist(), tree.parent.tolist()
    total, of_area = [0.0] * len(best), [0.0] * len(best)
    stands = [True] * len(best)
    for node, upper in enumerate(parent):
        if of_area[node] > 0 and total[node] / of_area[node] > best[node] + bonus:
            best[node], weight[node] = total[node] / of_area[node], of_area[node]
            stands[node] = False
        if upper >= 0:
            total[upper] += best[node] * weight[node]
            of_area[upper] += weight[node]
    chosen = list(range(len(best)))
    for node in reversed(range(len(best))):
        upper = parent[node]
        if upper >= 0 and (stands[chosen[upper]]):
            chosen[node] = chosen[upper]
    return np.array(chosen[: tree.leaves], np.int64)


def _meetings(basins: Labels, height: Image) -> tuple[IntArray, IntArray, FloatArray]:
    """Each pair of basins that touch, counted from zero, first < second; and the highest point where they do."""
    pairs = []
    for axis in (0, 1):
        here, there = (np.moveaxis(basins, axis, 0)[cut] for cut in (slice(1, None), slice(-1)))
        heights = [np.moveaxis(height, axis, 0)[cut] for cut in (slice(1, None), slice(-1))]
        meet = (here != there) & (here > 0) & (there > 0)
        pairs.append((here[meet], there[meet], np.minimum(*heights)[meet]))
    here, there, meet = (np.concatenate(column) for column in zip(*pairs, strict=True))
    first, second = np.minimum(here, there).astype(np.int64) - 1, np.maximum(here, there).astype(np.int64) - 1
    order = np.lexsort((-meet, second, first))
    first, second, meet = first[order], second[order], meet[order].astype(np.float64)
    highest = np.ones(len(meet), bool)
    highest[1:] = (np.diff(first) > 0) | (np.diff(second) > 0)
    return first[highest], second[highest], meet[highest]


def _valley(low: FloatArray, high: FloatArray, meet: FloatArray, chance: float) -> FloatArray:
    """Valley plus squared step, each less what is there by chance."""
    valley: FloatArray = np.maximum(low - meet - chance, 0) / low + (np.maximum(high - low - chance, 0) / high) ** 2
    return valley


def _join(count: int, first: IntArray, second: IntArray, meet: FloatArray) -> tuple[IntArray, FloatArray]:
    """Union by union: (m,) parent of each node, and the lowest way within it."""
    parent = [-1] * (count + len(meet))
    way = [np.inf] * count + meet.tolist()
    root = list(range(len(parent)))

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for union, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True), start=count):
        for part in map(find, ends):
            parent[part] = root[part] = union
            way[union] = min(way[union], way[part])
    return np.array(parent, np.int64), np.array(way)
