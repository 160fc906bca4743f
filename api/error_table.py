"""The errors of a score as a table, a row an error, for spreadsheets and scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from api.cli_output import check_file, writing
from graph.records import ErrorRecord
from graph.scores.errors import ErrorKind, with_labels
from graph.scores.report import Score
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections

if TYPE_CHECKING:  # who scores folders needs no database
    from graph.records import ScoreRecord
    from graph.store import LineageStore

Row = dict[str, int | float | str | None]
ENDS = ("", "_later")
"""Of a link both ends; anything else has the first one only."""
FIELDS = ("frame", "label", "y", "x")
COLUMNS = (
    *("kind", "error", "frame", "shift"),
    *(f"{side}{end}_{field}" for side in ("reference", "computed") for end in ENDS for field in FIELDS),
)
PAGE = 10_000
SUFFIXES = (".csv", ".parquet")


def errors_of(score: Score) -> Iterator[Row]:
    """A row an error, by frame: what is wrong, and where on either side (frame, label, y and x in pixels)."""
    listed = with_labels(score.errors, score.reference, score.computed)
    errors = listed.errors
    sides = (
        ("reference", errors.reference, score.reference.detections),
        ("computed", errors.computed, score.computed.detections),
    )
    for row, kind in enumerate(map(ErrorKind, errors.kind.tolist())):
        places: Row = {}
        for side, rows, detections in sides:
            for end, detection in zip(ENDS, rows[row].tolist(), strict=True):
                places |= _place(f"{side}{end}", detections, detection)
        shift = int(errors.shift[row]) if kind == ErrorKind.SHIFTED_DIVISION else None
        name = kind.caption(int(errors.frame[row]), int(listed.label[row]))
        yield {"kind": kind.name, "error": name, "frame": int(errors.frame[row]), "shift": shift, **places}


def stored_errors(store: "LineageStore", score_id: str) -> Iterator[Row]:
    """The same of a stored score, read a page at a time."""
    page: list[ErrorRecord] = []
    while page := store.errors(score_id, after=page[-1].id if page else None, first=PAGE):
        yield from map(_row, page)


def check_errors_file(path: Path) -> None:
    """Refuse now what `write_errors` would refuse once all is scored.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    check_file(path, SUFFIXES, makes_folders=True)


def write_errors(found: "Score | ScoreRecord", path: Path, progress: Progress = silent) -> None:
    """Write the errors of a score, stored or not, as CSV or Parquet, by the path's suffix.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    import pyarrow as pa

    from api.score_sides import opened
    from api.table_form import write_table
    from api.tables import Table

    types = {"kind": pa.string(), "error": pa.string()}
    real = {name: pa.float64() for name in COLUMNS if name.endswith(("_y", "_x"))}
    schema = pa.schema([(name, {**types, **real}.get(name, pa.int64())) for name in COLUMNS])
    if isinstance(found, Score):
        rows = list(errors_of(found))
    else:
        with opened(progress) as store:
            rows = list(stored_errors(store, found.id))
    with writing(path):
        write_table(Table.of(pa.Table.from_pylist(rows, schema=schema)), path)


def _row(error: ErrorRecord) -> Row:
    row: Row = {"kind": error.kind.name, "error": error.name, "frame": error.frame, "shift": error.shift}
    for side, places in (("reference", error.reference), ("computed", error.computed)):
        for end, place in zip(ENDS, places, strict=False):
            row |= {f"{side}{end}_{field}": getattr(place, field) for field in FIELDS}
    return row


def _place(prefix: str, detections: Detections, row: int) -> Row:
    if row < 0:
        return {}
    y, x = (float(column[row]) for column in (detections.y, detections.x))
    place: Row = {"frame": int(detections.frame[row]), "label": int(detections.label[row])}
    place |= {"y": None if np.isnan(y) else y, "x": None if np.isnan(x) else x}
    return {f"{prefix}_{field}": value for field, value in place.items()}
