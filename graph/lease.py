"""Who may write or remove a tracking: a claim in one transaction, and a lease that a dead writer loses."""

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psutil
from filelock import FileLock, Timeout
from neo4j import ManagedTransaction, Record

from ingest.errors import ConflictError, NotFoundError

LEASE_MS = 120_000
"""A writer that has not finished a batch for so long counts as dead, by the server's clock."""
CLOCK_STEP_S = 2.0
"""A process's start time as another process reads it moves when the machine's clock is set."""

# Claims come one after the other: each waits for the lock that this SET takes on the counter.
LOCK_COUNTER = """
MERGE (c:Counter {name: 'tracking'})
SET c.value = coalesce(c.value, 0)
"""

FIND = """
MATCH (t:Tracking {id: $id})
RETURN t.number AS number, t.state AS state, t.writer AS writer, t.lease < timestamp() AS expired,
       t.detections AS detections, t.tracks AS tracks
"""

# Numbers are never used twice, so ids of what is being removed are never those of what is being written.
CREATE = """
MATCH (c:Counter {name: 'tracking'}), (m:Movie {id: $movie})
SET c.value = c.value + 1
CREATE (m)-[:HAS_TRACKING]->(t:Tracking {id: $id, number: c.value, state: 'WRITING', writer: $writer})
SET t += $properties, t.lease = timestamp() + $lease, t.created = coalesce($properties.created, datetime())
RETURN t.number AS number
"""

# From here on nobody sees it, be it complete or not.
TAKE_OVER = """
MATCH (t:Tracking {id: $id})
SET t.writer = $writer, t.state = $state, t.lease = timestamp() + $lease
"""

# What else is being written of this movie by this author; a claim has one writer a movie and author.
WRITTEN_BESIDE = """
MATCH (:Movie {id: $movie})-[:HAS_TRACKING]->(t:Tracking {state: 'WRITING', author: $author})
WHERE t.id <> $id
RETURN t.id AS id, t.state AS state, t.writer AS writer, t.lease < timestamp() AS expired
"""

# The SET comes first: it waits for the lock, and only then the writer is read. The other way round, who
# has just been overtaken would still find itself to be the writer.
_HOLD: LiteralString = """
MATCH (g:Tracking {number: $number})
SET g.lease = timestamp() + $lease
WITH g WHERE g.writer = $writer
"""
RENEW = (
    _HOLD
    + """
OPTIONAL MATCH (d:Detection {id: $detection})
RETURN count(g) AS held, count(d) AS there
"""
)

LET_GO = """
MATCH (t:Tracking {number: $number, writer: $writer})
SET t.lease = 0
"""

UNFINISHED = """
MATCH (t:Tracking) WHERE t.state <> 'READY'
RETURN t.id AS id, t.state AS state, t.writer AS writer, t.lease < timestamp() AS expired
"""


@dataclass(frozen=True)
class Claim:
    """What a writer found when it asked for a tracking.

    Attributes:
        number: of the tracking.
        writer: the token of who asked.
        detections, tracks: how many rows there may be of it: none of a new one.
        ready: it is there already, complete, and stays as it is.
    """

    number: int
    writer: str
    detections: int = 0
    tracks: int = 0
    ready: bool = False


def new_writer() -> str:
    """A token that tells this machine, this process and this write from all others."""
    process = psutil.Process()
    return json.dumps([socket.gethostname(), process.pid, process.create_time(), secrets.token_hex(8)])


@contextmanager
def held_by(writer: str) -> Iterator[None]:
    """Let this process know its writer while it writes; one that failed here counts as dead at once.

    The process lives on then, and when it was the connection that failed, the lease could not be let go.
    """
    path = _sign_of(writer)
    with FileLock(path):
        yield
        path.unlink(missing_ok=True)  # a failure leaves it, with no lock on it, until the lease is let go


def lock_claims(tx: ManagedTransaction) -> None:
    """Keep all others from claiming anything until this transaction ends."""
    tx.run(LOCK_COUNTER).consume()


def claim(
    tx: ManagedTransaction, tracking_id: str, movie_id: str, writer: str, properties: Mapping[str, Any]
) -> Claim:
    """Make the tracking this writer's own, to write it, unless it is complete.

    Raises:
        ConflictError: another writer is at it.
        NotFoundError: the movie has been removed.
    """
    lock_claims(tx)
    found = tx.run(FIND, id=tracking_id).single()
    if found is not None and found["state"] == "READY":
        return Claim(found["number"], writer, ready=True)
    _require_one_writer(tx, tracking_id, movie_id, writer, properties["author"])
    if found is not None:
        return _take_over(tx, tracking_id, writer, found, state="WRITING")
    created = tx.run(
        CREATE, id=tracking_id, movie=movie_id, writer=writer, properties=properties, lease=LEASE_MS
    ).single()
    if created is None:
        raise NotFoundError(
            f"the movie {movie_id!r} has been removed", remedy="add it and write the tracking again"
        )
    return Claim(created["number"], writer)


