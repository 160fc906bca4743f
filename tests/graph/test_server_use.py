from pathlib import Path

import pytest

from graph.jars import default_cache
from graph.server import ManagedServer
from graph.server_use import keep_running, server_in_use

pytestmark = pytest.mark.neo4j


@pytest.fixture
def server(tmp_path: Path) -> ManagedServer:
    return ManagedServer(tmp_path / "home", default_cache())


def test_the_last_user_alive_stops_what_the_first_started(server: ManagedServer) -> None:
    with server_in_use(server) as first:
        with server_in_use(server) as second:
            assert second == first
        assert server.status().running
        died = server.home / "run" / "users" / "1-dead"
        died.write_text("12.5")
    assert not server.status().running
    assert not died.exists()


def test_a_server_that_was_asked_for_by_name_outlives_its_users(server: ManagedServer) -> None:
    try:
        with server_in_use(server):
            keep_running(server)
        assert server.status().running
        with server_in_use(server):
            pass
        assert server.status().running
    finally:
        server.stop()
