"""Backups, the doctor and links into Neo4j Browser, as a user calls for them."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from graph.connection import Connection
from graph.jars import default_cache
from graph.pixels import PixelStore
from graph.server import ManagedServer, ServerAddress
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put
from tests.graph import faults
from tests.graph.restored import assert_restored, fill, scored
from tests.graph.stored import wipe

pytestmark = pytest.mark.neo4j

Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def cellkin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Calls a command with --json, on a data folder of the test's own; its exit code and document."""
    monkeypatch.setenv("CELLKIN_DATA_FOLDER", str(tmp_path))

    def call(*arguments: object) -> tuple[int, Any]:
        monkeypatch.setattr(sys, "argv", ["cellkin", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), json.loads(out or err)

    return call


@pytest.fixture
def on_server(
    cellkin: Call, store: LineageStore, neo4j_server: ServerAddress, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """The same, on the session's Neo4j as one of the user's own."""
    monkeypatch.setenv("CELLKIN_NEO4J_URI", neo4j_server.uri)
    monkeypatch.setenv("CELLKIN_NEO4J_PASSWORD", neo4j_server.password)
    return cellkin


def test_a_database_of_ones_own_is_exported_and_restored(
    on_server: Call, store: LineageStore, tmp_path: Path
) -> None:
    before = fill(store)
    graphs, table = [store.tracking_graph(record.id) for record in before], scored(store, before)
    (score,) = store.scores([before[0].id])
    found = len(store.errors(score.id))
    code, manifest = on_server("backup", tmp_path / "backup")
    assert (code, manifest["kind"]) == (0, "export")
    assert manifest["trackings"] == {record.id: record.detections for record in before}
    assert on_server("backup", tmp_path / "backup")[0] == 3  # which is there
    for movie in store.movies():
        store.delete_movie(movie.id)
    code, restored = on_server("restore", tmp_path / "backup")
    assert (code, restored["trackings"]) == (0, manifest["trackings"])
    assert_restored(store, before, graphs, table)
    assert store.has_labels(before[0].id)
    assert scored(store, before) == table
    assert [one.created for one in store.scores([before[0].id])] == [score.created]
    assert len(store.errors(score.id)) == found > 0


def test_the_managed_server_is_dumped_and_restored_into_another_data_folder(
    cellkin: Call, spare_server: ManagedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CELLKIN_CACHE_FOLDER", str(default_cache()))
    monkeypatch.setenv("CELLKIN_DATA_FOLDER", str(spare_server.home.parent))
    monkeypatch.chdir(tmp_path)  # for a folder that is named relative to it
    with on_managed(spare_server) as store:
        wipe(store._connection)
        before = fill(store)
        graphs, table = [store.tracking_graph(record.id) for record in before], scored(store, before)
        code, manifest = cellkin("backup", "backup")
        assert (code, manifest["kind"]) == (0, "dump")
        assert manifest["trackings"] == {record.id: record.detections for record in before}
        assert spare_server.status().running  # as it was
        code, error = cellkin("restore", tmp_path / "backup")
        assert (code, error["error"]["code"]) == (5, "CONFLICT")
        assert "--replace" in error["error"]["remedy"]
    monkeypatch.setenv("CELLKIN_DATA_FOLDER", str(tmp_path / "new"))
    with monkeypatch.context() as patch:  # no server is started to see that a new folder is empty
        patch.setattr("api.keeping.require_empty", lambda *_: pytest.fail("looked"))
        assert cellkin("restore", "backup")[0] == 0
    assert cellkin("neo4j", "status")[1]["running"] is False
    assert (tmp_path / "new" / "neo4j" / "run" / "users").is_dir()
    server = ManagedServer(tmp_path / "new" / "neo4j", default_cache())
    try:
        with on_managed(server) as store:
            assert_restored(store, before, graphs, table)
            assert scored(store, before) == table
            monkeypatch.setattr("api.keeping.users", lambda _: [os.getppid()])
            code, error = cellkin("restore", tmp_path / "backup", "--replace")
            assert (code, error["error"]["code"]) == (5, "CONFLICT")
    finally:
        server.stop()


@contextmanager
def on_managed(server: ManagedServer) -> Iterator[LineageStore]:
    """The store of the managed server of a data folder, which runs from now on."""
    pixels = PixelStore(server.home.parent / "pixels")
    with LineageStore(Connection(faults.login(server.start())), pixels) as store:
        yield store


def test_the_doctor_finds_what_belongs_to_nothing_and_what_the_schema_lacks(
    on_server: Call, store: LineageStore, connection: Connection
) -> None:
    put(store, lineages.division())
    assert on_server("doctor")[0] == 0
    connection.write(lambda tx: tx.run("CREATE (:Detection {id: 7})-[:NEXT]->(:Detection {id: 9})").consume())
    connection.write(lambda tx: tx.run("DROP CONSTRAINT score_id").consume())
    code, document = on_server("doctor")
    bad = {finding["check"]: finding for finding in document["findings"] if not finding["ok"]}
    assert (code, set(bad)) == (1, {"schema", "orphans"})
    assert "score_id" in bad["schema"]["found"]
    assert bad["orphans"]["found"].endswith("+2 detections, +1 links")
    code, document = on_server("doctor", "--sweep")
    assert [finding["check"] for finding in document["findings"] if not finding["ok"]] == ["orphans"]


def test_links_into_neo4j_browser(on_server: Call, store: LineageStore, service: Service) -> None:
    record = put(store, lineages.generations())
    code, document = on_server("neo4j", "explore", record.id)
    assert (code, len(document["links"])) == (0, 8)
    assert Path(document["style"]).is_file()
    query = """query($t: ID!) { tracking(id: $t) {
      browserUrl provenance { device } tracks { nodes { browserUrl } } } }"""
    found = service.data(query, t=record.id)["tracking"]
    assert found["browserUrl"] == document["links"]["Divisions of this tracking"]
    assert found["provenance"] == {"device": None}
    links = {node["browserUrl"] for node in found["tracks"]["nodes"]}
    assert document["links"]["This lineage"] in links
    assert len(links) == 2
