"""Many scores side by side: a row a movie and tracker, and each tracker's mean and pooled values."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from graph.scores.aogm import Operation, Weights, score_operations
from graph.scores.divisions import DivisionCounts
from graph.scores.report import Score, Value

Row = dict[str, Value | str]
MEAN, POOLED = "(mean)", "(pooled)"
"""What stands for the movie in the rows that summarise a tracker."""


@dataclass
class _Sums:
    """What the pooled measures of one tracker need: its counts, not its graphs."""

    weights: Weights
    tolerance: int
    operations: dict[Operation, int] = field(default_factory=lambda: dict.fromkeys(Operation, 0))
    detections: int = 0
    links: int = 0
    divisions: dict[int, list[int]] = field(default_factory=dict)

    def add(self, score: Score) -> None:
        """Count another movie."""
        for operation, count in score.aogm.operations.items():
            self.operations[operation] += count
        self.detections += score.operations.detections
        self.links += score.operations.links
        for counts in score.division_counts:
            sums = self.divisions.setdefault(counts.tolerance, [0, 0, 0, 0])
            found = (
                counts.true_positives,
                counts.false_positives,
                counts.false_negatives,
                counts.wrong_daughters,
            )
            self.divisions[counts.tolerance] = [a + b for a, b in zip(sums, found, strict=True)]

    def pooled(self) -> Iterator[tuple[str, Value]]:
        """The measures that are made of counts, from the counts of all movies together."""
        aogm = score_operations(
            self.operations, detections=self.detections, links=self.links, weights=self.weights
        )
        yield from (("DET", aogm.det), ("TRA", aogm.tra), ("LNK", aogm.lnk))
        yield from (("AOGM", aogm.aogm), ("AOGM0", aogm.aogm_0))
        yield from ((f"operations.{operation}", count) for operation, count in aogm.operations.items())
        for tolerance, sums in self.divisions.items():
            counts = DivisionCounts(tolerance, *sums).as_dict()
            yield from ((f"divisions.{tolerance}.{name}", value) for name, value in counts.items())


class ScoreTable:
    """A table that grows by a score at a time and keeps only its row and counts.

    Mean: of the movies where a measure is defined. Pooled: from the operations and divisions of all movies
    together, so that a movie weighs as much as it holds; only for measures that are made of these counts.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._sums: dict[str, _Sums] = {}

    def add(self, movie: str, tracker: str, score: Score) -> None:
        """Add the score of one tracker on one movie."""
        self._rows.append({"movie": movie, "tracker": tracker, **score.as_row()})
        sums = self._sums.setdefault(tracker, _Sums(score.weights, score.tolerance))
        sums.add(score)

    def rows(self) -> list[Row]:
        """All rows, each with the same columns: a tracker's movies, its mean, its pooled values."""
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        rows = [row for tracker in self._sums for row in self._of_tracker(tracker, columns)]
        return [{name: row.get(name) for name in columns} for row in rows]

    def _of_tracker(self, tracker: str, columns: list[str]) -> Iterator[Row]:
        rows = [row for row in self._rows if row["tracker"] == tracker]
        yield from rows
        yield {"movie": MEAN, "tracker": tracker, **{name: _mean(rows, name) for name in columns[2:]}}
        pooled = {name: value for name, value in self._sums[tracker].pooled() if name in columns}
        yield {"movie": POOLED, "tracker": tracker, **pooled}


def _mean(rows: list[Row], name: str) -> float | None:
    values = [value for value in (row.get(name) for row in rows) if isinstance(value, int | float)]
    return sum(values) / len(values) if values else None
