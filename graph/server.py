"""A real Neo4j that cellkin starts, finds again and stops: Java from PyPI, jars from Maven, no Docker."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import neo4j
from filelock import FileLock, Timeout
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph.class_archive import ClassArchive, adopt_record, is_recording
from graph.jars import NEO4J_VERSION, install_jars
from graph.server_config import (
    LOOPBACK,
    Ports,
    free_ports,
    last_ports,
    make_folders,
    require_space,
    write_config,
)
from graph.server_password import USER, ensure_password, is_new
from graph.server_process import STOP_GRACE_S, ServerProcess
from ingest.errors import ConflictError, StoreError
from ingest.progress import Progress, silent

START_TIMEOUT_S = 300.0
"""A start takes 6 to 40 s as a rule; on a machine that has no time for it, minutes."""
_RECORD_GRACE_S = 120.0
"""A server that writes down its classes takes 5 to 15 s longer to end, once."""
_POLL_S = 0.2
_QUERY_TIMEOUT_S = 5.0
_START_ATTEMPTS = 3


@dataclass(frozen=True)
class ServerAddress:
    """Where a server answers, and the login."""

    uri: str
    http: str
    user: str
    password: str = field(repr=False)

    @property
    def browser_url(self) -> str:
        """Neo4j Browser with address and user filled in."""
        return f"{self.http}/browser/?connectURL={self.uri.replace('://', f'://{self.user}@')}"


@dataclass(frozen=True)
class ServerStatus:
    """What there is to know of a managed server; process and addresses are None while it does not run."""

    running: bool
    pid: int | None
    uri: str | None
    http: str | None
    home: Path
    version: str = NEO4J_VERSION


class ManagedServer:
    """One Neo4j Community server with its data in `home`, shared by every process that names this home.

    Args:
        home: its data, configuration, logs and password.
        cache: where the jars are kept.
    """

    def __init__(self, home: Path, cache: Path) -> None:
        self.home = home.resolve()
        self.cache = cache.resolve()

    def install(self, progress: Progress = silent) -> None:
        """Fetch the jars that are missing and check them all against the lock.

        Raises:
            StoreError: see `install_jars`.
        """
        install_jars(self.cache, progress=progress)

    def start(self, *, timeout_s: float = START_TIMEOUT_S, progress: Progress = silent) -> ServerAddress:
        """Start the server, or find the one that runs, and return once it answers a query.

        Raises:
            StoreError: it cannot be installed or started; the end of its log is in the message.
            ConflictError: another process is starting or stopping it, and has been for `timeout_s`.
        """
        jars = install_jars(self.cache, progress=progress)
        with self._alone(timeout_s):
            make_folders(self.home)
            self._stopped_marker.unlink(missing_ok=True)
            password = ensure_password(self.home)
            server = ServerProcess.find(self.home)
            if server is None:
                return self._start_new(jars, password, timeout_s, progress)
            return self._await_ready(server, password, timeout_s, progress)

    def stop(self) -> bool:
        """End the server and wait until it has ended; False when it was not running.

        Raises:
            StoreError: it does not end.
            ConflictError: another process is starting or stopping it, and does not come to an end.
        """
        if not self.home.exists():
            return False
        with self._alone(START_TIMEOUT_S):
            self._stopped_marker.touch()
            server = ServerProcess.find(self.home)
            if server is not None:
                _end(server)
            return server is not None

    @contextmanager
    def stopped(self, progress: Progress = silent) -> Iterator[None]:
        """Keep the server from running, for what works on its files; one that ran is started again.

        Raises:
            StoreError: it does not end, or does not start again.
            ConflictError: another process is starting or stopping it, and does not come to an end.
        """
        ran = False
        try:
            with self._alone(START_TIMEOUT_S):
                make_folders(self.home)
                if server := ServerProcess.find(self.home):
                    ran = True
                    _end(server)
                write_config(self.home, free_ports(last_ports(self.home)))
                yield
        finally:
            if ran:
                self.start(progress=progress)

    @contextmanager
    def import_folder(self) -> Iterator[Path]:
        """An empty folder for files that Neo4j is to import; it is gone afterwards.

        Raises:
            StoreError: what is written there cannot be written.
        """
        with self._file_errors():
            make_folders(self.home)
            with TemporaryDirectory(dir=self.home / "import") as name:
                yield Path(name)

    @property
    def is_new(self) -> bool:
        """Whether it has never been started, nor been given a database."""
        return is_new(self.home)

    @property
    def was_stopped(self) -> bool:
        """Whether somebody stopped it by `stop`, and nobody has started it since."""
        return self._stopped_marker.exists()

    @property
    def _stopped_marker(self) -> Path:
        return self.home / "run" / "stopped"

    def status(self) -> ServerStatus:
        """Whether it runs, and where."""
        server = ServerProcess.find(self.home)
        if server is None:
            return ServerStatus(False, None, None, None, self.home)
        address = _address(server.ports, "")
        return ServerStatus(True, server.process.pid, address.uri, address.http, self.home)

    def address(self) -> ServerAddress | None:
        """Where the running server answers, with the login; None while it does not run."""
        server = ServerProcess.find(self.home)
        return _address(server.ports, ensure_password(self.home)) if server else None

    @contextmanager
    def _alone(self, timeout_s: float) -> Iterator[None]:
        """Hold this home's lock: one start or stop at a time, in all processes."""
        try:
            with self._file_errors():
                (self.home / "run").mkdir(parents=True, exist_ok=True)
                with FileLock(self.home / "run" / "server.lock", timeout=timeout_s):
                    yield
        except Timeout as error:
            raise ConflictError(
                f"another process has been starting or stopping this server for {timeout_s:g} s",
                place=str(self.home),
                remedy="wait for it, or end it and run again",
            ) from error

    @contextmanager
    def _file_errors(self) -> Iterator[None]:
        """Turn what the file system refuses into an error with a remedy."""
        try:
            yield
        except Timeout:  # an OSError too
            raise
        except OSError as error:
            raise StoreError(
                f"the server's files cannot be written: {error.strerror or error}",
                place=str(error.filename or self.home),
                remedy="make the folder writable and free some space, or choose another data folder",
            ) from error

    def _start_new(
        self, jars: Sequence[Path], password: str, timeout_s: float, progress: Progress
    ) -> ServerAddress:
        """Start on free ports; again on others when a program took one of them in between."""
        require_space(self.home)
        options = ClassArchive(self.cache, jars).prepare()
        for attempt in range(1, _START_ATTEMPTS + 1):
            ports = free_ports(last_ports(self.home))
            write_config(self.home, ports)
            try:
                server = ServerProcess.spawn(self.home, jars, ports, options)
                return self._await_ready(server, password, timeout_s, progress)
            except BaseException as error:  # Ctrl-C too: what ends the start ends the server
                if unfinished := ServerProcess.find(self.home):
                    unfinished.stop()
                was_taken = isinstance(error, StoreError) and free_ports(ports) != ports
                if not was_taken or attempt == _START_ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _await_ready(
        self, server: ServerProcess, password: str, timeout_s: float, progress: Progress
    ) -> ServerAddress:
        address = _address(server.ports, password)
        waiting = _until_ready(server, address, timeout_s)
        for _ in waiting:  # not once where it is ready: nothing is said then
            for _ in progress(waiting, "Starting Neo4j"):
                time.sleep(_POLL_S)
        return address


