"""After any fault: nothing half visible, nothing acknowledged lost, and a rerun ends as if nothing had been.

A round of each in the suite; `make torture` runs many.
"""

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import pytest

from graph import batches, server_config
from graph.connection import Connection, Credentials
from graph.jars import default_cache
from graph.pixels import PixelStore
from graph.server import ManagedServer, ServerAddress
from graph.server_process import ServerProcess
from graph.store import LineageStore
from ingest.errors import CellkinError, ConflictError, StoreError
from tests import lineages
from tests.graph import faults
from tests.graph.faults import ROUNDS, Proxy, WriterProcess
from tests.graph.stored import assert_equal, parallel_tracks, put, put_alone

pytestmark = pytest.mark.neo4j

COLONY = faults.colony()
DISK_MB = 700
SMALL_LOG = {"db.tx_log.rotation.size": "1M", "db.tx_log.rotation.retention_policy": "4M size"}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "WRITE_ROWS", faults.WRITE_ROWS)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own, where the system lets us mount one; else a folder."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def victim(disk: Path) -> Iterator[ManagedServer]:
    """A server that may be killed; what it has allocated for its log is soon full."""
    usual = server_config._settings
    server = ManagedServer(disk / "neo4j", default_cache())
    with patch.object(server_config, "_settings", lambda ports: {**usual(ports), **SMALL_LOG}):
        try:
            yield server
        finally:
            server.stop()


def assert_rerun_gives_all(store: LineageStore, connection: Connection) -> None:
    record = put(store, COLONY)
    assert_equal(store.tracking_graph(record.id), COLONY.graph)
    faults.assert_nothing_else(store, connection, COLONY.graph)
    labels = store.labels(record.id)
    assert all((labels.frame(t) == COLONY.labels[t]).all() for t in range(len(labels)))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_writer_killed_at_any_moment(
    store: LineageStore, connection: Connection, neo4j_server: ServerAddress, tmp_path: Path, round_: int
) -> None:
    begun = time.perf_counter()
    record = put(store, COLONY)
    length = time.perf_counter() - begun
    store.delete_tracking(record.id)
    writer = WriterProcess(neo4j_server, tmp_path / "pixels")
    writer.await_start()
    time.sleep(faults.moment(round_, length))
    writer.kill()
    stored = writer.end() == "stored"
    visible = faults.assert_whole_or_nothing(store, COLONY.graph)
    assert visible or not stored
    assert_rerun_gives_all(store, connection)


@pytest.mark.parametrize("when", ["before commit", "after commit"])
def test_a_writer_that_dies_around_its_last_commit(
    store: LineageStore, connection: Connection, neo4j_server: ServerAddress, tmp_path: Path, when: str
) -> None:
    assert WriterProcess(neo4j_server, tmp_path / "pixels", when).end() == "writing"
    visible = faults.assert_whole_or_nothing(store, COLONY.graph)
    assert len(visible) == (when == "after commit")
    assert_rerun_gives_all(store, connection)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_two_writers_in_two_processes(
    store: LineageStore, connection: Connection, neo4j_server: ServerAddress, tmp_path: Path, round_: int
) -> None:
    writers = [WriterProcess(neo4j_server, tmp_path / "pixels") for _ in range(2)]
    ended = [writer.end() for writer in writers]
    assert "stored" in ended, round_
    assert set(ended) <= {"stored", "conflict"}
    assert len(faults.assert_whole_or_nothing(store, COLONY.graph)) == 1
    assert_rerun_gives_all(store, connection)


@pytest.mark.parametrize("stays_cut", [False, True])
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_connection_that_is_cut(
    store: LineageStore,
    connection: Connection,
    neo4j_server: ServerAddress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    round_: int,
    stays_cut: bool,
) -> None:
    monkeypatch.setattr("graph.connection.RETRY_S", 2.0 if stays_cut else 60.0)
    with Proxy(neo4j_server).running() as whole, through(whole, connection) as uncut:
        record = put(LineageStore(uncut, PixelStore(tmp_path / "pixels")), COLONY)
    store.delete_tracking(record.id)
    at = random.Random(round_).randrange(2_000, whole.passed)  # noqa: S311 - no secret
    with Proxy(neo4j_server, cut_at=at, stays_cut=stays_cut).running() as proxy:
        stored = False
        with suppress(*[StoreError] if stays_cut else []), through(proxy, connection) as cut:
            put(LineageStore(cut, PixelStore(tmp_path / "pixels")), COLONY)
            stored = True
        assert proxy.cut_at is None
    visible = faults.assert_whole_or_nothing(store, COLONY.graph)
    assert visible or not stored
    assert_rerun_gives_all(store, connection)


