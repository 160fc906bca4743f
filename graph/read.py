"""Questions to the database; each a parameterised statement, many things answered as columns."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any

import numpy as np
from neo4j import ManagedTransaction, Record

from graph.records import (
    ROW_BITS,
    Lineage,
    MovieRecord,
    ScoreRecord,
    TimeSeries,
    TrackingKind,
    TrackingRecord,
    TrackRecord,
)
from graph.write import id_ranges
from ingest.tracking_graph import Detections, FloatArray, IntArray, LinkKind, TrackingGraph

MOVIES = "MATCH (m:Movie) RETURN m ORDER BY m.created, m.id"
MOVIES_BY_ID = "UNWIND $ids AS id MATCH (m:Movie {id: id}) RETURN m"

TRACKINGS = """
UNWIND $movies AS id
MATCH (m:Movie {id: id})-[:HAS_TRACKING]->(t:Tracking {state: 'READY'})
RETURN t, id AS movie ORDER BY t.created, t.id
"""
TRACKINGS_BY_ID = """
UNWIND $ids AS id
MATCH (t:Tracking {id: id, state: 'READY'})<-[:HAS_TRACKING]-(m:Movie)
RETURN t, m.id AS movie
"""

# Columns of a range of ids by the unique index. properties() reads a node once; nulls stay in their places,
# since a list comprehension keeps what collect() drops.
DETECTIONS = """
MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop
WITH collect(properties(d)) AS ds
RETURN [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame, [d IN ds | d.label] AS label,
       [d IN ds | d.y] AS y, [d IN ds | d.x] AS x, [name IN $names | [d IN ds | d[name]]] AS features
"""
LINKS = """
MATCH (b:Detection) WHERE b.id >= $first AND b.id < $stop
MATCH (a:Detection)-[l:NEXT|GAP|DIVISION]->(b)
RETURN collect(a.id) AS earlier, collect(b.id) AS later, collect(type(l)) AS kind
"""

# Tracks come with the id of their tracking; those of one that is not complete are not there.
TRACKS_BY_ID = """
UNWIND $ids AS id
MATCH (t:Track {id: id})
MATCH (g:Tracking {number: t.id / $rows, state: 'READY'})
RETURN t, g.id AS tracking, COLLECT { MATCH (t)-[:DIVIDES_INTO]->(v) RETURN v.id } AS daughters
ORDER BY t.id
"""
TRACKS_PAGE = """
MATCH (t:Track)
WHERE t.id > $after AND t.id < $stop
  AND ($founders IS NULL OR (t.parent IS NULL) = $founders)
  AND ($divides IS NULL OR EXISTS { (t)-[:DIVIDES_INTO]->() } = $divides)
  AND t.end - t.begin + 1 >= $min_frames
  AND ($label IS NULL OR t.label = $label)
WITH t ORDER BY t.id LIMIT $first
RETURN t, $tracking AS tracking, COLLECT { MATCH (t)-[:DIVIDES_INTO]->(v) RETURN v.id } AS daughters
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

# Any track leads to its founder, and that to all that descends from it; one round trip.
LINEAGES = """
UNWIND $ids AS id
MATCH (any:Track {id: id})
WITH DISTINCT any.founder AS founder
MATCH (g:Tracking {number: founder / $rows, state: 'READY'})
MATCH (:Track {id: founder})-[:DIVIDES_INTO*0..]->(t:Track)
CALL (t) { MATCH (t)-[:HAS]->(d) WITH properties(d) AS d ORDER BY d.frame RETURN collect(d) AS ds }
RETURN founder, t, g.id AS tracking, COLLECT { MATCH (t)-[:DIVIDES_INTO]->(v) RETURN v.id } AS daughters,
       t.id AS track, g.features AS names, [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame,
       [d IN ds | d.label] AS label, [d IN ds | d.y] AS y, [d IN ds | d.x] AS x,
       [name IN g.features | [d IN ds | d[name]]] AS features
ORDER BY founder, track
"""

# All scores that a tracking takes part in, on either side.
SCORES = """
UNWIND $trackings AS id
MATCH (:Tracking {id: id})<-[:OF|AGAINST]-(s:Score)
WITH DISTINCT s
MATCH (c:Tracking)<-[:OF]-(s)-[:AGAINST]->(r:Tracking)
RETURN s, c.id AS computed, r.id AS reference ORDER BY s.created, s.id
"""


def detections(tx: ManagedTransaction, tracking: TrackingRecord) -> Detections:
    """All detections of a tracking, as they were written."""
    columns = {name: np.empty(tracking.detections, np.int64) for name in ("frame", "label")}
    values = {name: np.empty(tracking.detections) for name in ("y", "x", *tracking.features)}
    for span in id_ranges(tracking.number, tracking.detections):
        record = tx.run(DETECTIONS, span, names=list(tracking.features)).single(strict=True)
        rows = np.asarray(record["id"], np.int64) - tracking.first_id
        for name, column in columns.items():
            column[rows] = record[name]
        for name in ("y", "x"):
            values[name][rows] = record[name]
        for name, feature in zip(tracking.features, record["features"], strict=True):
            values[name][rows] = np.asarray(feature, np.float64)  # None becomes NaN
    y, x = values.pop("y"), values.pop("x")
    return Detections(columns["frame"], columns["label"], y, x, values)


def tracking_graph(tx: ManagedTransaction, tracking: TrackingRecord) -> TrackingGraph:
    """A tracking, as it was written: the same rows, links and kinds, in the same order."""
    rows = [np.empty((0, 3), np.int64)]
    for span in id_ranges(tracking.number, tracking.detections):
        record = tx.run(LINKS, span).single(strict=True)
        kinds = [LinkKind[kind] for kind in record["kind"]]
        rows.append(np.array([record["earlier"], record["later"], kinds], np.int64).T)
    found = np.concatenate(rows)
    found = found[np.argsort(found[:, 1], kind="stable")]
    links = found[:, :2] - tracking.first_id
    return TrackingGraph(detections(tx, tracking), links, found[:, 2].astype(np.uint8))


def tracks_page(
    tx: ManagedTransaction,
    tracking: TrackingRecord,
    *,
    after: int | None,
    first: int,
    founders: bool | None,
    divides: bool | None,
    min_frames: int,
    label: int | None,
) -> list[TrackRecord]:
    """Some tracks of a tracking, by id."""
    found = tx.run(
        TRACKS_PAGE,
        tracking=tracking.id,
        after=tracking.first_id - 1 if after is None else max(after, tracking.first_id - 1),
        stop=tracking.first_id + tracking.tracks,
        first=first,
        founders=founders,
        divides=divides,
        min_frames=min_frames,
        label=label,
    )
    return [track_record(record) for record in found]


def tracks_by_id(tx: ManagedTransaction, ids: Sequence[int]) -> list[TrackRecord]:
    """The tracks of these ids that there are, by id."""
    return [track_record(record) for record in tx.run(TRACKS_BY_ID, ids=list(ids), rows=1 << ROW_BITS)]


def time_series(tx: ManagedTransaction, ids: Sequence[int]) -> TimeSeries:
    """The detections of these tracks."""
    return _series(list(tx.run(TIME_SERIES, ids=sorted(set(ids)), rows=1 << ROW_BITS)))


def lineages(tx: ManagedTransaction, ids: Sequence[int]) -> list[Lineage]:
    """The lineages that these tracks belong to, by founder."""
    by_founder: dict[int, list[Record]] = {}
    for record in tx.run(LINEAGES, ids=sorted(set(ids)), rows=1 << ROW_BITS):
        by_founder.setdefault(record["founder"], []).append(record)
    return [
        Lineage(founder, tuple(track_record(record) for record in records), _series(records))
        for founder, records in by_founder.items()
    ]


def movie_record(record: Record) -> MovieRecord:
    """A movie from the node `m`."""
    node = record["m"]
    values: dict[str, Any] = {
        **node,
        "channels": tuple(node["channels"]),
        "created": node["created"].to_native(),
    }
    return MovieRecord(**_fields(MovieRecord, values))


def tracking_record(record: Record) -> TrackingRecord:
    """A tracking from the node `t` and its movie's id."""
    node = record["t"]
    values: dict[str, Any] = {
        **node,
        "movie_id": record["movie"],
        "kind": TrackingKind(node["kind"]),
        "parameters": json.loads(node["parameters"]),
        "features": tuple(node["features"]),
        "created": node["created"].to_native(),
    }
    return TrackingRecord(**_fields(TrackingRecord, values))


def track_record(record: Record) -> TrackRecord:
    """A track from the node `t`, the id of its tracking and those of its daughters."""
    node = record["t"]
    return TrackRecord(
        id=node["id"],
        tracking_id=record["tracking"],
        label=node["label"],
        begin=node["begin"],
        end=node["end"],
        founder=node["founder"],
        generation=node["generation"],
        parent=node.get("parent"),
        daughters=tuple(sorted(record["daughters"])),
    )


def score_record(record: Record) -> ScoreRecord:
    """A score from the node `s` and the ids of its trackings."""
    node = record["s"]
    return ScoreRecord(
        id=node["id"],
        computed_id=record["computed"],
        reference_id=record["reference"],
        table=json.loads(node["table"]),
        created=node["created"].to_native(),
    )


def _fields(record: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a record needs of a node's properties; a property that is null is not there."""
    return {field.name: values.get(field.name) for field in fields(record)}


def _series(records: Sequence[Record]) -> TimeSeries:
    """The detections of some tracks, a record a track, one after the other."""
    lengths = [len(record["id"]) for record in records]
    names = list(dict.fromkeys(name for record in records for name in record["names"]))
    features = [dict(zip(record["names"], record["features"], strict=True)) for record in records]
    return TimeSeries(
        track=np.repeat(np.array([record["track"] for record in records], np.int64), lengths),
        id=_integers(record["id"] for record in records),
        frame=_integers(record["frame"] for record in records),
        label=_integers(record["label"] for record in records),
        y=_floats(record["y"] for record in records),
        x=_floats(record["x"] for record in records),
        features={name: _feature(name, features, lengths) for name in names},
    )


def _feature(name: str, features: Iterable[Mapping[str, list[Any]]], lengths: Iterable[int]) -> FloatArray:
    """One column; NaN for the tracks of a tracking that has no such feature."""
    parts = (f.get(name, [None] * length) for f, length in zip(features, lengths, strict=True))
    return _floats(parts)


def _integers(lists: Iterable[list[int]]) -> IntArray:
    return np.array(list(chain.from_iterable(lists)), np.int64)


def _floats(lists: Iterable[list[float]]) -> FloatArray:
    return np.array(list(chain.from_iterable(lists)), np.float64)
