"""Confusion of linkages: same cell, parent and child, or neither."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from graph.scores.aogm import link_twins
from graph.scores.matching import Matching
from ingest.tracking_graph import IntArray, LinkKind, TrackingGraph


class Linkage(IntEnum):
    """What two detections of different frames are to each other (Moen et al. 2019, bioRxiv 803205)."""

    SAME = 0
    DIFFERENT = 1
    PARENT_CHILD = 2


@dataclass(frozen=True, eq=False)
class LinkageConfusion:
    """Pairs of detections that are linked in the reference, in the computed tracking or in both.

    Attributes:
        pairs: (3, 3) number of pairs; rows the `Linkage` of the reference, columns of the computed tracking.
            Pairs that neither of them links are all the others and are not counted.
    """

    pairs: IntArray

    def as_dict(self) -> dict[str, dict[str, int | None]]:
        """Rows, then columns, by name; different-different is None."""
        names = [linkage.name.lower() for linkage in Linkage]
        table: dict[str, dict[str, int | None]] = {
            row: dict(zip(names, counts, strict=True))
            for row, counts in zip(names, self.pairs.tolist(), strict=True)
        }
        table["different"]["different"] = None
        return table


def confuse_linkages(
    reference: TrackingGraph, computed: TrackingGraph, matching: Matching
) -> LinkageConfusion:
    """Count linkages between detections that are matched one to one: the others are no error of linking."""
    twin = link_twins(reference, computed, matching)
    known = np.all(matching.one_to_one[reference.links] >= 0, axis=1)
    judged = np.append(_linkage(computed), Linkage.DIFFERENT)[twin]
    alone = np.all(matching.one_to_one_of_computed[computed.links] >= 0, axis=1)
    alone[twin[twin >= 0]] = False
    pairs = np.zeros((3, 3), np.int64)
    np.add.at(pairs, (_linkage(reference)[known], judged[known]), 1)
    pairs[Linkage.DIFFERENT] += np.bincount(_linkage(computed)[alone], minlength=len(Linkage))
    return LinkageConfusion(pairs)


def _linkage(graph: TrackingGraph) -> IntArray:
    """(E,) linkage of each link."""
    return np.where(graph.kind == LinkKind.DIVISION, Linkage.PARENT_CHILD, Linkage.SAME).astype(np.int64)
