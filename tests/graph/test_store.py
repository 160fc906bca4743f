"""The store against a real Neo4j."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest
from neo4j import ManagedTransaction

from graph import lease, write
from graph.connection import Connection
from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.errors import ConflictError, InputError, LineageError, NotFoundError
from ingest.movie import LabelImages, Movie
from ingest.simulate import SimulationSettings, simulate
from ingest.tracking_graph import Detections, LinkKind, TrackingGraph
from tests import lineages
from tests.lineages import Drawing

pytestmark = pytest.mark.neo4j

HOSTILE = "x'}) DETACH DELETE n //`\\u0060 \N{SNOWMAN}"


def movie_of(drawing: Drawing, name: str = "a movie") -> Movie:
    return Movie.from_array(drawing.labels.astype(np.uint16), name=name, pixel_size=0.5, minutes_per_frame=10)


def with_features(graph: TrackingGraph, **features: Any) -> TrackingGraph:
    rng = np.random.default_rng(7)
    count = len(graph.detections)
    columns = {"area": rng.random(count) * 1e3, "odd": np.where(rng.random(count) < 0.3, np.nan, 1 / 3)}
    old = graph.detections
    detections = Detections(old.frame, old.label, old.y, old.x, columns | features)
    return TrackingGraph(detections, graph.links, graph.kind)


def put(
    store: LineageStore, drawing: Drawing, graph: TrackingGraph | None = None, **changes: Any
) -> TrackingRecord:
    arguments: dict[str, Any] = {
        "kind": TrackingKind.PREDICTED,
        "author": "lap",
        "version": "1",
        "parameters": {"reach": 4.0},
    }
    movie = store.add_movie(movie_of(drawing))
    labels = LabelImages.from_array(drawing.labels)
    return store.write_tracking(movie.id, graph or drawing.graph, labels, **arguments | changes)


def assert_equal(one: TrackingGraph, other: TrackingGraph) -> None:
    for name in ("frame", "label", "y", "x"):
        np.testing.assert_array_equal(getattr(one.detections, name), getattr(other.detections, name))
    assert list(one.detections.features) == list(other.detections.features)
    for name, column in one.detections.features.items():
        np.testing.assert_array_equal(column, other.detections.features[name])
    np.testing.assert_array_equal(one.links, other.links)
    np.testing.assert_array_equal(one.kind, other.kind)


def count(connection: Connection, what: str) -> int:
    """Number of nodes of a label; the labels are this test's own."""
    query = {"Detection": "MATCH (n:Detection) RETURN count(n)", "Track": "MATCH (n:Track) RETURN count(n)"}[
        what
    ]
    return connection.read(lambda tx: int(tx.run(query).single(strict=True).value()))


@pytest.mark.parametrize("drawing", lineages.RIGHT)
def test_a_tracking_reads_back_as_it_was_written(store: LineageStore, drawing: Callable[[], Drawing]) -> None:
    drawn = drawing()
    graph = with_features(drawn.graph)
    record = put(store, drawn, graph)
    assert_equal(store.tracking_graph(record.id), graph)
    assert (record.detections, record.tracks) == (len(graph.detections), len(graph.tracks))
    assert (record.links, record.divisions) == (len(graph.links), len(graph.divisions))
    labels = store.labels(record.id)
    assert all(np.array_equal(labels.frame(t), drawn.labels[t]) for t in range(len(drawn.labels)))


def test_a_movie_of_many_batches_reads_back(store: LineageStore, connection: Connection) -> None:
    frames, cells = 60, 450
    frame, label = np.repeat(np.arange(frames), cells), np.tile(np.arange(1, cells + 1), frames)
    rng = np.random.default_rng(3)
    detections = Detections(frame, label, rng.random(len(frame)), rng.random(len(frame)))
    later = np.arange(cells, len(frame))
    graph = TrackingGraph(detections, np.stack([later - cells, later], 1), np.zeros(len(later), np.uint8))
    movie = store.add_movie(Movie.from_array(np.zeros((frames, 4, 5), np.uint8), name="wide"))
    record = store.write_tracking(
        movie.id, graph, None, kind=TrackingKind.CURATED, author="a person", version="", parameters={}
    )
    assert_equal(store.tracking_graph(record.id), graph)
    assert count(connection, "Detection") == len(detections)
    with pytest.raises(NotFoundError, match="label images"):
        store.labels(record.id)


