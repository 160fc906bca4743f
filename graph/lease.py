"""Who may write a tracking: a claim in one transaction, and a lease that a dead writer loses."""

import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import psutil
from neo4j import ManagedTransaction

from ingest.errors import ConflictError

LEASE_MS = 120_000
"""A writer that has not finished a batch for so long counts as dead, by the server's clock."""

# Claims come one after the other: each waits for the lock that this SET takes on the counter.
LOCK_COUNTER = """
MERGE (c:Counter {name: 'tracking'})
SET c.value = coalesce(c.value, 0)
"""

FIND = """
MATCH (t:Tracking {id: $id})
RETURN t.number AS number, t.state AS state, t.writer AS writer, t.lease < timestamp() AS expired
"""

CREATE = """
MATCH (c:Counter {name: 'tracking'}), (m:Movie {id: $movie})
SET c.value = c.value + 1
CREATE (m)-[:HAS_TRACKING]->(t:Tracking {id: $id, number: c.value, state: 'WRITING', writer: $writer})
SET t += $properties, t.lease = timestamp() + $lease, t.created = datetime()
RETURN t.number AS number
"""

# What a dead writer left, or what is to be removed, keeps its number; from here on nobody sees it.
TAKE_OVER = """
MATCH (t:Tracking {id: $id})
SET t.writer = $writer, t.state = 'WRITING', t.lease = timestamp() + $lease
RETURN t.number AS number
"""

RENEW = """
MATCH (t:Tracking {number: $number, writer: $writer}) WHERE t.state <> 'READY'
SET t.lease = timestamp() + $lease
RETURN count(t) AS held
"""

LET_GO = """
MATCH (t:Tracking {number: $number, writer: $writer})
SET t.lease = 0
"""

# What no writer alive holds: the same rule as for a claim, without wanting the tracking.
UNFINISHED = """
MATCH (t:Tracking) WHERE t.state <> 'READY'
RETURN t.id AS id, t.writer AS writer, t.lease < timestamp() AS expired,
       t.detections AS detections, t.tracks AS tracks
"""


@dataclass(frozen=True)
class Claim:
    """What a writer found when it asked for a tracking.

    Attributes:
        number: of the tracking.
        writer: the token of who asked.
        ready: it is there already, complete.
        abandoned: a dead writer left it unfinished, and it belongs to who asked now.
    """

    number: int
    writer: str
    ready: bool = False
    abandoned: bool = False


def new_writer() -> str:
    """A token that tells this machine, this process and this write from all others."""
    process = psutil.Process()
    return json.dumps([socket.gethostname(), process.pid, process.create_time(), secrets.token_hex(8)])


def claim(
    tx: ManagedTransaction, tracking_id: str, movie_id: str, writer: str, properties: Mapping[str, Any]
) -> Claim:
    """Make the tracking this writer's own, unless it is complete or somebody alive writes it.

    Raises:
        ConflictError: another writer is at it.
    """
    tx.run(LOCK_COUNTER).consume()
    found = tx.run(FIND, id=tracking_id).single()
    if found is None:
        created = tx.run(
            CREATE, id=tracking_id, movie=movie_id, writer=writer, properties=properties, lease=LEASE_MS
        ).single(strict=True)
        return Claim(cast("int", created["number"]), writer)
    number = cast("int", found["number"])
    if found["state"] == "READY":
        return Claim(number, writer, ready=True)
    if found["writer"] != writer and not found["expired"] and _may_live(found["writer"]):
        raise ConflictError(
            "another writer is storing the same tracking",
            place=f"tracking {tracking_id}",
            remedy="wait until it is done, then run again to find it stored",
        )
    return take_over(tx, tracking_id, writer)


def take_over(tx: ManagedTransaction, tracking_id: str, writer: str) -> Claim:
    """Make a tracking this writer's own, complete or not; it is hidden."""
    found = tx.run(TAKE_OVER, id=tracking_id, writer=writer, lease=LEASE_MS).single(strict=True)
    return Claim(found["number"], writer, abandoned=True)


def renew(tx: ManagedTransaction, held: Claim) -> None:
    """Prolong the lease, in the transaction of a batch.

    Raises:
        ConflictError: somebody else has taken the tracking over.
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


def abandoned(tx: ManagedTransaction) -> list[Mapping[str, Any]]:
    """The unfinished trackings that no writer alive holds: id, and the rows they were to have."""
    found = [record.data() for record in tx.run(UNFINISHED)]
    return [record for record in found if record["expired"] or not _may_live(record["writer"])]


def _may_live(writer: str) -> bool:
    """Whether a writer's process may still run; one of another machine may."""
    host, pid, create_time, _ = json.loads(writer)
    if host != socket.gethostname():
        return True
    try:
        return bool(psutil.Process(pid).create_time() == create_time)
    except psutil.NoSuchProcess:
        return False
