"""Questions to the database; each a parameterised statement, many things answered as columns."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
from neo4j import ManagedTransaction, Record

from graph.batches import READ_ROWS, id_ranges
from graph.columns import floats, integers
from graph.provenance import Provenance
from graph.records import (
    ROW_BITS,
    Counts,
    Lineage,
    TimeSeries,
    TrackingKind,
    TrackingRecord,
    TrackRecord,
)
from graph.track_pages import track_of
from ingest.errors import ConflictError
from ingest.tracking_graph import Detections, FloatArray, LinkKind, TrackingGraph

# Where each frame begins is for windows (windows.py), not for records: a number a frame.
TRACKINGS = """
UNWIND $movies AS id
MATCH (m:Movie {id: id})-[:HAS_TRACKING]->(t:Tracking {state: 'READY'})
RETURN t {.*, frame_start: null} AS t, id AS movie ORDER BY t.created, t.id
"""
TRACKINGS_BY_ID = """
UNWIND $ids AS id
MATCH (t:Tracking {id: id, state: 'READY'})<-[:HAS_TRACKING]-(m:Movie)
RETURN t {.*, frame_start: null} AS t, m.id AS movie
"""

NEWEST_TRACKINGS = """
MATCH (t:Tracking {state: 'READY'}) RETURN t.id AS id ORDER BY t.created DESC LIMIT $first
"""

# A whole tracking in one round trip: a record a range of ids, found by the unique index. properties() reads a
# node once; nulls stay in their places, since a list comprehension keeps what collect() drops.
WHOLE_TRACKING = """
UNWIND $spans AS span
CALL (span) {
  MATCH (d:Detection) WHERE d.id >= span.first AND d.id < span.stop
  RETURN collect(properties(d)) AS ds
}
CALL (span) {
  MATCH (b:Detection) WHERE b.id >= span.first AND b.id < span.stop
  MATCH (a)-[l:NEXT|GAP|DIVISION]->(b)
  RETURN collect(a.id) AS earlier, collect(b.id) AS later, collect($kinds[type(l)]) AS kind,
         collect(coalesce(l.probability, $unknown)) AS probability
}
RETURN [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame, [d IN ds | d.label] AS label,
       [name IN $names | [d IN ds | d[name]]] AS real, earlier, later, kind, probability
"""

# Tracks come with the id of their tracking; those of one that is not complete are not there.
TRACKS_BY_ID = """
UNWIND $ids AS id
MATCH (t:Track {id: id})
MATCH (g:Tracking {number: t.id / $rows, state: 'READY'})
RETURN t, g.id AS tracking,
       COLLECT { MATCH (t)-[l:DIVIDES_INTO]->(v) RETURN [v.id, l.probability] } AS daughters
ORDER BY t.id
"""
# A record a track, its detections as lists: reading them so is many times faster than a record a detection.
TIME_SERIES = """
UNWIND $ids AS id
MATCH (t:Track {id: id})
MATCH (g:Tracking {number: t.id / $rows, state: 'READY'})
CALL (t) { MATCH (t)-[:HAS]->(d) WITH properties(d) AS d ORDER BY d.frame RETURN collect(d) AS ds }
RETURN t.id AS track, g.features AS names, [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame,
       [d IN ds | d.label] AS label, [d IN ds | d.y] AS y, [d IN ds | d.x] AS x,
       [name IN g.features | [d IN ds | d[name]]] AS features
ORDER BY track
"""

# In the same form: some detections of a track, with those of its track that are asked for too.
DETECTIONS_BY_ID = """
UNWIND $ids AS id
MATCH (d:Detection {id: id})<-[:HAS]-(t:Track)
MATCH (g:Tracking {number: t.id / $rows, state: 'READY'})
WITH t, g, properties(d) AS d ORDER BY d.frame
WITH t, g, collect(d) AS ds
RETURN t.id AS track, g.features AS names, [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame,
       [d IN ds | d.label] AS label, [d IN ds | d.y] AS y, [d IN ds | d.x] AS x,
       [name IN g.features | [d IN ds | d[name]]] AS features
ORDER BY track
"""

# Any track leads to its founder, and that to all that descends from it; one round trip.
LINEAGES = """
UNWIND $ids AS id
MATCH (any:Track {id: id})
WITH DISTINCT any.founder AS founder
MATCH (g:Tracking {number: founder / $rows, state: 'READY'})
MATCH (:Track {id: founder})-[:DIVIDES_INTO*0..]->(t:Track)
CALL (t) { MATCH (t)-[:HAS]->(d) WITH properties(d) AS d ORDER BY d.frame RETURN collect(d) AS ds }
RETURN founder, t, g.id AS tracking,
       COLLECT { MATCH (t)-[l:DIVIDES_INTO]->(v) RETURN [v.id, l.probability] } AS daughters,
       t.id AS track, g.features AS names, [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame,
       [d IN ds | d.label] AS label, [d IN ds | d.y] AS y, [d IN ds | d.x] AS x,
       [name IN g.features | [d IN ds | d[name]]] AS features
ORDER BY founder, track
"""

_KINDS = {kind.name: kind.value for kind in LinkKind}


def trackings(tx: ManagedTransaction, movie_ids: Sequence[str]) -> list[TrackingRecord]:
    """The complete trackings of these movies, the oldest first."""
    return [_tracking(record) for record in tx.run(TRACKINGS, movies=list(movie_ids))]


def trackings_by_id(tx: ManagedTransaction, ids: Sequence[str]) -> list[TrackingRecord]:
    """The complete trackings of these ids that there are."""
    return [_tracking(record) for record in tx.run(TRACKINGS_BY_ID, ids=list(ids))]


def newest_trackings(tx: ManagedTransaction, first: int) -> list[str]:
    """Ids of complete trackings, the newest first."""
    return [record["id"] for record in tx.run(NEWEST_TRACKINGS, first=first)]


def tracking_graph(tx: ManagedTransaction, tracking: TrackingRecord) -> TrackingGraph:
    """A tracking, as it was written: the same rows, links and kinds, in the same order.

    Raises:
        ConflictError: it was removed in the meantime.
    """
    whole = {name: np.empty(tracking.detections, np.int64) for name in ("frame", "label")}
    real = {name: np.empty(tracking.detections) for name in ("y", "x", *tracking.features)}
    found, links = 0, []
    spans = list(id_ranges(tracking.number, tracking.detections, READ_ROWS))
    for record in tx.run(WHOLE_TRACKING, spans=spans, names=list(real), kinds=_KINDS, unknown=np.nan):
        rows = np.array(record["id"], np.int64) - tracking.first_id
        found += len(rows)
        for name, column in whole.items():
            column[rows] = record[name]
        for name, values in zip(real, record["real"], strict=True):
            real[name][rows] = np.array(values, np.float64)  # None becomes NaN
        links.append([np.array(record[name]) for name in ("earlier", "later", "kind", "probability")])
    _require_all(tracking, found, tracking.detections)
    detections = Detections(whole["frame"], whole["label"], real.pop("y"), real.pop("x"), real)
    return _linked(detections, links, tracking)


def _linked(
    detections: Detections, parts: Sequence[Sequence[npt.NDArray[Any]]], tracking: TrackingRecord
) -> TrackingGraph:
    """A graph of links in parts of (earlier id, later id, kind, probability), sorted by the later row."""
    if not parts:
        return TrackingGraph(detections, np.empty((0, 2), np.int64), np.empty(0, np.uint8))
    earlier, later, kind, probability = (np.concatenate(column) for column in zip(*parts, strict=True))
    _require_all(tracking, len(later), tracking.links)
    order = np.argsort(later)
    links = (np.stack([earlier, later], axis=1)[order] - tracking.first_id).astype(np.int64)  # (E, 2)
    kinds, probability = kind[order].astype(np.uint8), probability[order].astype(np.float64)
    return TrackingGraph(detections, links, kinds, None if np.isnan(probability).all() else probability)


def _require_all(tracking: TrackingRecord, found: int, written: int) -> None:
    if found != written:
        raise removed(tracking.id)


def removed(tracking_id: str) -> ConflictError:
    """What to tell who reads a tracking that somebody removes."""
    return ConflictError(
        "it was removed while it was read", place=f"tracking {tracking_id}", remedy="read another one"
    )


def tracks_by_id(tx: ManagedTransaction, ids: Sequence[int]) -> list[TrackRecord]:
    """The tracks of these ids that there are, by id."""
    return [track_of(record) for record in tx.run(TRACKS_BY_ID, ids=list(ids), rows=1 << ROW_BITS)]


def time_series(tx: ManagedTransaction, ids: Sequence[int]) -> TimeSeries:
    """The detections of these tracks."""
    return _series(list(tx.run(TIME_SERIES, ids=sorted(set(ids)), rows=1 << ROW_BITS)))


def detections_by_id(tx: ManagedTransaction, ids: Sequence[int]) -> TimeSeries:
    """The detections of these ids that there are."""
    return _series(list(tx.run(DETECTIONS_BY_ID, ids=sorted(set(ids)), rows=1 << ROW_BITS)))


def lineages(tx: ManagedTransaction, ids: Sequence[int]) -> list[Lineage]:
    """The lineages that these tracks belong to, by founder."""
    by_founder: dict[int, list[Record]] = {}
    for record in tx.run(LINEAGES, ids=sorted(set(ids)), rows=1 << ROW_BITS):
        by_founder.setdefault(record["founder"], []).append(record)
    return [
        Lineage(founder, tuple(track_of(record) for record in records), _series(records))
        for founder, records in by_founder.items()
    ]


def _tracking(record: Record) -> TrackingRecord:
    """A tracking from the node `t` and its movie's id."""
    node = record["t"]
    return TrackingRecord(
        id=node["id"],
        number=node["number"],
        movie_id=record["movie"],
        kind=TrackingKind(node["kind"]),
        author=node["author"],
        version=node["version"],
        parameters=json.loads(node["parameters"]),
        features=tuple(node["features"]),
        labels_checksum=node.get("labels_checksum"),
        provenance=Provenance.of(node),
        created=node["created"].to_native(),
        **{count.name: node[count.name] for count in fields(Counts)},
    )


def _series(records: Sequence[Record]) -> TimeSeries:
    """The detections of some tracks, a record a track, one after the other."""
    lengths = [len(record["id"]) for record in records]
    names = list(dict.fromkeys(name for record in records for name in record["names"]))
    features = [dict(zip(record["names"], record["features"], strict=True)) for record in records]
    return TimeSeries(
        track=np.repeat(np.array([record["track"] for record in records], np.int64), lengths),
        id=integers(record["id"] for record in records),
        frame=integers(record["frame"] for record in records),
        label=integers(record["label"] for record in records),
        y=floats(record["y"] for record in records),
        x=floats(record["x"] for record in records),
        features={name: _feature(name, features, lengths) for name in names},
    )


def _feature(name: str, features: Iterable[Mapping[str, list[Any]]], lengths: Iterable[int]) -> FloatArray:
    """One column; NaN for the tracks of a tracking that has no such feature."""
    parts = (f.get(name, [None] * length) for f, length in zip(features, lengths, strict=True))
    return floats(parts)
