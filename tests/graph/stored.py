"""Trackings for the tests of the store, and what they are compared by."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from neo4j import ManagedTransaction

from graph import batches, write
from graph.connection import Connection, Result, Work
from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.movie import LabelImages, Movie
from ingest.tracking_graph import Detections, TrackingGraph
from tests.lineages import Drawing

HOSTILE = "x'}) DETACH DELETE n //`\\u0060 \N{SNOWMAN}"


def movie_of(drawing: Drawing, name: str = "a movie") -> Movie:
    return Movie.from_array(drawing.labels.astype(np.uint16), name=name, pixel_size=0.5, minutes_per_frame=10)


def with_features(graph: TrackingGraph, **features: Any) -> TrackingGraph:
    rng = np.random.default_rng(7)
    count = len(graph.detections)
    columns = {"area": rng.random(count) * 1e3, "odd": np.where(rng.random(count) < 0.3, np.nan, 1 / 3)}
    old = graph.detections
    detections = Detections(old.frame, old.label, old.y, old.x, columns | features)
    return replace(graph, detections=detections)


def with_probability(graph: TrackingGraph, probability: Any) -> TrackingGraph:
    return replace(graph, probability=np.asarray(probability, np.float64))


def put(
    store: LineageStore,
    drawing: Drawing,
    graph: TrackingGraph | None = None,
    *,
    labels: LabelImages | None = None,
    **changes: Any,
) -> TrackingRecord:
    """Store a drawing, or `graph` in its place, as a tracking of the movie that it was drawn from."""
    arguments: dict[str, Any] = {
        "kind": TrackingKind.PREDICTED,
        "author": "lap",
        "version": "1",
        "parameters": {"reach": 4.0},
    }
    movie = store.add_movie(movie_of(drawing))
    labels = labels or LabelImages.from_array(drawing.labels)
    return store.write_tracking(movie.id, graph or drawing.graph, labels, **arguments | changes)


def put_alone(store: LineageStore, graph: TrackingGraph, *, frames: int) -> TrackingRecord:
    """Store a tracking without label images."""
    movie = store.add_movie(Movie.from_array(np.zeros((frames, 4, 5), np.uint8), name=f"{frames} frames"))
    return store.write_tracking(
        movie.id, graph, None, kind=TrackingKind.CURATED, author="a person", version="", parameters={}
    )


def parallel_tracks(frames: int, cells: int) -> TrackingGraph:
    """Cells that are all there from the first frame to the last."""
    frame, label = np.repeat(np.arange(frames), cells), np.tile(np.arange(1, cells + 1), frames)
    y, x = np.random.default_rng(3).random((2, len(frame)))
    later = np.arange(cells, len(frame))
    links = np.stack([later - cells, later], axis=1)
    return TrackingGraph(Detections(frame, label, y, x), links, np.zeros(len(later), np.uint8))


def assert_equal(one: TrackingGraph, other: TrackingGraph) -> None:
    for name in ("frame", "label", "y", "x"):
        np.testing.assert_array_equal(getattr(one.detections, name), getattr(other.detections, name))
    assert list(one.detections.features) == list(other.detections.features)
    for name, column in one.detections.features.items():
        np.testing.assert_array_equal(column, other.detections.features[name])
    np.testing.assert_array_equal(one.links, other.links)
    np.testing.assert_array_equal(one.kind, other.kind)
    assert (one.probability is None) == (other.probability is None)
    if one.probability is not None and other.probability is not None:
        np.testing.assert_array_equal(one.probability, other.probability)


def wipe(connection: Connection) -> None:
    """Have nothing in a database but its schema."""
    connection.write(lambda tx: tx.run("MATCH (n) WHERE NOT n:Schema DETACH DELETE n").consume())


def fresh_plans(connection: Connection) -> None:
    """Have plans made anew, from what the database holds now."""
    connection.write(lambda tx: tx.run("CALL db.resampleOutdatedIndexes()").consume())
    connection.write(lambda tx: tx.run("CALL db.clearQueryCaches()").consume())


def count(connection: Connection, label: str) -> int:
    """Number of nodes that have a label."""
    query = "MATCH (n) WHERE $label IN labels(n) RETURN count(n)"
    return connection.read(lambda tx: int(tx.run(query, label=label).single(strict=True).value()))


def rows(connection: Connection) -> tuple[int, int]:
    """Number of detections and of tracks, complete or not."""
    return count(connection, "Detection"), count(connection, "Track")


class UnpluggedError(Exception):
    """The writer's power fails."""


@contextmanager
def unplugged_at(step: str, call: int) -> Iterator[None]:
    """With small batches, a writer fails when it comes to this step for the `call`th time."""
    real, calls = getattr(write, step), iter(range(1, 100))

    def failing(tx: ManagedTransaction, **arguments: Any) -> None:
        if next(calls) == call:
            raise UnpluggedError
        real(tx, **arguments)

    with patch.object(batches, "WRITE_ROWS", 5), patch.object(write, step, failing):
        yield


class DeafConnection(Connection):
    """Never hears that a transaction was committed, and so runs each again, as the driver does then."""

    def write(self, work: Work[Result]) -> Result:
        super().write(work)
        return super().write(work)
