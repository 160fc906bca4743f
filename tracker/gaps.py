"""Beginnings that are the same cell as an earlier end: frames were missed between, or the cell jumped."""

from collections.abc import Iterator

import numpy as np

from ingest.tracking_graph import BoolArray, IntArray
from tracker.candidates import Candidates, near_pairs
from tracker.costs import Costs
from tracker.explanation import Explanation
from tracker.lineage import Lineage


def gaps(lineage: Lineage, near: Candidates, costs: Costs) -> Explanation:
    """Each end with each beginning that is near it, at most `longest_step` frames later.

    Args:
        lineage: takes the links.
        near: pairs of following frames whose target has no parent: too dear from frame to frame.
        costs: of the movie.
    """
    pairs = gap_pairs(costs, lineage.ends, lineage.begins, near)

    def accept(rows: IntArray) -> None:
        closed = pairs.where(rows)
        lineage.link(closed, costs.link(closed))

    return Explanation(pairs, costs.gap(pairs), True, accept)


def gap_pairs(costs: Costs, ends: BoolArray, begins: BoolArray, near: Candidates) -> Candidates:
    """The pairs of an end and a beginning, (N,) each, that are near for the frames between them.

    Args:
        costs: of the movie.
        ends: (N,) whether a track ends with the cell.
        begins: (N,) whether one begins with it.
        near: pairs of following frames.
    """
    jumps = near.where(ends[near.source] & begins[near.target])
    return Candidates.joined([jumps, *_over_missed_frames(costs, ends, begins)])


def _over_missed_frames(costs: Costs, ends: BoolArray, begins: BoolArray) -> Iterator[Candidates]:
    """Near pairs two frames apart, then three, and so on."""
    config, end, begin = costs.config, np.flatnonzero(ends), np.flatnonzero(begins)
    limit = costs.reach * np.sqrt(
        config.birth_cost + config.death_cost
    )  # what lies farther costs more than these
    for step in range(2, config.longest_step + 1):
        yield near_pairs(costs.cells, end, begin, limit * np.sqrt(step), step=step)
