"""The tables of a tracking, each a stream of batches, so that none is ever held whole."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa

from api.columns import Column
from api.table_columns import Measured, constant, ids, numbers, probabilities, record_batch
from api.table_query import EVERYTHING, TRACK_OPTIONS, TableQuery
from graph.bulk import Cells, LinkColumns, TrackColumns, no_cells
from graph.records import MovieRecord, TrackingRecord
from graph.store import LineageStore
from ingest.tracking_graph import FloatArray, IntArray, LinkKind

Arrays = dict[str, pa.Array]


class TableKind(StrEnum):
    """What a row of a table is."""

    TIMESERIES = "timeseries"
    """A detection with the descent of its track, cell by cell, each in the order of time."""
    DETECTIONS = "detections"
    """A detection, frame by frame."""
    TRACKS = "tracks"
    """A track, with the mean of each feature."""
    LINKS = "links"
    """A link between two detections."""
    NAPARI = "tracks-napari"
    """A detection as napari and inTRACKtive read it, cell by cell."""


OPTIONS: Mapping[TableKind, tuple[str, ...]] = {
    TableKind.TIMESERIES: ("frames", "box", "features", "where", *TRACK_OPTIONS),
    TableKind.DETECTIONS: ("frames", "box", "features", "where", *TRACK_OPTIONS),
    TableKind.TRACKS: ("frames", "features", *TRACK_OPTIONS),
    TableKind.LINKS: ("frames", "kinds", "max_probability"),
    TableKind.NAPARI: ("frames", *TRACK_OPTIONS),
}
"""The parameters that each table takes."""


PLACES = ("y", "x", "y_um", "x_um", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1")
"""Columns whose mean over a track says nothing."""


@dataclass(frozen=True)
class Source:
    """What a table is made from.

    Attributes:
        store: that holds it.
        tracking: of which.
        movie: that it is of, for the calibration.
        query: which rows and columns.
    """

    store: LineageStore
    tracking: TrackingRecord
    movie: MovieRecord
    query: TableQuery = EVERYTHING

    def row(self, tracks: IntArray) -> IntArray:
        """Rows of tracks from their ids; of none, which is negative, it is negative too."""
        return np.where(tracks < 0, -1, tracks - self.tracking.first_id)

    def tracks(self) -> tuple[TrackColumns, IntArray]:
        """All tracks, and the rows of those that are wanted."""
        tracks, wanted = self.store.track_columns(self.tracking), self.query.tracks(self.movie)
        if wanted.by_measurements:
            return tracks, self.row(self.store.track_ids(self.tracking, wanted))
        return tracks, tracks.chosen(wanted)


@dataclass(frozen=True)
class Table:
    """A table that is read once, from its beginning to its end.

    Attributes:
        schema: of every batch; its fields say their units.
        batches: all rows.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    @classmethod
    def of(cls, table: pa.Table) -> "Table":
        """A table that is in memory."""
        return cls(table.schema, iter(table.to_batches()))


def open_table(source: Source, kind: TableKind) -> Table:
    """A table of a stored tracking; ids are those of GraphQL as integers.

    Raises:
        InputError: a feature that was not measured.
        ConflictError: while it is read, the tracking is removed.
    """
    return _TABLES[kind](source)


def time_series(source: Source) -> Table:
    """A row a detection: its track and descent, and what was measured.

    `parent` is null for a founder. `link_probability` is of the link that leads to the detection, null where
    none does or the tracker does not say.
    """
    measured = Measured(source.tracking, source.movie, source.query)
    every, chosen = source.tracks()

    def arrays(cells: Cells) -> Arrays:
        row = source.row(cells.rows.track)
        descent: Arrays = {
            "tracking": constant(source.tracking.id, len(cells)),
            "track": pa.array(cells.rows.track),
            "parent": ids(every.parent[row]),
            "founder": pa.array(every.founder[row]),
            "generation": numbers("generation", every.generation[row]),
            "link_probability": probabilities(cells.probability),
        }
        return _beside(descent, measured.shown(cells.rows))

    cells = source.store.cells_by_track(
        source.tracking, every.take(chosen), source.query.window, measured.features
    )
    return _table(arrays, no_cells(measured.features), measured.within(cells))


def detections(source: Source) -> Table:
    """A row a detection, by frame and label."""
    measured = Measured(source.tracking, source.movie, source.query)

    def arrays(cells: Cells) -> Arrays:
        known: Arrays = {
            "tracking": constant(source.tracking.id, len(cells)),
            "detection": pa.array(cells.rows.id),
            "track": pa.array(cells.rows.track),
            "link_probability": probabilities(cells.probability),
        }
        return _beside(known, measured.shown(cells.rows))

    found = source.store.cells_by_frame(source.tracking, source.query.window, measured.features)
    table = _table(arrays, no_cells(measured.features), measured.within(found))
    return _of_tracks(table, source) if source.query.of_tracks else table


