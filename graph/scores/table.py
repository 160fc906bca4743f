"""Many scores side by side: a row a movie and tracker, and each tracker's mean and pooled values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from graph.scores.aogm import Operation, Weights, score_operations
from graph.scores.divisions import DivisionCounts
from graph.scores.report import Score, Table, Value, flat

Row = dict[str, Value | str]
MEAN, POOLED = "(mean)", "(pooled)"
"""What stands for the movie in the rows that summarise a tracker."""


@dataclass(frozen=True)
class Entry:
    """What a table needs of a score: the measures and the counts that they were made of, not the graphs.

    Attributes:
        table: every measure by its name, as `Score.as_dict` gives it.
        weights: cost of each AOGM operation.
        detections, links: number of each in the reference.
    """

    table: Table
    weights: Weights
    detections: int
    links: int

    @classmethod
    def of(cls, score: Score) -> "Entry":
        """The entry of a score just computed."""
        found = score.operations
        return cls(score.as_dict(), score.weights, found.detections, found.links)

    def counts(self, name: str) -> Mapping[str, int]:
        """A table within the table that holds counts, none where it was not asked for."""
        return cast("Mapping[str, int]", self.table.get(name, {}))

    def divisions(self) -> Mapping[str, Mapping[str, int]]:
        """What was found, invented and missed, by tolerance."""
        return cast("Mapping[str, Mapping[str, int]]", self.table.get("divisions", {}))


@dataclass
class _Sums:
    """What the pooled measures of one tracker need: its counts."""

    weights: Weights
    operations: dict[Operation, int] = field(default_factory=lambda: dict.fromkeys(Operation, 0))
    detections: int = 0
    links: int = 0
    divisions: dict[int, list[int]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count another movie."""
        for name, count in entry.counts("operations").items():
            self.operations[Operation(name)] += count
        self.detections += entry.detections
        self.links += entry.links
        for tolerance, counts in entry.divisions().items():
            sums = self.divisions.setdefault(int(tolerance), [0, 0, 0, 0])
            found = (counts[name] for name in ("TP", "FP", "FN", "wrong_daughters"))
            self.divisions[int(tolerance)] = [a + b for a, b in zip(sums, found, strict=True)]

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
    All scores of a tracker have the same weights.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._sums: dict[str, _Sums] = {}

    def add(self, movie: str, tracker: str, entry: Entry) -> None:
        """Add the score of one tracker on one movie."""
        self._rows.append({"movie": movie, "tracker": tracker, **dict(flat(entry.table))})
        self._sums.setdefault(tracker, _Sums(entry.weights)).add(entry)

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