def test_a_simulated_movie_reads_back(store: LineageStore) -> None:
    made = simulate(SimulationSettings(frames=12), seed=5)
    movie = store.add_movie(made.movie)
    record = store.write_tracking(
        movie.id,
        made.graph,
        made.labels,
        kind=TrackingKind.GROUND_TRUTH,
        author="simulation",
        version="1",
        parameters={"seed": 5},
    )
    assert_equal(store.tracking_graph(record.id), made.graph)
    assert store.trackings([movie.id]) == [record]


def test_the_same_is_found_and_not_doubled(store: LineageStore, connection: Connection) -> None:
    drawn = lineages.generations()
    first, again = put(store, drawn), put(store, drawn)
    assert again == first
    assert count(connection, "Detection") == len(drawn.graph.detections)
    assert len(store.movies()) == 1


@pytest.mark.parametrize(
    "change",
    [{"author": "other"}, {"version": "2"}, {"parameters": {"reach": 5.0}}, {"kind": TrackingKind.CURATED}],
)
def test_what_was_made_in_another_way_is_another_tracking(
    store: LineageStore, change: dict[str, Any]
) -> None:
    drawn = lineages.division()
    assert put(store, drawn).id != put(store, drawn, **change).id


def test_hostile_names_are_only_names(store: LineageStore) -> None:
    drawn = lineages.division()
    graph = with_features(drawn.graph, **{HOSTILE: np.arange(len(drawn.graph.detections)) / 7})
    movie = store.add_movie(movie_of(drawn, name=HOSTILE))
    record = put(store, drawn, graph, author=HOSTILE, version=HOSTILE, parameters={HOSTILE: HOSTILE})
    assert store.movie(movie.id).name == HOSTILE
    assert (record.author, record.parameters) == (HOSTILE, {HOSTILE: HOSTILE})
    assert_equal(store.tracking_graph(record.id), graph)
    tracks = [track.id for track in store.tracks(record.id)]
    series = store.time_series(tracks)
    assert sorted(series.features[HOSTILE]) == sorted(graph.detections.features[HOSTILE])


def test_a_calibration_that_was_unknown_is_learnt(store: LineageStore) -> None:
    frames = np.ones((3, 5, 6), np.uint8)
    store.add_movie(Movie.from_array(frames, name="m"))
    known = store.add_movie(Movie.from_array(frames, name="renamed", pixel_size=0.3))
    assert (known.name, known.pixel_size, known.minutes_per_frame) == ("m", 0.3, None)


@pytest.mark.parametrize(
    "ask", ["movie", "tracking", "tracking_graph", "labels", "tracks", "delete_tracking"]
)
def test_an_unknown_id_is_not_found(store: LineageStore, ask: str) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        getattr(store, ask)("nowhere")


def test_unknown_tracks_have_no_lineage_and_no_detections(store: LineageStore) -> None:
    put(store, lineages.division())
    assert store.lineages([12345]) == []
    assert len(store.time_series([12345])) == 0
    assert store.tracks_by_id([12345]) == {}