def claim_for_removal(tx: ManagedTransaction, tracking_id: str, writer: str) -> Claim | None:
    """Make a tracking this writer's own, complete or not, and hide it; None where there is none.

    Raises:
        ConflictError: another writer is at it.
    """
    lock_claims(tx)
    found = tx.run(FIND, id=tracking_id).single()
    return None if found is None else _take_over(tx, tracking_id, writer, found, state="REMOVING")


def renew(tx: ManagedTransaction, held: Claim, *, before: int | None = None) -> bool:
    """Prolong the lease; from here to the end of the transaction nobody else can take the tracking over.

    Args:
        tx: of the writer.
        held: what it claimed.
        before: id of a detection that it is about to write.

    Returns:
        Whether that one is there already.

    Raises:
        ConflictError: somebody else has taken it over.
    """
    record = tx.run(RENEW, detection=before, **holding(held)).single(strict=True)
    if not record["held"]:
        raise ConflictError(
            "this writer was taken for dead, and another one took over or removed what it wrote",
            place=f"tracking number {held.number}",
            remedy="run again",
        )
    return bool(record["there"])


def if_held(statement: LiteralString) -> LiteralString:
    """What goes on with the tracking `g` if the writer of `holding` has it still, whose lease it prolongs.

    It may begin with `AND` and one more condition.
    """
    return _HOLD + statement


def holding(held: Claim) -> dict[str, Any]:
    """The parameters of what is done `if_held`."""
    return {"number": held.number, "writer": held.writer, "lease": LEASE_MS}


def forget(held: Claim) -> None:
    """Remove the sign of a writer that failed and whose lease has been let go: it is not needed any more."""
    _sign_of(held.writer).unlink(missing_ok=True)


def let_go(tx: ManagedTransaction, held: Claim) -> None:
    """End the lease of a writer that failed, so that the next one need not wait."""
    tx.run(LET_GO, number=held.number, writer=held.writer).consume()


def abandoned(tx: ManagedTransaction) -> list[str]:
    """Ids of the unfinished trackings that no writer alive holds."""
    return [record["id"] for record in tx.run(UNFINISHED) if not held_by_another(record, writer="")]


def _require_one_writer(
    tx: ManagedTransaction, tracking_id: str, movie_id: str, writer: str, author: str
) -> None:
    for other in tx.run(WRITTEN_BESIDE, id=tracking_id, movie=movie_id, author=author):
        if held_by_another(other, writer):
            raise ConflictError(
                f"another writer ({_name(other['writer'])}) stores a tracking of this movie by {author!r}",
                place=f"movie {movie_id}, tracking {other['id']}",
                remedy="wait until it is done, and run again; or give this one another author",
            )


def _take_over(
    tx: ManagedTransaction, tracking_id: str, writer: str, found: Record, *, state: LiteralString
) -> Claim:
    if held_by_another(found, writer):
        raise ConflictError(
            f"another writer ({_name(found['writer'])}) is at the same tracking",
            place=f"tracking {tracking_id}",
            remedy="wait until it is done, and run again",
        )
    tx.run(TAKE_OVER, id=tracking_id, writer=writer, state=state, lease=LEASE_MS).consume()
    return Claim(found["number"], writer, found["detections"], found["tracks"])


def _name(writer: str) -> str:
    """A writer as an error names it."""
    host, pid, _, _ = json.loads(writer)
    return f"process {pid} on {host}"


def held_by_another(found: Record, writer: str) -> bool:
    """Whether a writer alive holds an unfinished tracking, and not this one."""
    if found["state"] == "READY" or found["writer"] == writer or found["expired"]:
        return False
    return _may_live(found["writer"])


def _may_live(writer: str) -> bool:
    """Whether a writer's process may still run; one of another machine may."""
    host, pid, create_time, _ = json.loads(writer)
    if host != socket.gethostname():
        return True
    if pid == os.getpid() and _has_failed(writer):
        return False
    try:
        return abs(psutil.Process(pid).create_time() - float(create_time)) < CLOCK_STEP_S
    except psutil.NoSuchProcess:
        return False


def _has_failed(writer: str) -> bool:
    """Whether a writer of this process has ended without being done."""
    path = _sign_of(writer)
    try:
        with FileLock(path, timeout=0) if path.exists() else nullcontext() as free:
            return free is not None
    except Timeout:
        return False  # it is at work, in another thread


def _sign_of(writer: str) -> Path:
    return Path(tempfile.gettempdir()) / f"cellkin-writer-{json.loads(writer)[3]}.lock"
