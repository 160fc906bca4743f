"""A managed server that is started again when it dies, for a service that runs for months."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from graph.server import ManagedServer, ServerAddress
from graph.server_process import ServerProcess
from ingest.errors import CellkinError

POLL_S = 3.0
PAUSE_S = 30.0
"""After a start that failed."""
JOIN_S = 20.0


@contextmanager
def kept_running(server: ManagedServer, note: Callable[[str], None]) -> Iterator[None]:
    """Start the server again when it ends by itself or is killed; one that was stopped by name stays stopped.

    Args:
        server: that runs.
        note: told of each end, and of what became of it.
    """
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(server, note, over), name="watch-neo4j", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join(JOIN_S)  # a start that hangs must not keep the service from ending


def _watch(server: ManagedServer, note: Callable[[str], None], over: threading.Event) -> None:
    address, process = server.address(), ServerProcess.find(server.home)
    while not over.wait(POLL_S):
        if process is not None and process.alive:
            continue
        process = ServerProcess.find(server.home)
        if process is None and not server.was_stopped and not over.is_set():
            note("Neo4j has ended by itself, and is started again")
            if not _started(server, address, note):
                over.wait(PAUSE_S)


def _started(server: ManagedServer, before: ServerAddress | None, note: Callable[[str], None]) -> bool:
    try:
        address = server.start()
    except CellkinError as error:
        note(f"Neo4j does not start: {error}")
        return False
    moved = before is not None and address.uri != before.uri
    note(f"Neo4j runs again at {address.uri}{', another address: start this service anew' if moved else ''}")
    return True
