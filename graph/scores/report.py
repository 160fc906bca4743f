"""The table of a score: every measure that was asked for, by its name."""

from dataclasses import dataclass

from graph.scores.aogm import CHALLENGE_WEIGHTS, AogmScore, Weights, aogm
from graph.scores.matching import Matching
from ingest.tracking_graph import TrackingGraph

Value = float | int | None
Table = dict[str, Value | dict[str, int]]


@dataclass(frozen=True)
class Score:
    """A computed tracking compared with a reference tracking of the same movie."""

    aogm: AogmScore

    def as_dict(self) -> Table:
        """Measures by name, ready for JSON; an undefined one is None."""
        return {
            "DET": self.aogm.det,
            "TRA": self.aogm.tra,
            "LNK": self.aogm.lnk,
            "AOGM": self.aogm.aogm,
            "AOGM0": self.aogm.aogm_0,
            "operations": {str(operation): count for operation, count in self.aogm.operations.items()},
        }


def score(
    reference: TrackingGraph,
    computed: TrackingGraph,
    matching: Matching,
    *,
    weights: Weights = CHALLENGE_WEIGHTS,
) -> Score:
    """Score `computed` against `reference`.

    Args:
        reference: what is taken as the truth.
        computed: what is judged.
        matching: `match` of their detections.
        weights: cost of each AOGM operation.
    """
    return Score(aogm(reference, computed, matching, weights=weights))
