import pytest

from graph.server import ManagedServer
from graph.server_use import keep_running, server_in_use

pytestmark = pytest.mark.neo4j


def test_the_last_user_alive_stops_what_the_first_started(spare_server: ManagedServer) -> None:
    spare_server.stop()
    with server_in_use(spare_server) as first:
        with server_in_use(spare_server) as second:
            assert second == first
        assert spare_server.status().running
        died = spare_server.home / "run" / "users" / "1-dead"
        died.write_text("12.5")
    assert not spare_server.status().running
    assert not died.exists()


def test_a_server_that_was_asked_for_by_name_outlives_its_users(spare_server: ManagedServer) -> None:
    spare_server.stop()
    with server_in_use(spare_server):
        keep_running(spare_server)
    assert spare_server.status().running
    with server_in_use(spare_server):
        pass
    assert spare_server.status().running
