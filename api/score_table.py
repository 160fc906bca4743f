"""A table of scores over movies and trackers: from a list of pairs of folders to CSV, Markdown or Parquet."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from api.folders import score_folders
from graph.scores.table import Row, ScoreTable
from ingest.errors import InputError
from ingest.progress import Progress, silent

COLUMNS = ("movie", "tracker", "reference", "computed")
SUFFIXES = (".csv", ".md", ".parquet")
HEADLINE = (
    *("movie", "tracker", "DET", "TRA", "LNK", "AOGM", "SEG", "CT", "TF", "BC.0", "BC.1", "CCA", "CHOTA"),
    *("divisions.0.F1", "divisions.1.F1"),
)
"""The columns of a table in Markdown, which people read; the other forms hold every column."""


@dataclass(frozen=True)
class Pair:
    """One line of the list: a result of a tracker on a movie, and the ground truth of the movie."""

    movie: str
    tracker: str
    reference: Path
    computed: Path


def read_pairs(path: Path) -> list[Pair]:
    """Read a CSV with the columns movie, tracker, reference, computed; folders relative to the file's own.

    Raises:
        InputError: the file is missing or empty, a column or a value is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", place=str(path), remedy="give a CSV file") from error
    for number, row in enumerate(rows, start=2):
        missing = [name for name in COLUMNS if not row.get(name)]
        if missing:
            raise InputError(
                f"no {missing[0]}",
                place=f"{path}, line {number}",
                remedy=f"give {', '.join(COLUMNS)} in each line",
            )
    if not rows:
        raise InputError("no pairs to score", place=str(path), remedy=f"give lines of {', '.join(COLUMNS)}")
    folder = path.parent
    return [
        Pair(row["movie"], row["tracker"], folder / row["reference"], folder / row["computed"])
        for row in rows
    ]


def score_pairs(pairs: Sequence[Pair], progress: Progress = silent) -> list[Row]:
    """Score each pair; a row each, and each tracker's mean and pooled values (`ScoreTable`)."""
    table = ScoreTable()
    for pair in progress(pairs, "Scoring"):
        table.add(pair.movie, pair.tracker, score_folders(pair.reference, pair.computed))
    return table.rows()


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, Markdown or Parquet, by the path's suffix.

    Raises:
        InputError: another suffix.
    """
    match path.suffix:
        case ".csv":
            pyarrow.csv.write_csv(pa.Table.from_pylist(list(rows)), path)
        case ".parquet":
            pyarrow.parquet.write_table(pa.Table.from_pylist(list(rows)), path)
        case ".md":
            path.write_text(markdown(rows), encoding="utf-8")
        case suffix:
            raise InputError(
                f"no table is written as {suffix!r}",
                place=str(path),
                remedy=f"end it in {', '.join(SUFFIXES)}",
            )


def markdown(rows: Sequence[Row]) -> str:
    """The headline measures as a table in Markdown; an undefined one is a dash."""
    lines = [HEADLINE, ["---", "---", *["---:"] * (len(HEADLINE) - 2)]]
    lines += [[_cell(row.get(name)) for name in HEADLINE] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return (
        f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value).replace("|", r"\|")
    )
