from pathlib import Path

import psutil
import pytest

from graph.jars import default_cache
from graph.server import ManagedServer
from graph.server_use import _started, keep_running, server_in_use, users


@pytest.mark.neo4j
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


@pytest.mark.neo4j
def test_a_server_that_was_asked_for_by_name_outlives_its_users(spare_server: ManagedServer) -> None:
    spare_server.stop()
    with server_in_use(spare_server):
        keep_running(spare_server)
    assert spare_server.status().running
    with server_in_use(spare_server):
        pass
    assert spare_server.status().running


@pytest.mark.parametrize("seconds", [-7200, 0, 1, 90_000])
def test_setting_the_clock_kills_no_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    server, user = ManagedServer(tmp_path, default_cache()), psutil.Process().parent()
    assert user is not None
    file = server.home / "run" / "users" / f"{user.pid}-1"
    file.parent.mkdir(parents=True)
    file.write_text(" ".join(map(repr, _started(user))))
    booted = psutil.boot_time() + seconds
    monkeypatch.setattr("psutil._psplatform.boot_time", lambda: booted)
    assert users(server) == [user.pid]
    file.write_text(" ".join(str(time - 9) for time in _started(user)))  # another had its number
    assert users(server) == []
