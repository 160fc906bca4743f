import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import neo4j
import psutil
import pytest
from filelock import FileLock

import graph.server
from graph.jars import default_cache
from graph.server import ManagedServer, ServerAddress
from graph.server_config import (
    LOOPBACK,
    PREFERRED,
    Ports,
    free_ports,
    java_command,
    ports_named,
    require_space,
)
from graph.server_password import ensure_password
from graph.server_process import ServerProcess
from ingest.errors import ConflictError, StoreError

START = """
import sys
from pathlib import Path
from graph.jars import default_cache
from graph.server import ManagedServer
ManagedServer(Path(sys.argv[1]), default_cache()).start()
"""

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(60)
"""


def managed(home: Path) -> ManagedServer:
    return ManagedServer(home, default_cache())


@contextmanager
def starter(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another Python that starts the server of this home and ends."""
    with subprocess.Popen([sys.executable, "-c", START, str(home)], stderr=subprocess.DEVNULL) as process:
        yield process


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def ask(address: ServerAddress, cypher: neo4j.Query | str) -> list[object]:
    """The first column that a query gives."""
    with (
        neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password)) as driver,
        driver.session() as session,
    ):
        return [record[0] for record in session.run(cypher)]


@pytest.fixture(scope="module")
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as other:
        yield int(other.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, taken_port: int) -> Iterator[ManagedServer]:
    """A running server in a home with a name that is hard to spell, whose first choice of a port failed."""
    server = managed(tmp_path_factory.mktemp("server") / "Zellen, größer")
    choices = iter([Ports(taken_port, free_ports(Ports(0, 0)).http)])

    def choose(wanted: Ports = PREFERRED) -> Ports:
        return next(choices, free_ports(Ports(0, 0))) if wanted == PREFERRED else free_ports(wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph.server, "free_ports", choose)
        server.start()
    yield server
    assert server.stop()
    assert not server.status().running
    assert not server.stop()


@pytest.mark.neo4j
class TestRunning:
    def test_a_port_that_was_taken_in_between_is_replaced(
        self, server: ManagedServer, taken_port: int
    ) -> None:
        assert server.status().uri not in (None, f"bolt://{LOOPBACK}:{taken_port}")

    def test_starting_again_finds_the_server_that_runs(self, server: ManagedServer) -> None:
        pid = server.status().pid
        assert server.start() == managed(server.home).start() == server.address()
        assert managed(server.home).status() == server.status()
        assert server.status().pid == pid

    def test_a_server_of_another_home_is_not_ours(self, server: ManagedServer) -> None:
        other = managed(server.home.parent)
        assert not other.status().running
        assert other.address() is None
        assert not other.stop()
        assert server.status().running

    def test_only_this_machine_reaches_it(self, server: ManagedServer) -> None:
        sockets = psutil.Process(server.status().pid).net_connections("tcp")
        assert {s.laddr.ip.removeprefix("::ffff:") for s in sockets if s.status == psutil.CONN_LISTEN} == {
            LOOPBACK
        }

    def test_the_limits_are_in_force(self, server: ManagedServer) -> None:
        names = "'db.transaction.timeout', 'db.memory.transaction.max', 'server.memory.pagecache.size'"
        values = ask(
            server.start(),
            f"SHOW SETTINGS YIELD name, value WHERE name IN [{names}] RETURN value ORDER BY name",
        )
        assert values == ["256.00MiB", "10m", "256.00MiB"]

    def test_neo4j_browser_is_served_with_the_address_filled_in(self, server: ManagedServer) -> None:
        address = server.start()
        with urlopen(address.browser_url) as page:  # noqa: S310 - our own server
            assert b"<html" in page.read().lower()
        wanted = parse_qs(urlsplit(address.browser_url).query)["connectURL"]
        assert wanted == [address.uri.replace("bolt://", "bolt://neo4j@")]

    def test_a_login_is_needed_and_the_stored_one_must_fit(self, server: ManagedServer) -> None:
        address, file = server.start(), server.home / "password"
        file.write_text("another")
        try:
            with pytest.raises(StoreError, match="refuses the stored password"):
                server.start()
        finally:
            file.write_text(address.password)
        assert server.start() == address

    def test_a_killed_server_is_started_once_by_two_who_ask_and_has_kept_its_data(
        self, server: ManagedServer
    ) -> None:
        before = server.start()
        ask(before, "CREATE (:Kept {answer: 42})")
        pid = server.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not server.status().running)

        with starter(server.home) as other, ThreadPoolExecutor() as pool:
            after = pool.submit(server.start).result()
        assert other.returncode == 0
        assert after.password == before.password
        assert ask(after, "MATCH (k:Kept) RETURN k.answer") == [42]
        again = server.status().pid
        assert again not in (None, pid)
        assert os.getsid(again or 0) == again


