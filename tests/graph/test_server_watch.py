"""A server that dies comes back where it was; one that was stopped stays stopped."""

import time
from pathlib import Path
from unittest.mock import patch

import pytest

from graph import server_watch
from graph.server import ManagedServer
from graph.server_config import PREFERRED, Ports, last_ports
from graph.server_process import ServerProcess
from graph.server_watch import kept_running
from ingest.errors import StoreError
from tests.graph.test_faults import kill

pytestmark = pytest.mark.neo4j


def until_noted(notes: list[str], text: str, seconds: float = 120.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not any(text in note for note in notes):
        time.sleep(0.1)
    return any(text in note for note in notes)


def test_a_killed_server_comes_back_where_it_was(
    spare_server: ManagedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_watch, "POLL_S", 0.2)
    monkeypatch.setattr(server_watch, "PAUSE_S", 0.2)
    notes = list[str]()
    before = spare_server.start()
    with kept_running(spare_server, notes.append):
        with patch.object(ManagedServer, "start", side_effect=StoreError("no Java")):
            kill(spare_server)
            assert until_noted(notes, "does not start: no Java")
        assert until_noted(notes, f"runs again at {before.uri}")
        assert spare_server.address() == before
        spare_server.stop()
        time.sleep(1.5)
        assert ServerProcess.find(spare_server.home) is None
        assert spare_server.was_stopped
    assert "another address" not in str(notes)


def test_the_ports_that_a_server_had_are_known(tmp_path: Path) -> None:
    assert last_ports(tmp_path) == PREFERRED
    (tmp_path / "conf").mkdir()
    conf = tmp_path / "conf" / "neo4j.conf"
    conf.write_text(
        "# mine\nserver.bolt.listen_address=127.0.0.1:7001\nserver.http.listen_address=127.0.0.1:7002\n"
    )
    assert last_ports(tmp_path) == Ports(bolt=7001, http=7002)
    conf.write_text("server.bolt.listen_address=:port\nserver.http.listen_address=127.0.0.1:7002\n")
    assert last_ports(tmp_path) == PREFERRED
