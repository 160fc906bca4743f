"""Faults on purpose: connections that are cut, writers and servers that are killed, disks that are full."""

import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread

from graph.connection import Connection, Credentials
from graph.records import TrackingRecord
from graph.server import ServerAddress
from graph.store import LineageStore
from ingest.tracking_graph import LinkKind, TrackingGraph
from tests.graph.stored import assert_equal, rows
from tests.lineages import Cell, Drawing, drawn

ROUNDS = int(os.environ.get("CELLKIN_TORTURE_ROUNDS", "1"))
"""How often each fault strikes, each time at another random moment."""
WRITE_ROWS = 12


def colony() -> Drawing:
    """Two founders with two generations each: many transactions of a store in small batches."""
    cells = []
    for row in range(2):
        y, label = 12 * row, 100 * row
        cells += [
            Cell(label + 1, 0, 7, y=y, x=0, width=3),
            Cell(label + 2, 8, 20, label + 1, y=y, x=6, width=3),
            Cell(label + 3, 8, 17, label + 1, y=y, x=12, width=3),
            Cell(label + 4, 21, 33, label + 2, y=y, x=18, width=3),
            Cell(label + 5, 21, 33, label + 2, y=y, x=24, width=3),
            Cell(label + 6, 20, 33, label + 3, y=y, x=30, width=3),
        ]
    return drawn(34, cells)


def login(address: ServerAddress) -> Credentials:
    return Credentials(address.uri, address.user, address.password)


def assert_whole_or_nothing(store: LineageStore, graph: TrackingGraph) -> list[TrackingRecord]:
    """Whatever is visible is all of it; the trackings that are."""
    visible = store.trackings([movie.id for movie in store.movies()])
    for record in visible:
        assert_equal(store.tracking_graph(record.id), graph)
    return visible


def assert_nothing_else(store: LineageStore, connection: Connection, graph: TrackingGraph) -> None:
    """The database holds one tracking, and nothing besides."""
    assert store.abandoned() == []
    assert rows(connection) == (len(graph.detections), len(graph.tracks))
    query = "MATCH (:Detection)-[l]->(:Detection) RETURN type(l) AS kind, count(l) AS n"
    found = connection.read(lambda tx: {record["kind"]: record["n"] for record in tx.run(query)})
    expected = {kind.name: int((graph.kind == kind).sum()) for kind in LinkKind}
    assert found == {kind: count for kind, count in expected.items() if count}
    query = "MATCH (:Track)-[l:DIVIDES_INTO]->(:Track) RETURN count(l)"
    descents = connection.read(lambda tx: tx.run(query).single(strict=True).value())
    assert descents == (graph.tracks.parent >= 0).sum()


class WriterProcess:
    """Another process that stores the colony; see `dying_writer`."""

    def __init__(self, address: ServerAddress, pixels: Path, when: str = "never") -> None:
        environment = {"TEST_URI": address.uri, "TEST_USER": address.user, "TEST_PASSWORD": address.password}
        command = [sys.executable, "-m", "tests.graph.dying_writer", str(pixels), when, "colony"]
        self._process = subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, text=True
        )

    def await_start(self) -> None:
        """Wait until it begins to write."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "writing\n"

    def kill(self) -> None:
        """No chance to tidy up."""
        self._process.send_signal(signal.SIGKILL)

    def end(self) -> str:
        """Wait for its end; what it said last: `stored`, `conflict`, or nothing when it died before."""
        said, _ = self._process.communicate()
        return said.split()[-1] if said.split() else ""


class Proxy:
    """Stands between the store and the server, and cuts the line after some bytes.

    Attributes:
        passed: bytes that went to the server and came from it, in all.
        cut_at: cut when so many have; None never.
        stays_cut: refuse all connections after that.
    """

    def __init__(self, server: ServerAddress, *, cut_at: int | None = None, stays_cut: bool = False) -> None:
        self.passed, self.cut_at, self.stays_cut = 0, cut_at, stays_cut
        self._server = ("127.0.0.1", int(server.uri.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        accepting = Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join()

    def _accept(self) -> None:
        with suppress(OSError):  # of the listener, which is closed in the end
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with closing(client), socket.create_connection(self._server) as server, suppress(OSError):
            other = {client: server, server: client}
            while not (self._is_cut and self.stays_cut):
                for ready in select.select([client, server], [], [])[0]:
                    if not (data := ready.recv(256)):
                        return
                    self.passed += len(data)
                    if self.cut_at is not None and self.passed >= self.cut_at:
                        self.cut_at = None
                        self._is_cut = True
                        return  # and what it had in hand is lost
                    other[ready].sendall(data)

    _is_cut = False


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Leave nothing free on the disk of a folder."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"\0" * 65536):
                pass
        yield
    finally:
        ballast.unlink()


def moment(round_: int, length: float) -> float:
    """A random moment within so many seconds, the same in every run."""
    return random.Random(round_).uniform(0, length)  # noqa: S311 - no secret
