"""What `cellkin score` tells of one score, and of a table of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from api.report import Report, measure

if TYPE_CHECKING:  # what is told of is made elsewhere, and takes a second to import
    from graph.records import ScoreRecord
    from graph.scores.errors import ErrorKind
    from graph.scores.report import Score
    from graph.scores.table import Row

BY_TOLERANCE = ("BC", "BIO", "OP_CLB")
"""Measures that are given for each tolerance of divisions."""


def score(found: Score | ScoreRecord, title: str) -> Report:
    """A score that was computed, or one that is stored."""
    from graph.scores.report import Score

    if not isinstance(found, Score):
        return _stored(found, title)
    table = found.as_dict()
    return Report(table, title, _rows(table, found.errors.counts))


def _stored(record: ScoreRecord, title: str) -> Report:
    """A score that is stored, and why it may be stale."""
    document = {
        **record.table,
        "score": record.id,
        "created": record.created.isoformat(),
        "stale": [str(reason) for reason in record.stale],
    }
    rows = _rows(record.table, record.errors)
    rows.append(("stored", f"{record.id}, {record.created:%Y-%m-%d %H:%M:%S}"))
    rows += [("stale", str(reason)) for reason in record.stale]
    return Report(document, title, rows)


def table(rows: Sequence[Row], shown: str, output: Path | None) -> Report:
    """A table of many scores, and where it was written."""
    document = {"rows": [dict(row) for row in rows], "output": str(output) if output else None}
    lines = (
        shown.splitlines() if rows else ["none yet: `cellkin score REFERENCE COMPUTED` with ids makes one"]
    )
    return Report(
        document, f"scores, written to {output}" if output else "scores", [("", line) for line in lines]
    )


def _rows(table: Mapping[str, object], errors: Mapping[ErrorKind, int]) -> list[tuple[str, str]]:
    """The measures that are single numbers, those by tolerance in one line each, and what went wrong."""
    rows = [(name, measure(value)) for name, value in table.items() if not isinstance(value, Mapping)]
    for name in BY_TOLERANCE:
        rows += _by_tolerance(name, table.get(name))
    divisions = table.get("divisions")
    if isinstance(divisions, Mapping):
        rows += _by_tolerance("division F1", {key: counts["F1"] for key, counts in divisions.items()})
    operations = table.get("operations")
    if isinstance(operations, Mapping):
        rows.append(("operations", "  ".join(f"{name} {count:,}" for name, count in operations.items())))
    wrong = [f"{count:,} {kind.title}" for kind, count in errors.items() if count and kind > OPERATIONS]
    return [*rows, ("divisions", ", ".join(wrong) or "all right")]


OPERATIONS = 5
"""Kinds of errors up to this are the operations, which have a line of their own."""


def _by_tolerance(name: str, values: object) -> list[tuple[str, str]]:
    if not isinstance(values, Mapping):
        return []
    shown = "  ".join(f"±{tolerance} {measure(value)}" for tolerance, value in values.items())
    return [(name, shown)]
