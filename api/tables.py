"""A tracking as one flat table, a row a detection, for Parquet and CSV."""

import json
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from api.columns import UNITS, Column, with_units
from graph.records import MovieRecord, TrackingRecord
from graph.store import LineageStore
from ingest.errors import InputError
from ingest.tracking_graph import IntArray, TrackingGraph

TYPES = {
    **dict.fromkeys(("frame", "label", "generation"), pa.int32()),
    **dict.fromkeys(("link_probability", "minutes", "y", "x", "y_um", "x_um"), pa.float64()),
}
"""Type of each measured column; a feature is float32, which holds whole numbers up to 16 million."""
FORMATS = (".parquet", ".csv")
FORM = 2
"""Of the table; a larger number makes the files anew."""
ROW_GROUP = 128 * 1024


def time_series_table(graph: TrackingGraph, tracking: TrackingRecord, movie: MovieRecord) -> pa.Table:
    """All detections of a tracking with their tracks, one cell after the other, each in the order of time.

    Args:
        graph: the tracking.
        tracking: its record, for the ids.
        movie: its movie, for the calibration.

    Returns:
        A table of N rows whose fields say their units; ids are those of GraphQL as integers, and `parent` is
        null for a founder. `link_probability` is of the link that leads to the detection, null where none
        does or the tracker does not say.
    """
    track = graph.tracks.of_detection
    order = np.argsort(track, kind="stable")  # rows ascend by frame, and still do within each track
    descent = {
        **_descent(graph, track[order], tracking),
        "link_probability": _array("link_probability", graph.link_probability[order]),
    }
    measured = with_units(graph.detections, movie.pixel_size, movie.minutes_per_frame)
    columns = {name: _array(name, column[order]) for name, column in measured.items()}
    arrays = {**descent, **{name: column for name, column in columns.items() if name not in descent}}
    fields = [pa.field(name, array.type, metadata=_unit(name)) for name, array in arrays.items()]
    return pa.table(list(arrays.values()), schema=pa.schema(fields, metadata=METADATA))


class TableFiles:
    """The tables of stored trackings as files, made when first asked for: a tracking never changes.

    Args:
        store: where the trackings are.
        folder: for the files; made when needed.
    """

    def __init__(self, store: LineageStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._making = Lock()

    def path(self, tracking_id: str, suffix: str) -> Path:
        """The file of a tracking.

        Args:
            tracking_id: of which.
            suffix: one of `FORMATS`.

        Raises:
            NotFoundError: there is no such tracking.
        """
        tracking = self._store.tracking(tracking_id)
        movie = self._store.movie(tracking.movie_id)
        # A calibration may be learnt after the tracking was stored, and gives another table.
        form = repr((FORM, movie.pixel_size, movie.minutes_per_frame))
        path = self._folder / f"{tracking.id}-{sha256(form.encode()).hexdigest()[:12]}{suffix}"
        if not path.exists():
            with self._making:  # one at a time: a table takes memory
                if not path.exists():
                    graph = self._store.tracking_graph(tracking.id)
                    write_table(time_series_table(graph, tracking, movie), path)
        return path


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet or CSV, by the suffix of `path`; a reader sees all of it or none.

    Raises:
        InputError: another suffix.
    """
    if path.suffix not in FORMATS:
        raise InputError(
            f"no table is written as {path.suffix!r}", place=str(path), remedy="end it in .parquet or .csv"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        part = Path(folder) / path.name
        if path.suffix == ".parquet":
            pyarrow.parquet.write_table(table, part, compression="zstd", row_group_size=ROW_GROUP)
        else:
            pyarrow.csv.write_csv(table.cast(_plain(table.schema)), part)
        part.replace(path)


# pandas would turn integers with a null into floats; told so, it reads them as integers that may be missing.
_PARENT = {
    "name": "parent",
    "field_name": "parent",
    "pandas_type": "int64",
    "numpy_type": "Int64",
    "metadata": None,
}
METADATA = {"pandas": json.dumps({"index_columns": [], "column_indexes": [], "columns": [_PARENT]})}


def _descent(graph: TrackingGraph, track: IntArray, tracking: TrackingRecord) -> Mapping[str, pa.Array]:
    """The columns that say which track each row (N,) of tracks is, and what it descends from."""
    tracks, first = graph.tracks, tracking.first_id
    parent = tracks.parent[track]
    same = np.zeros(len(track), np.int32)
    return {
        "tracking": pa.DictionaryArray.from_arrays(same, pa.array([tracking.id], pa.string())),
        "track": pa.array(track + first),
        "parent": pa.array(parent + first, mask=parent < 0),
        "founder": pa.array(tracks.founder[track] + first),
        "generation": _array("generation", tracks.generation[track]),
    }


def _array(name: str, column: Column) -> pa.Array:
    """A column in its type; NaN is null."""
    return pa.array(column, from_pandas=True).cast(TYPES.get(name, pa.float32()))


def _unit(name: str) -> dict[str, str]:
    return {"unit": UNITS[name]} if name in UNITS else {}


def _plain(schema: pa.Schema) -> pa.Schema:
    """The same without dictionaries, which CSV has no form for."""
    return pa.schema([pa.field(f.name, pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema])
