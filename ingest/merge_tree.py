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

MOST_BASINS = 100
"""Basins of a cell at most; without a bound the unions of a large crowded frame would fill the memory."""


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

    Two basins of peaks p ≤ q that meet at height h are unlike by the valley 1 − h/p and by the square of the
    step 1 − p/q: a dim cell beside a bright one has no valley, but a step; bumps on one cell have little of
    both. Where the noise alone may have made valley and step, the nearest peaks are joined first.

    Args:
        height: (Y, X), positive within `mask`.
        mask: (Y, X) what is flooded.
        noise: standard deviation of `height`.
    """
    height = np.where(mask, height, 0)  # so that each part of the mask has a peak
    peaks, count = ndi.label(local_maxima(height, connectivity=1) & mask)
    basins = watershed(-height, peaks, mask=mask)
    at, owner = np.flatnonzero(peaks), peaks[peaks > 0] - 1
    top, y, x = np.zeros((3, count))
    top[owner], (y[owner], x[owner]) = height.ravel()[at], np.divmod(at, height.shape[1])
    first, second, meet = _meetings(basins, height)
    low, high = np.sort([top[first], top[second]], axis=0)
    unlike = _unlike(low, high, meet, NOISE_IN_VALLEY * noise)
    rank = np.empty(len(unlike))
    apart = np.hypot(y[first] - y[second], x[first] - x[second])
    rank[np.lexsort((apart, unlike))] = np.arange(1, len(unlike) + 1)
    links = minimum_spanning_tree(coo_array((rank, (first, second)), shape=(count, count)).tocsr()).tocoo()
    chosen = np.argsort(rank)[np.sort(links.data).astype(np.int64) - 1]
    parent, way, valley = _join(count, first[chosen], second[chosen], meet[chosen], unlike[chosen])
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
    """Each pair of basins that touch, from zero, first < second, and the highest point where they do."""
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


def _unlike(low: FloatArray, high: FloatArray, meet: FloatArray, chance: float) -> FloatArray:
    """Valley plus squared step, each less what is there by chance."""
    unlike: FloatArray = (
        np.maximum(low - meet - chance, 0) / low + (np.maximum(high - low - chance, 0) / high) ** 2
    )
    return unlike


def _join(
    count: int, first: IntArray, second: IntArray, meet: FloatArray, unlike: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Union by union, none of more than `MOST_BASINS`: (m,) parent, lowest way and valley of each node."""
    parent, way, valley = [-1] * count, [np.inf] * count, [0.0] * count
    root, basins = list(range(count)), [1] * count

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    links = zip(first.tolist(), second.tolist(), meet.tolist(), unlike.tolist(), strict=True)
    for one, other, height, depth in links:
        parts = find(one), find(other)
        size = sum(basins[part] for part in parts)
        if size > MOST_BASINS:
            continue
        union = len(parent)
        for part in parts:
            parent[part] = root[part] = union
        parent.append(-1)
        root.append(union)
        basins.append(size)
        way.append(min(height, *(way[part] for part in parts)))
        valley.append(depth)
    return np.array(parent, np.int64), np.array(way), np.array(valley)
