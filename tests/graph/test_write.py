"""A tracking is there whole or not at all, whatever happens to who writes it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest
from neo4j import ManagedTransaction

from graph import batches, lease, write
from graph.batches import Batch, TrackRows
from graph.connection import Connection
from graph.pixels import PixelStore
from graph.server import ServerAddress
from graph.store import LineageStore
from ingest.errors import ConflictError, InputError, LineageError, NotFoundError, StoreError
from ingest.movie import LabelImages
from tests import lineages
from tests.graph.stored import (
    DeafConnection,
    UnpluggedError,
    assert_equal,
    count,
    movie_of,
    parallel_tracks,
    put,
    put_alone,
    rows,
    unplugged_at,
    with_features,
    with_probability,
)
from tests.lineages import Drawing

pytestmark = pytest.mark.neo4j

CLAIMED = {"detections": 1, "tracks": 1, "author": "lap"}
STEPS = [("create_tracks", 1), ("create_tracks", 3), ("create_divisions", 1), ("show", 1)]


def test_batches_end_between_tracks_and_hold_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "WRITE_ROWS", 7)
    table = TrackRows(parallel_tracks(frames=3, cells=5), number=2)
    bounds = [(slice(0, 2), 0, 6), (slice(2, 4), 6, 12), (slice(4, 5), 12, 15)]
    assert list(table.batches()) == [Batch(*bound) for bound in bounds]
    columns = table.columns(Batch(slice(2, 4), 6, 12))
    assert columns["start"] == [0, 3, 6]
    assert [i - (2 << 32) for i in columns["id"]] == [2, 7, 12, 3, 8, 13]
    assert columns["name"] == ["3 · frames 0–2", "4 · frames 0–2"]


def test_a_track_longer_than_a_batch_is_written_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "WRITE_ROWS", 3)
    table = TrackRows(parallel_tracks(frames=7, cells=2), number=1)
    first, second = slice(0, 1), slice(1, 2)
    assert list(table.batches()) == [
        Batch(first, 0, 3),
        Batch(first, 3, 6, continues=True),
        Batch(first, 6, 7, continues=True),
        Batch(second, 7, 10),
        Batch(second, 10, 13, continues=True),
        Batch(second, 13, 14, continues=True),
    ]
    columns = table.columns(Batch(second, 10, 13, continues=True))
    assert (columns["start"], columns["earlier"] - (1 << 32)) == ([0, 3], 5)
    assert [i - (1 << 32) for i in columns["id"]] == [7, 9, 11]


@pytest.mark.neo4j
@pytest.mark.parametrize("batch_rows", [1, 2, 3])
@pytest.mark.parametrize("drawing", [lineages.gap, lineages.generations, lineages.one_daughter_seen])
def test_tracks_in_pieces_read_back(
    store: LineageStore, monkeypatch: pytest.MonkeyPatch, drawing: Callable[[], Drawing], batch_rows: int
) -> None:
    monkeypatch.setattr(batches, "WRITE_ROWS", batch_rows)
    graph = with_features(drawing().graph)
    assert_equal(store.tracking_graph(put(store, drawing(), graph).id), graph)


def test_the_probability_of_a_link_stands_on_its_edge(
    store: LineageStore, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "WRITE_ROWS", 2)
    drawn = lineages.gap()
    plain = drawn.graph
    probability = np.linspace(0.25, 0.75, len(plain.links))
    probability[1] = np.nan
    graph = with_probability(plain, probability)
    record = put(store, drawn, graph)
    assert record.id == put(store, drawn).id
    query = """
    MATCH (a:Detection)-[l]->(b:Detection) WHERE l.probability IS NOT NULL
    RETURN a.id, b.id, l.probability ORDER BY b.id
    """
    found = connection.read(lambda tx: [edge.values() for edge in tx.run(query)])
    expected = [
        [*(plain.links[row] + record.first_id).tolist(), probability[row]]
        for row in np.flatnonzero(~np.isnan(probability))
    ]
    assert found == expected
    assert_equal(store.tracking_graph(record.id), graph)


@pytest.mark.parametrize(("step", "call"), STEPS)
def test_nothing_half_written_is_seen_and_a_rerun_gives_all(
    store: LineageStore, connection: Connection, step: str, call: int
) -> None:
    drawn = lineages.generations()
    with unplugged_at(step, call), pytest.raises(UnpluggedError):
        put(store, drawn)
    (movie,) = store.movies()
    assert store.trackings([movie.id]) == []
    assert store.tracks_by_id([1 << 32]) == {}
    assert store.lineages([1 << 32]) == []
    assert len(store.time_series([1 << 32])) == 0
    assert len(store.abandoned()) == 1
    record = put(store, drawn)
    assert_equal(store.tracking_graph(record.id), drawn.graph)
    assert rows(connection) == (len(drawn.graph.detections), len(drawn.graph.tracks))
    assert store.abandoned() == []


@pytest.mark.parametrize("when", ["Storing label images", "Writing tracks"])
def test_a_killed_writer_leaves_nothing_to_see_and_is_not_waited_for(
    store: LineageStore, connection: Connection, neo4j_server: ServerAddress, tmp_path: Path, when: str
) -> None:
    login = {
        "TEST_URI": neo4j_server.uri,
        "TEST_USER": neo4j_server.user,
        "TEST_PASSWORD": neo4j_server.password,
    }
    pixels = tmp_path / "pixels"
    command = [sys.executable, "-m", "tests.graph.dying_writer", str(pixels), when]
    died = subprocess.run(command, env=os.environ | login, check=False)
    assert died.returncode == -9
    (movie,) = store.movies()
    assert store.trackings([movie.id]) == []
    assert (count(connection, "Detection") > 0) == (when == "Writing tracks")
    drawn = lineages.generations()
    record = put(store, drawn)
    assert_equal(store.tracking_graph(record.id), drawn.graph)
    assert rows(connection) == (len(drawn.graph.detections), len(drawn.graph.tracks))
    store.sweep()
    assert [path.name for path in pixels.iterdir()] == [f"{record.id}.zarr"]


def test_what_a_dead_writer_left_is_swept(store: LineageStore, connection: Connection) -> None:
    kept = put(store, lineages.division())
    before = rows(connection)
    with unplugged_at("create_tracks", 2), pytest.raises(UnpluggedError):
        put(store, lineages.generations())
    assert rows(connection) > before
    (left,) = store.abandoned()
    assert store.sweep() == [left]
    assert rows(connection) == before
    assert not store.has_labels(left)
    assert store.has_labels(kept.id)
    assert store.sweep() == []


def test_a_removal_that_was_cut_short_is_finished_by_a_sweep(
    store: LineageStore, connection: Connection
) -> None:
    record = put(store, lineages.generations())
    with unplugged_at("delete_rows", 3), pytest.raises(UnpluggedError):
        store.delete_tracking(record.id)
    with pytest.raises(NotFoundError):
        store.tracking(record.id)
    assert store.sweep() == [record.id]
    assert (*rows(connection), count(connection, "Tracking")) == (0, 0, 0)


def test_the_living_are_not_swept(store: LineageStore, connection: Connection) -> None:
    movie = store.add_movie(movie_of(lineages.division()))
    alive = lease.new_writer()
    connection.write(lambda tx: lease.claim(tx, "t1", movie.id, alive, CLAIMED))
    assert store.sweep() == []
    with pytest.raises(ConflictError, match="another writer"):
        store.delete_movie(movie.id)


@pytest.mark.parametrize(
    ("writer", "lease_ms", "dead"),
    [
        ('["another-machine", 1, 0.0, "x"]', 60_000, False),
        ('["another-machine", 1, 0.0, "x"]', -1, True),
        (None, -1, True),
    ],
)
def test_a_writer_elsewhere_lives_as_long_as_its_lease(
    store: LineageStore,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    writer: str | None,
    lease_ms: int,
    dead: bool,
) -> None:
    monkeypatch.setattr(lease, "LEASE_MS", lease_ms)
    movie = store.add_movie(movie_of(lineages.division()))
    token, properties = writer or lease.new_writer(), CLAIMED
    connection.write(lambda tx: lease.claim(tx, "t1", movie.id, token, properties))
    assert (store.abandoned() == ["t1"]) == dead


def test_a_process_that_has_anothers_number_is_not_the_writer(
    store: LineageStore, connection: Connection
) -> None:
    movie = store.add_movie(movie_of(lineages.division()))
    host, pid, started, nonce = json.loads(lease.new_writer())
    former = json.dumps([host, pid, started - 3600, nonce])
    connection.write(lambda tx: lease.claim(tx, "t1", movie.id, former, CLAIMED))
    assert store.abandoned() == ["t1"]


@pytest.mark.parametrize("step", ["create_tracks", "create_divisions", "show"])
def test_a_writer_that_lost_its_lease_writes_nothing_more(
    store: LineageStore, connection: Connection, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real, before = getattr(write, step), []

    def overtaken(tx: ManagedTransaction, **arguments: Any) -> None:
        connection.write(lambda tx: tx.run("MATCH (t:Tracking) SET t.writer = 'another'").consume())
        before.append(rows(connection))
        real(tx, **arguments)

    monkeypatch.setattr(write, step, overtaken)
    with pytest.raises(ConflictError, match="taken for dead"):
        put(store, lineages.generations())
    assert [rows(connection)] == before
    (movie,) = store.movies()
    assert store.trackings([movie.id]) == []


def test_an_overtaken_removal_leaves_the_tracking(store: LineageStore, connection: Connection) -> None:
    record = put(store, lineages.division())
    held = lease.Claim(record.number, "a former writer")
    connection.write(lambda tx: write.delete_tracking(tx, held))
    assert store.tracking(record.id) == record


def test_transactions_that_run_twice_do_nothing_twice(
    store: LineageStore, connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(batches, "WRITE_ROWS", 5)
    drawn = lineages.generations()
    with DeafConnection(connection.credentials) as deaf:
        twice = LineageStore(deaf, PixelStore(tmp_path / "pixels"))
        record = put(twice, drawn)
        assert_equal(store.tracking_graph(record.id), drawn.graph)
        assert rows(connection) == (len(drawn.graph.detections), len(drawn.graph.tracks))
        twice.write_score(record.id, record.id, {"TRA": 1.0})
        assert len(store.scores([record.id])) == 1
        twice.delete_movie(record.movie_id)
    labels = ("Movie", "Tracking", "Track", "Detection", "Score")
    assert [count(connection, label) for label in labels] == [0, 0, 0, 0, 0]


def test_a_tracking_is_not_shown_unless_all_of_it_is_there(
    store: LineageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "create_divisions", lambda *_, **__: None)
    with pytest.raises(StoreError, match="5 links were written, 7 were meant"):
        put(store, lineages.division())
    (movie,) = store.movies()
    assert store.trackings([movie.id]) == []


def test_a_second_writer_of_the_same_is_told_so(store: LineageStore, connection: Connection) -> None:
    drawn = lineages.generations()
    record = put(store, drawn)
    store.delete_tracking(record.id)
    claim = partial(lease.claim, writer=lease.new_writer(), properties=CLAIMED)
    connection.write(lambda tx: claim(tx, record.id, record.movie_id))
    with pytest.raises(ConflictError, match="another writer"):
        put(store, drawn)


def test_one_writer_a_movie_and_author(store: LineageStore, connection: Connection) -> None:
    drawn = lineages.generations()
    movie = store.add_movie(movie_of(drawn))
    alive = lease.new_writer()
    claim = partial(lease.claim, movie_id=movie.id, writer=alive, properties=CLAIMED)
    connection.write(lambda tx: claim(tx, "t1"))
    with pytest.raises(ConflictError, match=rf"process {os.getpid()} on .* by 'lap'"):
        put(store, drawn)
    put(store, drawn, author="another")
    connection.write(lambda tx: lease.let_go(tx, lease.Claim(1, alive)))
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
    assert len(ended) == 4
    assert len(set(ended) - {"conflict"}) == 1
    assert rows(connection) == (len(drawn.graph.detections), len(drawn.graph.tracks))


@pytest.mark.parametrize("drawing", lineages.INVALID)
def test_what_is_no_lineage_is_refused_before_anything_is_stored(
    store: LineageStore, connection: Connection, drawing: Callable[[], Drawing], tmp_path: Path
) -> None:
    with pytest.raises(LineageError):
        put(store, drawing())
    assert count(connection, "Tracking") == 0
    assert list((tmp_path / "pixels").glob("*")) == []


def test_label_images_of_another_movie_are_refused(store: LineageStore, connection: Connection) -> None:
    drawn = lineages.division()
    for labels in (drawn.labels[:-1], drawn.labels[:, :-1], drawn.labels[:, :, 1:]):
        with pytest.raises(InputError, match="label images"):
            put(store, drawn, labels=LabelImages.from_array(labels))
    assert count(connection, "Tracking") == 0


def test_a_label_image_that_cannot_be_read_stores_nothing(
    store: LineageStore, connection: Connection, tmp_path: Path
) -> None:
    drawn = lineages.division()

    def read(t: int) -> Any:
        if t == 4:
            raise InputError("truncated", place="mask004.tif")
        return drawn.labels[t]

    with pytest.raises(InputError, match="truncated"):
        put(store, drawn, labels=LabelImages(drawn.labels.shape, read))
    assert count(connection, "Tracking") == 0
    assert list((tmp_path / "pixels").iterdir()) == []


def test_after_a_removal_that_was_cut_short_the_same_tracking_has_all_its_label_images(
    store: LineageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = lineages.division()
    tracking = put(store, drawn)

    def cut_short(folder: Path, **_: Any) -> None:
        next(path for path in sorted(folder.rglob("*")) if path.is_file()).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("graph.pixels.shutil.rmtree", cut_short)
        with pytest.raises(KeyboardInterrupt):
            store.delete_tracking(tracking.id)
    assert put(store, drawn).id == tracking.id
    np.testing.assert_array_equal(np.stack(list(store.labels(tracking.id))), drawn.labels)


def test_a_tracking_longer_than_its_movie_is_refused(store: LineageStore) -> None:
    with pytest.raises(InputError, match="detections up to frame 3 of a movie of 2 frames"):
        put_alone(store, parallel_tracks(frames=4, cells=1), frames=2)


@pytest.mark.parametrize("name", ["id", "frame", "y", ""])
def test_a_feature_may_not_take_the_name_of_what_every_detection_has(store: LineageStore, name: str) -> None:
    drawn = lineages.division()
    graph = with_features(drawn.graph, **{name: np.zeros(len(drawn.graph.detections))})
    with pytest.raises(InputError, match="feature"):
        put(store, drawn, graph)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, np.int64(3)])
def test_parameters_that_json_has_no_form_for_are_refused(store: LineageStore, value: object) -> None:
    with pytest.raises(InputError, match="parameters"):
        put(store, lineages.division(), parameters={"reach": value})
