"""A real Neo4j that cellkin starts, finds again and stops: Java from PyPI, jars from Maven, no Docker."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import neo4j
from filelock import FileLock, Timeout
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph.jars import NEO4J_VERSION, install_jars
from graph.server_config import (
    LOOPBACK,
    USER,
    Ports,
    ensure_password,
    free_ports,
    java_command,
    java_environment,
    write_config,
)
from graph.server_process import ServerProcess
from ingest.errors import ConflictError, StoreError
from ingest.progress import Progress, silent

_POLL_S = 0.2
_START_ATTEMPTS = 3
_LOG_LINES = 15
_QUERY_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ServerAddress:
    """Where a server answers, and the login."""

    uri: str
    http: str
    user: str
    password: str = field(repr=False)

    @property
    def browser_url(self) -> str:
        """Neo4j Browser with the address filled in."""
        return f"{self.http}/browser/?connectURL={self.uri}"


@dataclass(frozen=True)
class ServerStatus:
    """What there is to know of a managed server; pid and addresses are None while it does not run."""

    running: bool
    pid: int | None
    uri: str | None
    http: str | None
    home: Path
    version: str = NEO4J_VERSION


class _PortTakenError(Exception):
    """Another program took a port between its choice and its use."""


class ManagedServer:
    """One Neo4j Community server with its data in `home`; every process that names this home shares it.

    Args:
        home: its data, configuration, logs and password.
        cache: where the jars are kept.
        fast_start: start with a quarter less work, run slower later; for tests.
    """

    def __init__(self, home: Path, cache: Path, *, fast_start: bool = False) -> None:
        self.home = home.resolve()
        self.cache = cache.resolve()
        self.fast_start = fast_start

    @property
    def _state_file(self) -> Path:
        return self.home / "run" / "cellkin-server.json"

    def install(self, progress: Progress = silent) -> None:
        """Fetch the jars that are missing and check them all against the lock. Raises StoreError."""
        install_jars(self.cache, progress=progress)

    def start(self, *, timeout_s: float = 120.0, progress: Progress = silent) -> ServerAddress:
        """Start the server, or find the one that runs, and return once it answers a query.

        Raises:
            StoreError: it cannot be installed or started; the end of its log is in the message.
            ConflictError: another process has been starting or stopping it for too long.
        """
        jars = install_jars(self.cache, progress=progress)
        with self._alone(timeout_s):
            password = ensure_password(self.home)
            process = self._process()
            if process is None:
                return self._start_new(jars, password, timeout_s)
            return self._await_ready(process, password, timeout_s)

    def stop(self) -> bool:
        """End the server and wait until it has ended; False when it was not running."""
        if not self._state_file.exists():
            return False
        with self._alone():
            process = self._process()
            stopped = process is not None and process.stop()
            self._state_file.unlink(missing_ok=True)
            return stopped

    def status(self) -> ServerStatus:
        """Whether it runs, and where."""
        process = self._process()
        if process is None:
            return ServerStatus(False, None, None, None, self.home)
        address = _address(process, "")
        return ServerStatus(True, process.pid, address.uri, address.http, self.home)

    def _process(self) -> ServerProcess | None:
        """The live server of this home; a state file that a dead one left counts for nothing."""
        process = ServerProcess.load(self._state_file)
        return process if process and process.find() else None

    @contextmanager
    def _alone(self, timeout_s: float = 120.0) -> Iterator[None]:
        """Hold this home's lock: one start or stop at a time, in all processes."""
        try:
            self._state_file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._state_file.with_suffix(".lock"), timeout=timeout_s):
                yield
        except Timeout as error:
            raise ConflictError(
                f"another process has been starting or stopping this server for {timeout_s:.0f} s",
                place=str(self.home),
                remedy="wait for it, or end it and run again",
            ) from error
        except OSError as error:
            raise StoreError(
                f"the server's files cannot be written: {error.strerror or error}",
                place=str(error.filename or self.home),
                remedy="make the folder writable and free some space, or choose another data folder",
            ) from error

    def _start_new(self, jars: Sequence[Path], password: str, timeout_s: float) -> ServerAddress:
        for attempt in range(_START_ATTEMPTS):
            process = self._spawn(jars, free_ports(preferred=attempt == 0))
            try:
                return self._await_ready(process, password, timeout_s)
            except _PortTakenError:
                continue
            except BaseException:  # Ctrl-C too: whatever ends the start also ends the server
                process.stop()
                self._state_file.unlink(missing_ok=True)
                raise
        raise StoreError(
            f"another program took the chosen ports {_START_ATTEMPTS} times",
            place=str(self.home),
            remedy="run again",
        )

    def _spawn(self, jars: Sequence[Path], ports: Ports) -> ServerProcess:
        write_config(self.home, ports)
        token = secrets.token_hex(16)
        command = java_command(self.home, token, fast_start=self.fast_start)
        process = ServerProcess.spawn(command, java_environment(self.home, jars), self.home, token, ports)
        process.save(self._state_file)
        return process

    def _await_ready(self, process: ServerProcess, password: str, timeout_s: float) -> ServerAddress:
        address = _address(process, password)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if process.find() is None:
                raise self._why_it_ended()
            if process.listens() and _answers(address):
                return address
            time.sleep(_POLL_S)
        raise StoreError(
            f"Neo4j did not answer within {timeout_s:.0f} s; its log ends with\n{self._log_tail()}",
            place=address.uri,
            remedy="is the machine very busy? Run again",
        )

    def _why_it_ended(self) -> Exception:
        log = self._log_tail()
        if "Address already in use" in log:
            return _PortTakenError(log)
        return StoreError(
            f"Neo4j ended while it was starting; its log ends with\n{log}",
            place=str(self.home / "logs"),
            remedy="see the whole of logs/console.log and logs/neo4j.log",
        )

    def _log_tail(self) -> str:
        logs = [self.home / "logs" / name for name in ("neo4j.log", "console.log")]
        texts = [log.read_text("utf-8", errors="replace") for log in logs if log.exists()]
        return "\n".join("".join(texts).splitlines()[-_LOG_LINES:])


def _address(process: ServerProcess, password: str) -> ServerAddress:
    bolt, http = f"bolt://{LOOPBACK}:{process.bolt}", f"http://{LOOPBACK}:{process.http}"
    return ServerAddress(bolt, http, USER, password)


def _answers(address: ServerAddress) -> bool:
    """Whether one query runs."""
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
            remedy="put the right one into the file `password` of its home folder",
        ) from error
    except (DriverError, Neo4jError):
        return False
    return True
