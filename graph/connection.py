"""One connection to a Neo4j, wherever it is: transactions that retry, and failures explained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlsplit

import neo4j
from neo4j import ManagedTransaction, unit_of_work
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph.deadline import Deadline, current_deadline
from ingest.errors import CellkinError, ConflictError, StoreError

Result = TypeVar("Result")
Work = Callable[[ManagedTransaction], Result]
"""What one transaction does. It may run twice when a connection breaks, so it must be idempotent."""

CONNECT_TIMEOUT_S = 10.0
RETRY_S = 20.0
REQUEST_RETRY_S = 2.0
"""As `RETRY_S`, on behalf of a request: somebody waits, and may ask again."""
REQUEST_CONNECT_S = 3.0
"""As `CONNECT_TIMEOUT_S`, on behalf of a request."""
SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
"""Without http: the driver only tries it out, and it has no transactions that retry."""


@dataclass(frozen=True)
class Credentials:
    """Where a Neo4j is, and the login.

    Attributes:
        uri: bolt://, neo4j://, or one of them with +s or +ssc.
        database: None for the server's own default.
    """

    uri: str
    user: str
    password: str = field(repr=False)
    database: str | None = None


class Connection:
    """An open connection, safe to share between threads: each transaction has a session of its own.

    Every read sees what was written through the same connection before it (bookmarks), and goes to a
    reader where the server is a cluster. Under a deadline (`graph.deadline.within`), a transaction takes no
    longer than what is left of it, and carries its name, by which `graph.transactions` finds it.

    Args:
        credentials: of the server.
        timeout_s: the longest that one transaction may take.

    Attributes:
        in_use: transactions that run now; each holds one connection of the driver's pool.

    Raises:
        StoreError: no server answers there, or it refuses the login or the database.
    """

    def __init__(self, credentials: Credentials, *, timeout_s: float = 300.0) -> None:
        self.credentials = credentials
        self._timeout_s = timeout_s
        self.in_use = 0
        self._counting = Lock()
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager()
        self._driver = _driver(credentials)
        try:
            with self._session(current_deadline()) as session:
                session.run("RETURN 1").consume()  # outside a managed transaction: no retries, a quick no
        except BaseException:
            self._driver.close()
            raise

    def read(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that reads.

        Raises:
            TimeLimitError: the deadline under which this runs is over.
            StoreError: the server does not answer, or fails.
        """
        deadline = current_deadline()
        timed = self._timed(work, deadline)
        with self._session(deadline) as session:
            return session.execute_read(timed)

    def write(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that writes; all of it happens, or nothing.

        Raises:
            the same as `read`; ConflictError: another writer was faster.
        """
        deadline = current_deadline()
        timed = self._timed(work, deadline)
        with self._session(deadline) as session:
            return session.execute_write(timed)

    def close(self) -> None:
        """End all connections."""
        self._driver.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _session(self, deadline: Deadline | None) -> Iterator[neo4j.Session]:
        """A session of its own for one transaction; what the driver raises in it becomes our errors."""
        with self._counted(), self._explained(deadline), self._opened(deadline) as session:
            yield session

    def _opened(self, deadline: Deadline | None) -> neo4j.Session:
        database, bookmarks = self.credentials.database, self._bookmarks
        if deadline is None:
            return self._driver.session(database=database, bookmark_manager=bookmarks)
        left = deadline.require_time(self._timeout_s)
        return self._driver.session(
            database=database,
            bookmark_manager=bookmarks,
            max_transaction_retry_time=min(left, REQUEST_RETRY_S),
            connection_acquisition_timeout=max(min(left, REQUEST_CONNECT_S), 0.1),
        )

    def _timed(self, work: Work[Result], deadline: Deadline | None) -> Work[Result]:
        if deadline is None:
            return unit_of_work(timeout=self._timeout_s)(work)
        timeout = max(deadline.require_time(self._timeout_s), 0.001)  # 0 would mean without limit
        return unit_of_work(timeout=timeout, metadata={"request": deadline.name})(work)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._counting:
            self.in_use += 1
        try:
            yield
        finally:
            with self._counting:
                self.in_use -= 1

    @contextmanager
    def _explained(self, deadline: Deadline | None) -> Iterator[None]:
        """Turn what the driver raises into our errors."""
        try:
            yield
        except (Neo4jError, DriverError) as error:
            if deadline is not None and _was_ended(error):
                raise deadline.exceeded() from error
            raise _explain(error, self.credentials, self._timeout_s) from error


def _was_ended(error: Exception) -> bool:
    """Whether the server ended a transaction because it was told to, or because its time was over."""
    code = (error.code or "") if isinstance(error, Neo4jError) else ""
    return code.endswith(("TransactionTimedOut", "TransactionTimedOutClientConfiguration", ".Terminated"))


def _driver(credentials: Credentials) -> neo4j.Driver:
    try:
        address = urlsplit(credentials.uri)
        if address.scheme not in SCHEMES or not address.hostname or address.port == 0:
            raise ValueError(f"it needs a host and one of {', '.join(SCHEMES)}")
        return neo4j.GraphDatabase.driver(
            credentials.uri,
            auth=(credentials.user, credentials.password),
            connection_timeout=CONNECT_TIMEOUT_S,
            max_transaction_retry_time=RETRY_S,
            notifications_min_severity="OFF",
            telemetry_disabled=True,
        )
    except (ConfigurationError, ValueError) as error:  # of a port that is no number, for example
        raise StoreError(
            f"this is no address of a Neo4j ({error})",
            place=credentials.uri,
            remedy="set CELLKIN_NEO4J_URI to one such as neo4j://host:7687 or bolt://host:7687",
        ) from error


def _explain(error: Exception, credentials: Credentials, timeout_s: float) -> CellkinError:
    place = credentials.uri
    code = (error.code or "") if isinstance(error, Neo4jError) else ""
    match error:
        case AuthError():
            return StoreError(
                f"Neo4j refuses user {credentials.user!r} with this password ({code.rpartition('.')[2]})",
                place=place,
                remedy="set CELLKIN_NEO4J_USER and CELLKIN_NEO4J_PASSWORD",
            )
        case Neo4jError() if "DatabaseNotFound" in code:
            return StoreError(
                f"Neo4j has no database {credentials.database!r}",
                place=place,
                remedy="set CELLKIN_NEO4J_DATABASE; `SHOW DATABASES` in Neo4j Browser lists them",
            )
        case Neo4jError() if "TransactionTimedOut" in code:
            return StoreError(
                f"a transaction was not done within its time, {timeout_s:g} s at most",
                place=place,
                remedy="is the server very busy, or db.transaction.timeout short? Run again",
            )
        case Neo4jError() if code.endswith(("TransactionLogError", "TransactionStartFailed")):
            return StoreError(
                f"Neo4j can write no more, and has to be restarted ({error.message})",
                place=place,
                remedy="is its disk full? Free some space, stop it (`cellkin neo4j stop`), and run again",
            )
        case ServiceUnavailable() | SessionExpired():
            return StoreError(
                f"no Neo4j answers ({error})",
                place=place,
                remedy="start it (`cellkin neo4j start` for the managed one), or correct CELLKIN_NEO4J_URI",
            )
        case TransientError() if ".General." in code:  # starting, stopping, out of memory
            return StoreError(
                f"Neo4j cannot answer now ({_first_line(error)})",
                place=place,
                remedy="wait a little and try again; if it stays so, give the server more memory",
            )
        case ConstraintError():
            return ConflictError(
                f"another writer stored the same at the same time ({error.message})",
                place=place,
                remedy="run again",
            )
        case TransientError():
            return ConflictError(
                f"Neo4j could not do this for {RETRY_S:g} s ({error.message})",
                place=place,
                remedy="wait for other writers, or give the server more memory, and run again",
            )
    return StoreError(
        f"Neo4j failed ({_first_line(error)})", place=place, remedy="see its log, neo4j.log and debug.log"
    )


def _first_line(error: Exception) -> str:
    """What the server says, without the query that it quotes below."""
    message = (error.message or error.code or "") if isinstance(error, Neo4jError) else str(error)
    return message.partition("\n")[0]