def _end(server: ServerProcess) -> None:
    """End it; one that was ready has loaded what others will."""
    command, was_ready = server.command, server.listens
    server.stop(_RECORD_GRACE_S if is_recording(command) else STOP_GRACE_S)
    if was_ready:
        adopt_record(command)


def _until_ready(server: ServerProcess, address: ServerAddress, timeout_s: float) -> Iterator[None]:
    """Yield while the server is starting; it is ready when its own ports are open and a query runs."""
    deadline = time.monotonic() + timeout_s
    while not (server.listens and _answers(address)):
        if not server.alive:
            raise _start_error("Neo4j ended while it was starting", server)
        if time.monotonic() > deadline:
            raise _start_error(f"Neo4j did not answer within {timeout_s:g} s", server)
        yield


def _start_error(problem: str, server: ServerProcess) -> StoreError:
    return StoreError(
        f"{problem}; its log ends with\n{server.log_tail() or '(nothing)'}",
        place=str(server.home),
        remedy="see the folder logs there for more, and run again",
    )


def _address(ports: Ports, password: str) -> ServerAddress:
    return ServerAddress(f"bolt://{LOOPBACK}:{ports.bolt}", f"http://{LOOPBACK}:{ports.http}", USER, password)


def _answers(address: ServerAddress) -> bool:
    """Whether one query runs.

    Raises:
        StoreError: the stored password is not the server's.
    """
    try:
        with neo4j.GraphDatabase.driver(
            address.uri,
            auth=(address.user, address.password),
            connection_timeout=_QUERY_TIMEOUT_S,
            max_transaction_retry_time=0,
            notifications_min_severity="OFF",
        ) as driver:
            driver.execute_query("RETURN 1", database_="neo4j")
    except AuthError as error:
        raise StoreError(
            "Neo4j refuses the stored password",
            place=address.uri,
            remedy="put the right one into the file `password` in the server's folder",
        ) from error
    except (DriverError, Neo4jError):
        return False
    return True
