"""Who may write or remove a tracking: a claim in one transaction, and a lease that a dead writer loses."""

import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil
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
SET t += $properties, t.lease = timestamp() + $lease, t.created = datetime()
RETURN t.number AS number
"""

# From here on nobody sees it, be it complete or not.
TAKE_OVER = """
MATCH (t:Tracking {id: $id})
SET t.writer = $writer, t.state = 'WRITING', t.lease = timestamp() + $lease
"""

# The SET comes first: it waits for the lock, and only then the writer is read. The other way round, who
# has just been overtaken would still find itself to be the writer.
RENEW = """
MATCH (t:Tracking {number: $number})
SET t.lease = timestamp() + $lease
WITH t WHERE t.writer = $writer
RETURN count(t) AS held
"""

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
    if found is not None:
        return _take_over(tx, tracking_id, writer, found)
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
    return None if found is None else _take_over(tx, tracking_id, writer, found)


def renew(tx: ManagedTransaction, held: Claim) -> None:
    """Prolong the lease; from here to the end of the transaction nobody else can take the tracking over.

    Raises:
        ConflictError: somebody else has.
    """
    record = tx.run(RENEW, number=held.number, writer=held.writer, lease=LEASE_MS).single(strict=True)
    if not record["held"]:
        raise ConflictError(
            "this writer was taken for dead, and another one took over or removed what it wrote",
            place=f"tracking number {held.number}",
            remedy="run again",
        )


def let_go(tx: ManagedTransaction, held: Claim) -> None:
    """End the lease of a writer that failed, so that the next one need not wait."""
    tx.run(LET_GO, number=held.number, writer=held.writer).consume()


def abandoned(tx: ManagedTransaction) -> list[str]:
    """Ids of the unfinished trackings that no writer alive holds."""
    return [record["id"] for record in tx.run(UNFINISHED) if not held_by_another(record, writer="")]


def _take_over(tx: ManagedTransaction, tracking_id: str, writer: str, found: Record) -> Claim:
    if held_by_another(found, writer):
        raise ConflictError(
            "another writer is at the same tracking",
            place=f"tracking {tracking_id}",
            remedy="wait until it is done, and run again",
        )
    tx.run(TAKE_OVER, id=tracking_id, writer=writer, lease=LEASE_MS).consume()
    return Claim(found["number"], writer, found["detections"], found["tracks"])


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
    try:
        return abs(psutil.Process(pid).create_time() - float(create_time)) < CLOCK_STEP_S
    except psutil.NoSuchProcess:
        return False