def through(proxy: Proxy, connection: Connection) -> Connection:
    login = connection.credentials
    return Connection(Credentials(proxy.uri, login.user, login.password))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_transactions_that_run_out_of_time(
    store: LineageStore, connection: Connection, tmp_path: Path, round_: int
) -> None:
    stored = 0
    for attempt in range(10):
        timeout_s = 0.002 * 2**attempt * (1 + faults.moment(round_, 1.0))
        with suppress(CellkinError), Connection(connection.credentials, timeout_s=timeout_s) as hasty:
            put(LineageStore(hasty, PixelStore(tmp_path / "pixels")), COLONY)
            stored += 1
        assert len(faults.assert_whole_or_nothing(store, COLONY.graph)) >= bool(stored)
    assert_rerun_gives_all(store, connection)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_server_killed_at_any_moment(
    victim: ManagedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, round_: int
) -> None:
    monkeypatch.setattr("graph.connection.RETRY_S", 1.0)
    pixels, keeper = PixelStore(tmp_path / "pixels"), lineages.generations()
    with LineageStore(Connection(faults.login(victim.start(timeout_s=900))), pixels) as store:
        kept = put(store, keeper)
        begun = time.perf_counter()
        store.delete_tracking(put(store, COLONY).id)
        length = time.perf_counter() - begun
        ended: list[str] = []
        writer = Thread(target=writing, args=(store, ended))
        writer.start()
        time.sleep(faults.moment(round_, length))
        kill(victim)
        writer.join()
    with Connection(faults.login(victim.start(timeout_s=900))) as connection:
        store = LineageStore(connection, pixels)
        assert_equal(store.tracking_graph(kept.id), keeper.graph)
        store.delete_movie(kept.movie_id)
        visible = faults.assert_whole_or_nothing(store, COLONY.graph)
        assert visible or ended == ["failed"]
        assert_rerun_gives_all(store, connection)
        for movie in store.movies():
            store.delete_movie(movie.id)


def test_a_full_disk(victim: ManagedServer, disk: Path, tmp_path: Path) -> None:
    if not disk.is_mount():
        pytest.skip("this system lets us mount no disk of our own")
    keeper, pixels = lineages.generations(), PixelStore(tmp_path / "pixels")
    with LineageStore(Connection(faults.login(victim.start(timeout_s=900))), pixels) as store:
        kept = put(store, keeper)
        with large_batches(), faults.full_disk(disk), pytest.raises(CellkinError) as caught:
            fill_the_disk(store)
    assert "disk" in caught.value.remedy
    kill(victim)
    with Connection(faults.login(victim.start(timeout_s=900))) as connection:
        store = LineageStore(connection, pixels)
        assert_equal(store.tracking_graph(kept.id), keeper.graph)
        with large_batches():
            for movie in store.movies():
                store.delete_movie(movie.id)
            store.sweep()
        assert_rerun_gives_all(store, connection)


def fill_the_disk(store: LineageStore) -> None:
    for cells in range(450, 470):  # what has been allocated already may still be filled
        put_alone(store, parallel_tracks(frames=60, cells=cells), frames=60)


def large_batches() -> AbstractContextManager[object]:
    """What fills a disk would take minutes to write, and to remove, in small ones."""
    return patch.object(batches, "WRITE_ROWS", 5_000)


def test_label_images_on_a_full_disk(store: LineageStore, connection: Connection, disk: Path) -> None:
    if not disk.is_mount():
        pytest.skip("this system lets us mount no disk of our own")
    full = LineageStore(connection, PixelStore(disk / "pixels"))
    with faults.full_disk(disk), pytest.raises(StoreError, match="label images cannot be written"):
        put(full, COLONY)
    assert faults.assert_whole_or_nothing(store, COLONY.graph) == []
    assert_rerun_gives_all(full, connection)


def writing(store: LineageStore, ended: list[str]) -> None:
    try:
        put(store, COLONY)
        ended.append("stored")
    except (StoreError, ConflictError):
        ended.append("failed")


def kill(server: ManagedServer) -> None:
    process = ServerProcess.find(server.home)
    assert process is not None
    process.process.kill()
    process.stop(grace_s=1.0)
