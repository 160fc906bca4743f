"""What of a tracking is worth a second look, by the probabilities that its tracker gave."""

from dataclasses import dataclass

import numpy as np

from ingest.tracking_graph import TrackingGraph

SURE = 0.9
"""A link or division of no larger probability is worth a look."""


@dataclass(frozen=True)
class UncertainDivision:
    """Where a division is: the mother's last frame, her label there, and how sure the tracker is of it."""

    frame: int
    label: int
    probability: float


@dataclass(frozen=True)
class Uncertain:
    """How much is not sure.

    Attributes:
        limit: the probability up to which a thing is not sure.
        links: of all kinds.
        divisions: those whose least certain link to a daughter is not sure.
        least: the least certain of these divisions; None where there is none.
    """

    limit: float
    links: int
    divisions: int
    least: UncertainDivision | None


def uncertain(graph: TrackingGraph) -> Uncertain | None:
    """Count what is not sure; None where the tracker does not say."""
    if graph.probability is None:
        return None
    divisions = graph.division_probability
    count = int((divisions <= SURE).sum())
    return Uncertain(SURE, int((graph.probability <= SURE).sum()), count, _least(graph) if count else None)


def _least(graph: TrackingGraph) -> UncertainDivision:
    row = np.nanargmin(graph.division_probability)
    mother = graph.tracks.last[graph.divisions[row]]
    cells = graph.detections
    return UncertainDivision(
        int(cells.frame[mother]), int(cells.label[mother]), float(graph.division_probability[row])
    )
