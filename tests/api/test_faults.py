"""A mixed load while a tracker writes, and while Neo4j is killed and comes back.

Every answer is right or a clean refusal. A round in the suite; `make torture` runs many.
"""

import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.limits import Limits
from graph.connection import Connection
from graph.pixels import PixelStore
from graph.records import TrackingRecord
from graph.server import ManagedServer
from graph.server_process import ServerProcess
from graph.store import LineageStore
from graph.tokens import Scope
from ingest.errors import CellkinError
from tests import lineages
from tests.api.asking import DROPPED
from tests.api.jobs_service import until
from tests.api.load import LINEAGE, NAMES, Load, Question, file, graphql
from tests.api.service import app_of, listening, put
from tests.graph import faults
from tests.graph.faults import ROUNDS
from tests.graph.stored import wipe
from tests.graph.test_faults import kill

pytestmark = [pytest.mark.neo4j, pytest.mark.filterwarnings(DROPPED), pytest.mark.usefixtures("swept")]

CLIENTS = 8
GONE_S = 3.0
LIMITS = Limits(seconds=12.0, file_seconds=12.0)


class Tracker(threading.Thread):
    """Writes trackings one after the other, whatever happens; those that were acknowledged stay."""

    def __init__(self, store: LineageStore) -> None:
        super().__init__()
        self._store = store
        self.over = threading.Event()
        self.stored: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            try:
                self.stored.append(put(self._store, faults.colony(), author=f"tracker {number}").id)
            except CellkinError:
                time.sleep(0.3)


def questions(client: httpx2.Client, kept: TrackingRecord) -> list[Question]:
    """A lineage, a table and all trackings, with the answers that are right for ever."""
    body = {"query": LINEAGE, "variables": {"t": kept.id}}
    lineage = client.post("/graphql", json=body).json()["data"]
    table = client.get(f"/trackings/{kept.id}/timeseries.csv").content
    colony = faults.colony().graph
    of_kept, of_others = (kept.detections, kept.tracks), (len(colony.detections), len(colony.tracks))

    def all_whole(data: Any) -> bool:
        found = {t["id"]: t["counts"] for movie in data["movies"] for t in movie["trackings"]}
        return kept.id in found and all(
            (counts["detections"], counts["tracks"]) == (of_kept if one == kept.id else of_others)
            for one, counts in found.items()
        )

    return [
        graphql(LINEAGE, lambda data: data == lineage, t=kept.id),
        file(f"/trackings/{kept.id}/timeseries.csv", table),
        graphql(NAMES, all_whole),
    ]


def kill_and_revive(server: ManagedServer, client: httpx2.Client) -> None:
    before = server.address()
    kill(server)
    time.sleep(GONE_S)
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert server.start(timeout_s=900) == before


def assert_pool_is_whole(client: httpx2.Client, connection: Connection) -> None:
    assert connection.in_use == 0
    time.sleep(1.1)  # for so long, an answer of /readyz is remembered
    assert client.get("/readyz").status_code == 200
    answers = [client.post("/graphql", json={"query": NAMES}) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200}
    assert "cellkin_store_transactions 0.0" in client.get("/metrics").text


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_every_answer_is_right_or_a_clean_no(
    spare_server: ManagedServer, tmp_path: Path, round_: int
) -> None:
    login, pixels = faults.login(spare_server.start(timeout_s=900)), PixelStore(tmp_path / "pixels")
    with ExitStack() as stack:
        reading, writing = (stack.enter_context(Connection(login)) for _ in range(2))
        store = LineageStore(reading, pixels)
        wipe(reading)
        kept = put(store, lineages.generations())
        _, secret = store.tokens.create(Scope.READ, name="load")
        headers = {"authorization": f"Bearer {secret}"}
        address = stack.enter_context(listening(app_of(store, tmp_path, LIMITS, auth="required")))
        client = stack.enter_context(httpx2.Client(base_url=address, headers=headers, timeout=60))
        load, tracker = (
            Load(address, questions(client, kept), headers),
            Tracker(LineageStore(writing, pixels)),
        )
        load.start(CLIENTS)
        tracker.start()
        try:
            assert load.await_right(30, 60), load
            time.sleep(faults.moment(round_, 2.0))
            kill_and_revive(spare_server, client)
            assert load.await_right(60, 120), load
        finally:
            tracker.over.set()
            load.stop()
            tracker.join()
        assert load.wrong == []
        assert sum(load.refused.values()) > 0
        assert load.slowest < 20
        assert_pool_is_whole(client, reading)
        visible = {record.id for record in store.trackings([movie.id for movie in store.movies()])}
        assert set(tracker.stored) <= visible
        for movie in store.movies():
            store.delete_movie(movie.id)
    print(f"right {load.right}, refused {dict(load.refused)}, slowest {load.slowest:.1f} s")


def test_a_frozen_database_freezes_nobody_else(spare_server: ManagedServer, tmp_path: Path) -> None:
    address_of_store = spare_server.start(timeout_s=900)
    limits = Limits(seconds=1.5, at_once=6, waiting=4, patience=0.5)
    with Connection(faults.login(address_of_store)) as connection:
        store = LineageStore(connection, PixelStore(tmp_path / "pixels"))
        kept = put(store, lineages.generations())
        with listening(app_of(store, tmp_path, limits)) as address:
            load = Load(address, [graphql(LINEAGE, lambda data: data["tracking"] is not None, t=kept.id)])
            load.start(CLIENTS)
            server = ServerProcess.find(spare_server.home)
            assert server is not None
            try:
                assert load.await_right(20, 60), load
                server.process.suspend()
                time.sleep(6)
                frozen = Counter(load.refused)
                assert httpx2.get(f"{address}/readyz", timeout=20).status_code == 503
                assert httpx2.get(f"{address}/healthz", timeout=20).status_code == 200
                server.process.resume()
                assert load.await_right(40, 120), load
            finally:
                server.process.resume()
                load.stop()
            assert load.wrong == []
            assert frozen["TIME_LIMIT"] > 0
            assert frozen["TOO_BUSY"] > 0
            assert load.slowest < 15
        # those that were refused while it was frozen may be waiting to try again
        until(lambda: connection.in_use == 0, lambda: f"{connection.in_use} connections are kept")
        store.delete_movie(kept.movie_id)
    print(f"right {load.right}, refused {dict(load.refused)}, slowest {load.slowest:.1f} s")
