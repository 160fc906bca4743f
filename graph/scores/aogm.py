"""AOGM: the weighted number of operations that turn a computed lineage graph into the reference.

Matula et al. 2015, Cell Tracking Accuracy Measurement Based on Comparison of Acyclic Oriented Graphs,
PLOS ONE 10:e0144959; where that leaves a choice, as the Cell Tracking Challenge's own programs do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from graph.scores.matching import Matching
from ingest.errors import InputError
from ingest.tracking_graph import IntArray, LinkKind, TrackingGraph


class Operation(StrEnum):
    """One change to the computed graph."""

    NS = "NS"
    """Split a node that stands for several reference nodes, once a node too many."""
    FN = "FN"
    """Add a node that was missed."""
    FP = "FP"
    """Delete a node that stands for none."""
    ED = "ED"
    """Delete a link between two nodes that each stand for one."""
    EA = "EA"
    """Add a link."""
    EC = "EC"
    """Change a link from within a track to one between tracks, or back."""


NODE_OPERATIONS = (Operation.NS, Operation.FN, Operation.FP)
LINK_OPERATIONS = (Operation.ED, Operation.EA, Operation.EC)

Weights = Mapping[Operation, float]
CHALLENGE_WEIGHTS: Weights = MappingProxyType(
    {
        Operation.NS: 5.0,
        Operation.FN: 10.0,
        Operation.FP: 1.0,
        Operation.ED: 1.0,
        Operation.EA: 1.5,
        Operation.EC: 1.0,
    }
)

HEAVIEST = 1e12
"""Cost of an operation, at most: that of any number of cells then stays finite."""


@dataclass(frozen=True, eq=False)
class Operations:
    """Every operation, as the row of what it changes.

    Attributes:
        split: (NS,) computed detections, each as often as it must be split.
        missed: (FN,) reference detections.
        false: (FP,) computed detections.
        deleted: (ED,) rows of computed links.
        added: (EA,) rows of reference links.
        changed: (EC, 2) rows of the reference link and of the computed link.
        detections, links: number of each in the reference: V and E.
    """

    split: IntArray
    missed: IntArray
    false: IntArray
    deleted: IntArray
    added: IntArray
    changed: IntArray
    detections: int
    links: int

    @property
    def counts(self) -> dict[Operation, int]:
        """How many there are of each."""
        rows = (self.split, self.missed, self.false, self.deleted, self.added, self.changed)
        return {operation: len(row) for operation, row in zip(Operation, rows, strict=True)}


@dataclass(frozen=True)
class AogmScore:
    """AOGM, and its share of the cost of drawing the reference from nothing; None where that is free.

    Attributes:
        operations: number of each.
        weights: cost of each.
        aogm: Σ weight · number.
        aogm_0: AOGM of an empty result, 10·V + 1.5·E with the usual weights.
        det, lnk, tra: 1 − min(X, X₀)/X₀, X being the part of nodes, of links, and the whole.
    """

    operations: Mapping[Operation, int]
    weights: Weights
    aogm: float
    aogm_0: float
    det: float | None
    lnk: float | None
    tra: float | None


def count_operations(reference: TrackingGraph, computed: TrackingGraph, matching: Matching) -> Operations:
    """Find all operations that turn `computed` into `reference`.

    Links count only between detections that are matched one to one: a link at a missed, a false or a merged
    detection goes and comes with it. A link is parental when it joins two labels, that is, unless NEXT.
    """
    twin = link_twins(reference, computed, matching)
    both = np.flatnonzero(twin >= 0)
    parental = (reference.kind[both] != LinkKind.NEXT) != (computed.kind[twin[both]] != LinkKind.NEXT)
    unmatched = np.all(matching.one_to_one_of_computed[computed.links] >= 0, axis=1)
    unmatched[twin[both]] = False
    extra = np.maximum(matching.references - 1, 0)
    return Operations(
        split=np.repeat(np.arange(len(extra)), extra),
        missed=np.flatnonzero(matching.of_reference < 0),
        false=np.flatnonzero(matching.references == 0),
        deleted=np.flatnonzero(unmatched),
        added=np.flatnonzero(twin < 0),
        changed=np.stack((both[parental], twin[both[parental]]), axis=1),
        detections=len(reference.detections),
        links=len(reference.links),
    )


def score_operations(
    counts: Mapping[Operation, int], *, detections: int, links: int, weights: Weights = CHALLENGE_WEIGHTS
) -> AogmScore:
    """Turn numbers of operations into AOGM, DET, LNK and TRA.

    Args:
        counts: number of each operation.
        detections: V, nodes of the reference.
        links: E, links of the reference.
        weights: cost of each operation.

    Raises:
        InputError: a weight is missing, negative or too large.
    """
    require_weights(weights)
    nodes = sum(weights[operation] * counts[operation] for operation in NODE_OPERATIONS)
    edges = sum(weights[operation] * counts[operation] for operation in LINK_OPERATIONS)
    nodes_0, edges_0 = weights[Operation.FN] * detections, weights[Operation.EA] * links
    return AogmScore(
        operations=dict(counts),
        weights=dict(weights),
        aogm=nodes + edges,
        aogm_0=nodes_0 + edges_0,
        det=_normalise(nodes, nodes_0),
        lnk=_normalise(edges, edges_0),
        tra=_normalise(nodes + edges, nodes_0 + edges_0),
    )


def aogm(
    reference: TrackingGraph,
    computed: TrackingGraph,
    matching: Matching,
    *,
    weights: Weights = CHALLENGE_WEIGHTS,
) -> AogmScore:
    """AOGM of a computed tracking, from its matching with the reference."""
    operations = count_operations(reference, computed, matching)
    return score_operations(
        operations.counts, detections=operations.detections, links=operations.links, weights=weights
    )


def link_twins(reference: TrackingGraph, computed: TrackingGraph, matching: Matching) -> IntArray:
    """(E,) row of the computed link between the one-to-one matches of each reference link's ends, or −1.

    A detection has one parent at most, so its link is found by the later end and checked by the earlier.
    """
    link_to = np.full(len(computed.detections) + 1, -1, np.int64)  # the last stands for "no match"
    link_to[computed.links[:, 1]] = np.arange(len(computed.links))
    earlier, later = matching.one_to_one[reference.links].T
    link = link_to[later]
    same = (link >= 0) & (earlier >= 0)
    same[same] = computed.links[link[same], 0] == earlier[same]
    return np.where(same, link, -1)


def _normalise(cost: float, cost_from_nothing: float) -> float | None:
    if cost_from_nothing == 0:
        return None
    return 1 - min(cost, cost_from_nothing) / cost_from_nothing


def require_weights(weights: Weights) -> None:
    """Refuse weights that are missing, negative or above `HEAVIEST`, as an `InputError`."""
    for operation in Operation:
        weight = weights.get(operation)
        if weight is None or not 0 <= weight <= HEAVIEST:
            raise InputError(
                f"{weight} is no cost of {operation}",
                place="weights",
                remedy=f"give each of NS FN FP ED EA EC a weight from 0 to {HEAVIEST:g}",
            )
