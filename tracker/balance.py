"""How dear divisions are among cells of a segmentation: as dear as lets tracks begin as often as they end.

What a segmentation gets wrong looks alike when a movie is played backwards: a piece of a cell, a thing that
is none, a cell missed or merged for a while, each begins a track and ends one. Divisions do not: one that is
overlooked begins a track that nothing ends, a false one ends a track that nothing has begun. So the movie
itself says about how many there are, also of cells of a kind that a network has never seen.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from ingest.tracking_graph import BoolArray, TrackingGraph
from tracker.cells import has_cells_beside

CHEAPEST, STEP = 0.0, 0.5
"""The least that a division costs, as among true cells, and how closely its cost is sought."""
ERROR = 0.5
"""Excess of tracks that begin over those that end that is put down to chance, in standard errors, √(begun +
ended). Of 0, 0.5 and 1 the best on held-out frames; chance alone exceeds it in three movies of ten."""


def balanced(
    decide: Callable[[float], TrackingGraph], is_inside: BoolArray, dearest: float
) -> tuple[TrackingGraph, float]:
    """The tracking by the dearest division at which tracks do not begin more often than they end; its cost.

    Found by halving, since the more a division costs, the fewer there are and the more tracks begin. Where
    they begin more often whatever it costs, it is the cheapest.

    Args:
        decide: what a decision makes of a movie, by the cost of a division.
        is_inside: (N,) whether a detection is away from the edge of its frame, where cells come and go.
        dearest: the most that a division may cost, at least `CHEAPEST`.
    """
    found, cheap, dear = decide(dearest), CHEAPEST, dearest
    if not _begin_more_often(found, is_inside):
        return found, dearest
    even: TrackingGraph | None = None
    while dear - cheap > STEP:
        middle = (cheap + dear) / 2
        found = decide(middle)
        if _begin_more_often(found, is_inside):
            dear = middle
        else:
            cheap, even = middle, found
    return even if even is not None else decide(cheap), cheap


def _begin_more_often(graph: TrackingGraph, is_inside: BoolArray) -> bool:
    """Whether more tracks begin than end, by `ERROR`; the variance of counts is their mean (Poisson)."""
    frame = graph.detections.frame
    goes_on = np.zeros(len(frame), bool)
    goes_on[graph.links[:, 0]] = True
    was_before, is_after = has_cells_beside(frame)
    begin = np.count_nonzero((graph.parents < 0) & is_inside & was_before)
    end = np.count_nonzero(~goes_on & is_inside & is_after)
    return bool(begin - end > ERROR * sqrt(begin + end))
