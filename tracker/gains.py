"""From the network's logits to what each choice gains, and how sure it is."""

from dataclasses import asdict, dataclass

import numpy as np

from ingest.tracking_graph import FloatArray
from tracker.joint import Choices
from tracker.model import DIFFERENT, PARENT_CHILD, SAME
from tracker.scene import Scene


@dataclass(frozen=True)
class DecisionConfig:
    """What a decision weighs the network's log-odds against.

    Attributes:
        birth_cost, death_cost: of a cell that comes from, or goes, nowhere, in log-odds: a link saves one of
            each, a division two births and a death. Above 0, since a missing link is the dearer error (1.5
            against 1 in AOGM).
    """

    birth_cost: float = 1.0
    death_cost: float = 1.0

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
    """What may be chosen in a scene, and what it gains: log-odds and the births and deaths that it saves."""
    pairs, frame = scene.pairs, scene.draft.cells.frame
    ends = np.stack([pairs.source, pairs.target], axis=1)  # (E, 2)
    is_next = frame[pairs.target] - frame[pairs.source] == 1
    another = np.where(is_next, logits.log_odds(PARENT_CHILD) + config.birth_cost, -np.inf)
    return Choices(
        count=len(scene),
        link=ends,
        link_gain=logits.log_odds(SAME) + config.birth_cost + config.death_cost,
        division=scene.triples,
        division_gain=logits.triple + 2 * config.birth_cost + config.death_cost,
        another=ends,
        another_gain=another,
    )