@pytest.mark.parametrize("drawing", lineages.RIGHT)
def test_a_lineage_is_what_descends_from_its_founder(
    store: LineageStore, drawing: Callable[[], Drawing]
) -> None:
    graph = drawing().graph
    record = put(store, drawing())
    tracks = graph.tracks
    found = store.lineages([record.first_id + row for row in range(len(tracks))])
    assert [lineage.founder - record.first_id for lineage in found] == np.unique(tracks.founder).tolist()
    for lineage in found:
        rows = np.flatnonzero(tracks.founder == lineage.founder - record.first_id)
        assert [track.id - record.first_id for track in lineage.tracks] == rows.tolist()
        for track, row in zip(lineage.tracks, rows, strict=True):
            parent = -1 if track.parent is None else track.parent - record.first_id
            assert (track.begin, track.end, parent) == (
                tracks.begin[row],
                tracks.end[row],
                tracks.parent[row],
            )
            assert track.generation == tracks.generation[row]
            daughters = [daughter - record.first_id for daughter in track.daughters]
            assert daughters == np.flatnonzero(tracks.parent == row).tolist()
            own = np.flatnonzero(tracks.of_detection == row)
            series = lineage.detections.of_track(track.id)
            np.testing.assert_array_equal(series.frame, graph.detections.frame[own])
            np.testing.assert_array_equal(series.id - record.first_id, own)


def test_tracks_are_paged_and_filtered(store: LineageStore) -> None:
    drawn = lineages.generations()
    record = put(store, drawn)
    everything = store.tracks(record.id)
    pages, after = [], None
    while page := store.tracks(record.id, first=2, after=after):
        pages += page
        after = page[-1].id
    assert pages == everything
    assert [track.label for track in everything] == [1, 2, 3, 7, 4, 5]
    assert [track.label for track in store.tracks(record.id, divides=True)] == [1, 2]
    assert [track.label for track in store.tracks(record.id, founders=True)] == [1, 7]
    assert [track.label for track in store.tracks(record.id, min_frames=4)] == [3, 7, 4]
    assert [track.begin for track in store.tracks(record.id, label=5)] == [4]


def test_one_score_a_pair(store: LineageStore) -> None:
    drawn = lineages.division()
    one, other = put(store, drawn), put(store, drawn, author="other")
    store.write_score(one.id, other.id, {"TRA": 0.5, "operations": {"NS": 1}})
    score = store.write_score(one.id, other.id, {"TRA": None, "AOGM": 2.5, "operations": {"NS": 2}})
    assert score.table == {"TRA": None, "AOGM": 2.5, "operations": {"NS": 2}}
    assert store.scores([one.id]) == store.scores([other.id]) == [score]


def test_trackings_of_two_movies_have_no_score(store: LineageStore) -> None:
    one, other = put(store, lineages.division()), put(store, lineages.gap())
    with pytest.raises(InputError, match="two movies"):
        store.write_score(one.id, other.id, {"TRA": 1.0})


def test_what_is_deleted_is_gone(store: LineageStore, connection: Connection) -> None:
    one, other = put(store, lineages.generations()), put(store, lineages.division())
    store.delete_tracking(one.id)
    with pytest.raises(NotFoundError):
        store.tracking(one.id)
    assert count(connection, "Detection") == other.detections
    store.delete_movie(other.movie_id)
    assert (count(connection, "Detection"), count(connection, "Track")) == (0, 0)
    assert [movie.id for movie in store.movies()] == [one.movie_id]


@pytest.mark.parametrize("drawing", lineages.INVALID)
def test_what_is_no_lineage_is_refused_before_anything_is_stored(
    store: LineageStore, connection: Connection, drawing: Callable[[], Drawing]
) -> None:
    with pytest.raises(LineageError):
        put(store, drawing())
    assert count(connection, "Detection") == 0


def test_label_images_of_another_movie_are_refused(store: LineageStore) -> None:
    drawn = lineages.division()
    movie = store.add_movie(movie_of(drawn))
    for labels in (LabelImages.from_array(drawn.labels[:-1]), LabelImages.from_array(drawn.labels[:, :-1])):
        with pytest.raises(InputError):
            store.write_tracking(
                movie.id, drawn.graph, labels, kind=TrackingKind.CURATED, author="", version="", parameters={}
            )
    assert store.trackings([movie.id]) == []


class UnpluggedError(Exception):
    """The writer's power fails."""


