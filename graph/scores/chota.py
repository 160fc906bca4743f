"""CHOTA: how well cells stay with their own lineage.

Kaiser, Ulman & Rosenhahn 2024, CHOTA: A Higher Order Accuracy Metric for Cell Tracking, ECCV workshops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from graph.scores.ancestry import Ancestry, ancestry
from graph.scores.dominance import dominance_sums
from graph.scores.following import lengths
from graph.scores.matching import Matching
from ingest.tracking_graph import IntArray, Tracks


def chota(reference: Tracks, computed: Tracks, matching: Matching) -> float | None:
    """CHOTA = √(Σ_TP A^σ / (TP + FN + FP)), A^σ = TPA / (TPA + FNA + FPA).

    For a matched pair of detections, TPA counts the matches between relatives of the one and relatives of
    the other: the cell itself, its ancestors and its descendants, siblings left out. FNA and FPA count the
    relatives that match none of those. A computed detection that matches k reference detections counts k
    times. None when there is nothing on either side.

    Args:
        reference: `cells` of the reference.
        computed: `cells` of the computed tracking.
        matching: of their detections.
    """
    pairs, matches = _matched_cells(reference, computed, matching)
    missed = int(np.sum(matching.of_reference < 0))
    invented = int(np.sum(matching.references == 0))
    everything = int(matches.sum()) + missed + invented
    if everything == 0:
        return None
    first, second = ancestry(reference), ancestry(computed)
    both = relatives_in_common(first, second, pairs, matches)
    of_reference = first.sum_of_relatives(lengths(reference))[pairs[:, 0]]
    of_computed = second.sum_of_relatives(_weighted_lengths(computed, matching))[pairs[:, 1]]
    association = both / (of_reference + of_computed - both)
    return float(np.sqrt(np.sum(matches * association) / everything))


def relatives_in_common(first: Ancestry, second: Ancestry, pairs: IntArray, matches: IntArray) -> IntArray:
    """Matches between the relatives of each pair of cells.

    Two cells are relatives when one's place in the depth-first walk lies in the other's interval. So each
    of the four combinations (descendants or ancestors, on either side) is a sum over a part of the plane
    of places that is cut out by intervals, either of the cells asked for or of those summed over.

    Args:
        first: intervals of the cells of one side.
        second: intervals of the cells of the other.
        pairs: (K, 2) cells of either side.
        matches: (K,) number of matches of each pair.

    Returns:
        (K,) Σ of `matches` over all pairs of a relative of the one and a relative of the other.
    """
    axes = [_axes(ancestry, cell) for ancestry, cell in zip((first, second), pairs.T, strict=True)]
    total = np.zeros(len(pairs), np.int64)
    for x, y in product(*axes):
        points, weights = _grid(x.summed, y.summed, matches)
        corners, signs = _grid(x.asked, y.asked, np.ones_like(matches))
        sums = signs * dominance_sums(points, weights, corners)
        total += sums.reshape(len(x.asked) * len(y.asked), len(pairs)).sum(axis=0)
    return total


@dataclass(frozen=True, eq=False)
class _Axis:
    """Ends of intervals with their sign: +1 where it begins to count, −1 where it ceases to."""

    summed: "_Ends"
    asked: "_Ends"


_Ends = Sequence[tuple[IntArray, int]]


def _axes(ancestry: Ancestry, cells: IntArray) -> tuple[_Axis, _Axis]:
    """Descendants, itself included: places in the interval asked for; ancestors: intervals about a place."""
    begin, end = ancestry.begin[cells], ancestry.end[cells]
    descendants = _Axis(summed=[(begin, 1)], asked=[(end, 1), (begin, -1)])
    ancestors = _Axis(summed=[(begin + 1, 1), (end, -1)], asked=[(begin + 1, 1)])
    return descendants, ancestors


def _grid(x: _Ends, y: _Ends, weights: IntArray) -> tuple[IntArray, IntArray]:
    """All combinations of ends on x and on y as points (M, 2), with their signed weights (M,)."""
    points = [np.stack((first, second), axis=1) for (first, _), (second, _) in product(x, y)]
    signed = [weights * one * other for (_, one), (_, other) in product(x, y)]
    return np.concatenate(points), np.concatenate(signed)


def _matched_cells(reference: Tracks, computed: Tracks, matching: Matching) -> tuple[IntArray, IntArray]:
    """(K, 2) cells that match anywhere, and (K,) in how many detections."""
    rows = np.flatnonzero(matching.of_reference >= 0)
    other = computed.of_detection[matching.of_reference[rows]]
    width = max(len(computed), 1)
    keys, matches = np.unique(reference.of_detection[rows] * width + other, return_counts=True)
    return np.stack(np.divmod(keys, width), axis=1), matches


def _weighted_lengths(computed: Tracks, matching: Matching) -> IntArray:
    """(T,) detections of each cell, those that match k reference detections k times."""
    weights = np.maximum(matching.references, 1)
    return np.bincount(computed.of_detection, weights, len(computed)).astype(np.int64)