def tracks(source: Source) -> Table:
    """A row a track, by its id: when it lives, what it descends from, and the mean of each feature.

    `detections` is the number of frames in which it is seen, `frames` that from the first to the last;
    `probability` is that of the division that it ends in.
    """
    named = source.query if source.query.features is not None else _averaged(source)
    measured = Measured(source.tracking, source.movie, named)
    every, chosen = source.tracks()

    def arrays(cells: Cells) -> Arrays:
        first, count = _runs(cells.rows.track)
        of = every.take(source.row(cells.rows.track[first]))
        parent = source.row(of.parent)
        columns = measured.columns(cells.rows)
        return {
            "tracking": constant(source.tracking.id, len(first)),
            "track": pa.array(of.id),
            "label": numbers("label", of.label),
            "parent": ids(of.parent),
            "parent_label": ids(np.where(parent < 0, -1, every.label[parent])),
            "founder": pa.array(of.founder),
            **{name: numbers(name, getattr(of, name)) for name in ("generation", "begin", "end", "frames")},
            **_minutes(of, source.movie),
            "detections": pa.array(count.astype(np.int32)),
            "daughters": pa.array(of.daughters.astype(np.int32)),
            "divides": pa.array(of.daughters >= 2),
            "probability": probabilities(of.probability),
            **{f"{name}_mean": _means(columns[name], first) for name in measured.names},
        }

    cells = source.store.cells_by_track(source.tracking, every.take(chosen), None, measured.features)
    return _table(arrays, no_cells(measured.features), cells)


def links(source: Source) -> Table:
    """A row a link, by the later detection; `probability` is null where the tracker does not say."""
    kinds = pa.array([kind.name for kind in LinkKind])
    query = source.query

    def arrays(found: LinkColumns) -> Arrays:
        ends = {"earlier": found.earlier, "later": found.later}  # (E, 4) each
        return {
            "tracking": constant(source.tracking.id, len(found.kind)),
            **{name: pa.array(end[:, 0]) for name, end in ends.items()},
            "kind": pa.DictionaryArray.from_arrays(pa.array(found.kind.astype(np.int8)), kinds),
            "probability": probabilities(found.probability),
            **{f"{name}_frame": pa.array(end[:, 1].astype(np.int32)) for name, end in ends.items()},
            **{f"{name}_label": pa.array(end[:, 2].astype(np.int32)) for name, end in ends.items()},
            **{f"{name}_track": pa.array(end[:, 3]) for name, end in ends.items()},
        }

    no_ends, no_kind = np.empty((0, 4), np.int64), np.empty(0, np.int64)
    none = LinkColumns(no_ends, no_ends, no_kind, np.empty(0))
    found = source.store.link_columns(
        source.tracking, frames=query.frames, kinds=query.kinds, max_probability=query.max_probability
    )
    return _table(arrays, none, found)


def napari(source: Source) -> Table:
    """A row a detection, by track and time, in pixels; a track's id is its label, −1 no parent.

    A parent that is left out is none, since napari draws an edge to it.
    """
    every, chosen = source.tracks()
    chosen = chosen[every.label[chosen].argsort()]
    label = np.full(len(every), -1)
    label[chosen] = every.label[chosen]

    def arrays(cells: Cells) -> Arrays:
        row = source.row(cells.rows.track)
        parent = source.row(every.parent[row])
        return {
            "track_id": pa.array(label[row]),
            "t": pa.array(cells.rows.frame),
            "y": numbers("y", cells.rows.y),
            "x": numbers("x", cells.rows.x),
            "parent_track_id": pa.array(np.where(parent < 0, -1, label[parent])),
        }

    cells = source.store.cells_by_track(source.tracking, every.take(chosen), source.query.window, ())
    return _table(arrays, no_cells(()), cells)


_TABLES: Mapping[TableKind, Callable[[Source], Table]] = {
    TableKind.TIMESERIES: time_series,
    TableKind.DETECTIONS: detections,
    TableKind.TRACKS: tracks,
    TableKind.LINKS: links,
    TableKind.NAPARI: napari,
}


def _table(arrays: Callable[[Any], Arrays], none: object, parts: Iterator[Any]) -> Table:
    """A table of parts, each made into arrays; `none` is a part without rows, which gives the schema."""
    return Table(record_batch(arrays(none)).schema, (record_batch(arrays(part)) for part in parts))


def _beside(known: Arrays, columns: Mapping[str, Column]) -> Arrays:
    """What is known and what was measured; a feature hides nothing."""
    return known | {name: numbers(name, column) for name, column in columns.items() if name not in known}


def _of_tracks(table: Table, source: Source) -> Table:
    """Only the rows of the tracks that are wanted."""
    every, chosen = source.tracks()
    wanted = every.id[chosen]
    kept = (batch.filter(pa.array(np.isin(batch["track"].to_numpy(), wanted))) for batch in table.batches)
    return Table(table.schema, kept)


def _averaged(source: Source) -> TableQuery:
    """The query, naming the columns whose mean over a track says something."""
    every = Measured(source.tracking, source.movie, source.query).names
    return replace(source.query, features=tuple(name for name in every if name not in PLACES))


def _minutes(of: TrackColumns, movie: MovieRecord) -> Arrays:
    """How long each track is seen, where the movie says how long a frame takes."""
    known = movie.minutes_per_frame
    return {} if known is None else {"minutes": numbers("minutes", of.frames * np.float64(known))}


def _runs(track: IntArray) -> tuple[IntArray, IntArray]:
    """Where the rows (N,) of each track begin, and how many they are."""
    first = np.flatnonzero(np.diff(track, prepend=-1))
    return first, np.diff(first, append=len(track))


def _means(column: Column, first: IntArray) -> pa.Array:
    """Mean of the known values of each run of rows; null where none is known."""
    if len(first) == 0:
        return pa.array(np.empty(0))
    known = np.isfinite(column)
    total: FloatArray = np.add.reduceat(np.where(known, column, 0.0), first)
    with np.errstate(invalid="ignore"):
        return pa.array(total / np.add.reduceat(known.astype(np.int64), first), from_pandas=True)
