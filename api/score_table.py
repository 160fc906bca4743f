"""A table of scores over movies and trackers: from a list of pairs of folders to CSV, Markdown or Parquet."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from api.cli_output import check_file, whole_file
from api.score_sides import Side, compare_sides
from graph.records import TrackingKind, TrackingRecord
from graph.scores.parameters import ScoreParameters
from graph.scores.table import Entry, Row, ScoreTable
from ingest.errors import InputError
from ingest.progress import Progress, silent

if TYPE_CHECKING:  # who scores folders needs no database
    from graph.store import LineageStore

COLUMNS = ("movie", "tracker", "reference", "computed")
SUFFIXES = (".csv", ".md", ".parquet")
HEADLINE = (
    *("movie", "tracker", "DET", "TRA", "LNK", "AOGM", "SEG", "CT", "TF", "BC.0", "BC.1", "CCA", "CHOTA"),
    *("divisions.0.F1", "divisions.1.F1"),
)
"""The columns of a table in Markdown, which people read; the other forms hold every column."""
WORDS = 2
"""The first columns are words, the others numbers."""


@dataclass(frozen=True)
class Pair:
    """One line of the list: a result of a tracker on a movie, and the ground truth of the movie."""

    movie: str
    tracker: str
    reference: Side
    computed: Side


def read_pairs(path: Path) -> list[Pair]:
    """Read a CSV with the columns movie, tracker, reference, computed: ids of stored trackings, or folders.

    Folders are relative to the file's own.

    Raises:
        InputError: the file is missing, empty or no CSV; a column or a value is missing.
    """
    rows = _lines(path)
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
    sides = [(_side(row["reference"], path.parent), _side(row["computed"], path.parent)) for row in rows]
    return [Pair(row["movie"], row["tracker"], *pair) for row, pair in zip(rows, sides, strict=True)]


def _lines(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV below its first, by the names in that; a line that ends early lacks values."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            lines = csv.DictReader(opened)
            try:
                return list(lines)
            except csv.Error as error:
                raise InputError(
                    f"cannot be read: {error}",
                    place=f"{path}, line {lines.reader.line_num}",
                    remedy="close each quotation mark, and give names and paths only",
                ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", place=str(path), remedy="give a CSV file") from error


def _side(name: str, folder: Path) -> Side:
    return Side(name) if Side(name).is_stored else Side(str(folder / name))


def score_pairs(
    pairs: Sequence[Pair], parameters: ScoreParameters | None = None, progress: Progress = silent
) -> list[Row]:
    """Score each pair; a row each, and each tracker's mean and pooled values (`ScoreTable`)."""
    table, chosen = ScoreTable(), parameters or ScoreParameters()
    for pair in progress(pairs, "Scoring"):
        table.add(pair.movie, pair.tracker, Entry.of(compare_sides(pair.reference, pair.computed, chosen)))
    return table.rows()


def stored_table(
    store: "LineageStore", movies: Sequence[str] | None = None, trackers: Sequence[str] | None = None
) -> list[Row]:
    """The stored scores against ground truths, with the usual weights and tolerance, as such a table.

    Args:
        store: where they are.
        movies: ids; only scores of these. All when None.
        trackers: authors; only scores of their trackings. All when None.
    """
    wanted = {movie.id: movie.name for movie in store.movies() if movies is None or movie.id in movies}
    trackings = {tracking.id: tracking for tracking in store.trackings(list(wanted))}
    usual = ScoreParameters()
    scores = [
        score
        for score in store.scores(list(trackings))
        if score.parameters == usual
        and trackings[score.reference_id].kind == TrackingKind.GROUND_TRUTH
        and (trackers is None or trackings[score.computed_id].author in trackers)
    ]
    names = _tracker_names([trackings[score.computed_id] for score in scores])
    table = ScoreTable()
    for score in scores:
        truth = trackings[score.reference_id]
        entry = Entry(score.table, usual.weights, truth.detections, truth.links)
        table.add(wanted[score.movie_id], names[score.computed_id], entry)
    return table.rows()


def _tracker_names(trackings: Sequence[TrackingRecord]) -> dict[str, str]:
    """What to call the tracker of each tracking: its author.

    With the version where it has several, with the tracking's id where one version made several of a movie.
    """
    distinct = {tracking.id: tracking for tracking in trackings}.values()
    versions = Counter(author for author, _ in {(one.author, one.version) for one in distinct})
    made = Counter((one.movie_id, one.author, one.version) for one in distinct)
    return {
        one.id: one.author
        + f" {one.version}" * (versions[one.author] > 1)
        + f" {one.id}" * (made[one.movie_id, one.author, one.version] > 1)
        for one in distinct
    }


def check_table_file(path: Path) -> None:
    """Refuse now what `write_table` would refuse once all is scored.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    check_file(path, SUFFIXES)


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, Markdown or Parquet, by the path's suffix.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    check_table_file(path)
    with whole_file(path) as part:
        match path.suffix:
            case ".csv":
                pyarrow.csv.write_csv(pa.Table.from_pylist(list(rows)), part)
            case ".parquet":
                pyarrow.parquet.write_table(pa.Table.from_pylist(list(rows)), part)
            case _:
                part.write_text(markdown(rows), encoding="utf-8")


def read_table(path: Path) -> list[Row]:
    """Read what `write_table` wrote as CSV or Parquet.

    Raises:
        InputError: it cannot be read, or is no table of scores.
    """
    readers = {".csv": pyarrow.csv.read_csv, ".parquet": pyarrow.parquet.read_table}
    try:
        rows: list[Row] = readers[path.suffix](path).to_pylist()
    except (KeyError, OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"this is no table of scores ({error})", place=str(path), remedy="name a .csv or .parquet of one"
        ) from error
    if not rows or not {"movie", "tracker"} <= rows[0].keys():
        raise InputError(
            "no rows of a movie and a tracker",
            place=str(path),
            remedy="write one: cellkin score --table PAIRS.csv --output SCORES.csv",
        )
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """The headline measures in Markdown, aligned for a terminal too; an undefined one is a dash."""
    cells = [list(HEADLINE), *([_cell(row.get(name)) for name in HEADLINE] for row in rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        [c.ljust(w) if i < WORDS else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        for line in cells
    ]
    rule = ["-" * w if i < WORDS else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (lines[0], rule, *lines[1:]))


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return (
        f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value).replace("|", r"\|")
    )