@pytest.mark.neo4j
class TestStarting:
    def test_ctrl_c_leaves_no_server(self, tmp_path: Path) -> None:
        with starter(tmp_path) as process:
            wait_until(lambda: managed(tmp_path).status().running)
            process.send_signal(signal.SIGINT)
        assert process.returncode != 0
        assert not managed(tmp_path).status().running

    def test_what_a_killed_starter_left_is_found_and_stopped(self, tmp_path: Path) -> None:
        with starter(tmp_path) as process:
            wait_until(lambda: managed(tmp_path).status().running)
            process.kill()
        assert managed(tmp_path).stop()
        assert not managed(tmp_path).status().running

    def test_a_start_that_takes_too_long_leaves_no_server(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"did not answer within 0\.3 s"):
            managed(tmp_path).start(timeout_s=0.3)
        assert not managed(tmp_path).status().running

    def test_a_server_that_cannot_start_shows_its_log(self, tmp_path: Path) -> None:
        ensure_password(tmp_path)
        (tmp_path / "data" / "databases").touch()
        with pytest.raises(StoreError, match="ended while it was starting") as failure:
            managed(tmp_path).start()
        assert "ERROR Failed to start Neo4j" in failure.value.problem
        assert "\tat " not in failure.value.problem


def test_a_start_while_another_is_under_way_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / "server.lock"), pytest.raises(ConflictError, match=r"for 0\.1 s"):
        managed(tmp_path).start(timeout_s=0.1)


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written: Not a directory") as failure:
        managed(tmp_path / "file" / "home").start()
    assert failure.value.place.startswith(str(tmp_path / "file"))


def test_a_disk_that_is_nearly_full_is_refused(tmp_path: Path) -> None:
    require_space(tmp_path, 1)
    with pytest.raises(StoreError, match="Neo4j needs 999999999 MB") as failure:
        require_space(tmp_path, 999_999_999)
    assert failure.value.place == str(tmp_path)


def test_a_server_that_never_ran_is_not_running_and_leaves_no_trace(tmp_path: Path) -> None:
    server = managed(tmp_path / "home")
    assert not server.stop()
    status = server.status()
    assert (status.running, status.pid, status.uri, status.http) == (False, None, None, None)
    assert not server.home.exists()


def test_only_the_whole_command_line_of_this_home_is_known_again() -> None:
    command = java_command(Path("/a b/c"), Ports(bolt=1001, http=2002))
    assert ports_named(command, Path("/a b/c")) == Ports(bolt=1001, http=2002)
    assert ports_named(command, Path("/a b")) is None
    assert ports_named([], Path("/a b/c")) is None
    assert (
        ports_named([word for word in command if "CommunityEntryPoint" not in word], Path("/a b/c")) is None
    )
    assert ports_named(["grep", " ".join(command)], Path("/a b/c")) is None


def test_a_process_that_does_not_listen_to_reason_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = ServerProcess(psutil.Process(process.pid), tmp_path, PREFERRED)
        assert found.alive
        assert not found.listens
        found.stop(grace_s=0.1)
        assert not found.alive


def test_free_ports_prefer_the_wanted_and_never_coincide() -> None:
    wanted = free_ports(Ports(0, 0))
    assert wanted.bolt != wanted.http
    assert free_ports(wanted) == wanted
    with socket.create_server((LOOPBACK, wanted.http)):
        instead = free_ports(wanted)
    assert instead.bolt == wanted.bolt
    assert instead.http not in (wanted.bolt, wanted.http)


class TestPassword:
    def test_it_is_random_private_and_kept(self, tmp_path: Path) -> None:
        first, other = tmp_path / "first", tmp_path / "other"
        first.mkdir()
        other.mkdir()
        password = ensure_password(first)
        assert len(password) == 32
        assert ensure_password(first) == password != ensure_password(other)
        for file in (first / "password", first / "data" / "dbms" / "auth.ini"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert password not in (first / "data" / "dbms" / "auth.ini").read_text()

    def test_a_lost_one_is_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "data" / "databases").mkdir(parents=True)
        with pytest.raises(StoreError, match="lost") as failure:
            ensure_password(tmp_path)
        assert failure.value.place == str(tmp_path / "password")
        assert not (tmp_path / "password").exists()

    def test_it_is_not_shown(self) -> None:
        assert "secret" not in repr(ServerAddress("bolt://h:1", "http://h:2", "neo4j", "secret"))
