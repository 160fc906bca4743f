"""What a score depends on besides the two trackings: weights, tolerance, and how measures are defined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graph.scores.aogm import CHALLENGE_WEIGHTS, Operation, Weights, require_weights
from ingest.errors import InputError

DEFINITION = 1
"""Of the measures, as this program computes them: raised when one of them is defined anew, so that scores
stored before are known to be old."""
DEFAULT_TOLERANCE = 3
"""Frames: a division is judged with a tolerance of 0, 1, … up to so many."""


MOST_TOLERANCE = 1000
"""Frames: beyond any cell cycle; a table has a column for each."""


@dataclass(frozen=True)
class ScoreParameters:
    """Of a score, by default as the Cell Tracking Challenge has them.

    Attributes:
        weights: cost of each AOGM operation.
        tolerance: frames by which a division may be early or late.

    Raises:
        InputError: a weight or a tolerance that cannot be.
    """

    weights: Weights = field(default_factory=lambda: dict(CHALLENGE_WEIGHTS))
    tolerance: int = DEFAULT_TOLERANCE

    def __post_init__(self) -> None:
        require_weights(self.weights)
        if not 0 <= self.tolerance <= MOST_TOLERANCE:
            raise InputError(
                f"{self.tolerance} is no number of frames",
                place="tolerance",
                remedy=f"give 0 to {MOST_TOLERANCE}",
            )

    @classmethod
    def with_weights(
        cls, changed: Mapping[str, float], tolerance: int = DEFAULT_TOLERANCE
    ) -> "ScoreParameters":
        """The challenge's weights, but for those of the operations named.

        Raises:
            InputError: there is no such operation; a weight or a tolerance that cannot be.
        """
        known = {operation.value: operation for operation in Operation}
        unknown = [name for name in changed if name not in known]
        if unknown:
            raise InputError(
                f"there is no operation {unknown[0]!r}",
                place="weights",
                remedy=f"give weights to {', '.join(known)}",
            )
        weights = {known[name]: float(weight) for name, weight in changed.items()}
        return cls({**CHALLENGE_WEIGHTS, **weights}, tolerance)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, always in the same order."""
        weights = {operation.value: float(self.weights[operation]) for operation in Operation}
        return {"weights": weights, "tolerance": self.tolerance}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "ScoreParameters":
        """What `as_dict` gave."""
        return cls.with_weights(stored["weights"], stored["tolerance"])
