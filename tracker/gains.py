"""From the network's logits to what each choice gains, and how sure it is."""

from dataclasses import asdict, dataclass

import numpy as np

from ingest.tracking_graph import FloatArray
from tracker.joint import Choices
from tracker.model import DIFFERENT, PARENT_CHILD, SAME
from tracker.scene import Scene

SEGMENTED_DIVISION_COST = 4.0
"""What a division costs at most among cells of a segmentation, where much else looks like one."""
MISSED, AMONG = 1, 100
"""Pseudocounts for the share of cells that a movie misses: one of a hundred, besides those that it shows."""


@dataclass(frozen=True)
class DecisionConfig:
    """What a decision weighs the network's log-odds against.

    Attributes:
        birth_cost, death_cost: of a cell that comes from, or goes, nowhere, in log-odds: a link saves one of
            each, a division two births and a death. High, since a network is too sure that cells of a kind
            it has never seen are different ones. The rarer missed cells are in a movie, the less a link over
            missed frames saves; a third daughter saves no birth.
        edge_cost: of either, at the edge of the frame, where cells do come and go.
        edge_in_diameters: how far from the edge a cell's centre may be for that.
        sure_cost: of either, at most, for the links that the assignment decision takes before the divisions,
            since a daughter is not to be taken from her mother.
        division_cost: of a division, besides what it saves; up to `SEGMENTED_DIVISION_COST` for cells that a
            segmentation found, which shows a cell in pieces in some frames, and two as one in others.
        division_odds: by which a division's log-odds are higher than the network says. They change how likely
            the divisions are that are chosen, not which.
    """

    birth_cost: float = 4.0
    death_cost: float = 4.0
    edge_cost: float = 1.0
    edge_in_diameters: float = 0.5
    sure_cost: float = 1.0
    division_cost: float = 0.0
    division_odds: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """By name, for the record."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Logits:
    """What the network says of a scene, calibrated.

    Attributes:
        pair: (E, 3) of the classes of each pair.
        triple: (T,) log-odds that each triple is a division.
    """

    pair: FloatArray
    triple: FloatArray

    def log_odds(self, kind: int) -> FloatArray:
        """(E,) log(p/(1 − p)) of one class."""
        others = [other for other in (SAME, DIFFERENT, PARENT_CHILD) if other != kind]
        odds: FloatArray = self.pair[:, kind] - np.logaddexp(self.pair[:, others[0]], self.pair[:, others[1]])
        return odds


def probability(log_odds: FloatArray) -> FloatArray:
    """1/(1 + exp(−log_odds)), without overflow."""
    return np.exp(-np.logaddexp(0, -log_odds))


def choices_of(scene: Scene, logits: Logits, config: DecisionConfig) -> Choices:
    """What may be chosen in a scene, and what it gains: log-odds, and costs that it saves, or has.

    A link over missed frames says that a cell was missed, which is as unlikely as few are. So it saves at
    most a birth and a death less −log s, and at least nothing, where s is the share of cells that were
    missed, as the network expects.
    """
    draft, pairs = scene.draft, scene.pairs
    frame, source, target = draft.cells.frame, pairs.source, pairs.target
    is_inside = draft.is_inside(config.edge_in_diameters)
    birth, death = (
        np.where(is_inside, cost, config.edge_cost) for cost in (config.birth_cost, config.death_cost)
    )
    mother, first, second = scene.triples.T
    ends = np.stack([source, target], axis=1)  # (E, 2)
    same, is_next = logits.log_odds(SAME), frame[target] - frame[source] == 1
    share = (probability(same[~is_next]).sum() + MISSED) / (len(scene) + AMONG)
    at_most = max(0.0, config.birth_cost + config.death_cost + np.log(share))
    saved = birth[target] + death[source]
    gain = same + np.where(is_next, saved, np.minimum(saved, at_most))
    another = np.where(is_next, logits.log_odds(PARENT_CHILD), -np.inf)
    return Choices(
        count=len(scene),
        link=ends,
        link_gain=gain,
        sure_gain=np.minimum(gain, same + 2 * config.sure_cost),
        division=scene.triples,
        division_gain=logits.triple - config.division_cost + birth[first] + birth[second] + death[mother],
        another=ends,
        another_gain=another,
    )