def unplug_at(monkeypatch: pytest.MonkeyPatch, step: str, call: int) -> None:
    """Let a writer fail when it comes to this step for the `call`th time."""
    real, calls = getattr(write, step), iter(range(1, 100))

    def failing(tx: ManagedTransaction, **arguments: Any) -> None:
        if next(calls) == call:
            raise UnpluggedError
        real(tx, **arguments)

    monkeypatch.setattr(write, "BATCH_ROWS", 5)
    monkeypatch.setattr(write, step, failing)


@pytest.mark.parametrize(
    ("step", "call"), [("create_tracks", 1), ("create_tracks", 3), ("create_divisions", 1), ("show", 1)]
)
def test_nothing_half_written_is_seen_and_a_rerun_gives_all(
    store: LineageStore, monkeypatch: pytest.MonkeyPatch, step: str, call: int
) -> None:
    drawn = lineages.generations()
    with monkeypatch.context() as patched:
        unplug_at(patched, step, call)
        with pytest.raises(UnpluggedError):
            put(store, drawn)
    (movie,) = store.movies()
    assert store.trackings([movie.id]) == []
    assert store.tracks_by_id([1 << 32]) == {}
    assert len(store.abandoned()) == 1
    record = put(store, drawn)
    assert_equal(store.tracking_graph(record.id), drawn.graph)
    assert store.abandoned() == []


def test_what_a_dead_writer_left_is_swept(
    store: LineageStore, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        unplug_at(patched, "create_tracks", 2)
        with pytest.raises(UnpluggedError):
            put(store, lineages.generations())
    assert count(connection, "Detection") > 0
    (left,) = store.abandoned()
    assert store.sweep() == [left]
    assert (count(connection, "Detection"), count(connection, "Track")) == (0, 0)


def test_a_writer_that_lost_its_lease_writes_nothing(
    store: LineageStore, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = write.create_tracks

    def overtaken(tx: ManagedTransaction, **arguments: Any) -> None:
        tx.run("MATCH (t:Tracking) SET t.writer = 'another'").consume()
        real(tx, **arguments)

    monkeypatch.setattr(write, "create_tracks", overtaken)
    with pytest.raises(ConflictError, match="taken for dead"):
        put(store, lineages.generations())
    assert count(connection, "Detection") == 0


def test_a_second_writer_of_the_same_is_told_so(store: LineageStore, connection: Connection) -> None:
    drawn = lineages.generations()
    movie = store.add_movie(movie_of(drawn))
    record = put(store, drawn)
    store.delete_tracking(record.id)
    properties = {"detections": 1, "tracks": 1}
    connection.write(lambda tx: lease.claim(tx, record.id, movie.id, lease.new_writer(), properties))
    with pytest.raises(ConflictError, match="another writer"):
        put(store, drawn)


def test_writers_at_once_store_one(store: LineageStore, connection: Connection) -> None:
    drawn, gate, ended = lineages.generations(), Barrier(4), []

    def writing() -> None:
        gate.wait()
        try:
            ended.append(put(store, drawn).id)
        except ConflictError:
            ended.append("conflict")

    threads = [Thread(target=writing) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ended) - {"conflict"}) == 1
    assert count(connection, "Detection") == len(drawn.graph.detections)


@pytest.mark.parametrize("name", ["id", "frame", "y", ""])
def test_a_feature_may_not_take_the_name_of_what_every_detection_has(store: LineageStore, name: str) -> None:
    drawn = lineages.division()
    graph = with_features(drawn.graph, **{name: np.zeros(len(drawn.graph.detections))})
    with pytest.raises(InputError, match="feature"):
        put(store, drawn, graph)


def test_every_link_is_an_edge_of_its_kind(store: LineageStore, connection: Connection) -> None:
    drawn = lineages.gap()
    put(store, drawn)
    query = "MATCH (:Detection)-[l:NEXT|GAP|DIVISION]->(:Detection) RETURN type(l) AS kind, count(l) AS n"
    found = connection.read(lambda tx: {r["kind"]: r["n"] for r in tx.run(query)})
    kinds, counts = np.unique(drawn.graph.kind, return_counts=True)
    assert found == {LinkKind(kind).name: n for kind, n in zip(kinds, counts, strict=True)}
