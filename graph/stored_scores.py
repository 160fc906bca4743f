"""Scores in the database: one a pair of trackings and set of parameters; its errors: stored_errors.py."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neo4j import ManagedTransaction, Record

from graph import stored_errors
from graph.lease import LEASE_MS, held_by_another, lock_claims
from graph.records import ScoreRecord, StaleReason
from graph.scores.errors import ErrorKind
from graph.scores.parameters import DEFINITION, ScoreParameters
from ingest.errors import ConflictError, StoreError

# The headline stands beside the table for who looks at a score in Neo4j Browser. A score is written under a
# key of its own and gets its id when it is complete, in the place of an older one; until then nobody sees it.
CLAIM_SCORE = """
MATCH (c:Tracking {id: $computed, state: 'READY'}), (r:Tracking {id: $reference, state: 'READY'})
MERGE (n:Counter {name: 'score'})
SET n.value = coalesce(n.value, 0) + 1
CREATE (s:Score)
SET s = $headline, s += $properties, s.id = null, s.state = 'WRITING', s.number = n.value, s.key = $writer,
    s.writer = $writer, s.lease = timestamp() + $lease, s.name = c.author + ' against ' + r.author
CREATE (s)-[:OF]->(c), (s)-[:AGAINST]->(r)
RETURN s.number AS number
"""
CLAIMED_SCORE = "MATCH (s:Score {key: $writer}) RETURN s.number AS number"

# As in lease.if_held, the SET waits for the lock before the writer is read.
RENEW_SCORE = """
MATCH (s:Score {number: $number})
SET s.lease = timestamp() + $lease
WITH s WHERE s.writer = $writer AND s.state = 'WRITING'
RETURN count(s) AS held
"""
IS_SCORE_SHOWN = "RETURN EXISTS { (:Score {number: $number, state: 'READY'}) } AS shown"

# Both in one transaction: the older score goes as the new one comes.
HIDE_OLDER = """
MATCH (s:Score {id: $id})
SET s.id = null, s.state = 'REMOVED', s.writer = $writer, s.lease = timestamp() + $lease
"""
SHOW_SCORE = """
MATCH (s:Score {number: $number})
SET s.id = $id, s.state = 'READY', s.created = coalesce($created, datetime())
REMOVE s.writer, s.lease
"""

HIDE_SCORE = """
MATCH (s:Score {number: $number})
SET s.id = null, s.state = 'REMOVED', s.writer = $writer, s.lease = timestamp() + $lease
RETURN s.error_count AS errors
"""
LET_GO_SCORE = "MATCH (s:Score {number: $number, writer: $writer}) SET s.lease = 0"
DELETE_SCORE = "MATCH (s:Score {number: $number}) DETACH DELETE s"
# What OF leads from is a score: its label is not named, so that no plan begins with all scores.
SCORES_OF_NUMBER = """
MATCH (:Tracking {number: $tracking})<-[:OF|AGAINST]-(s)
WHERE s.number IS NOT NULL
RETURN DISTINCT s.number AS number
"""
UNFINISHED_SCORES = """
MATCH (s:Score) WHERE s.state IN ['WRITING', 'REMOVED']
RETURN s.number AS number, s.state AS state, s.writer AS writer, s.lease < timestamp() AS expired
"""
HIDDEN_SCORES = """
MATCH (s:Score) WHERE s.state = 'REMOVED' AND s.writer = $writer RETURN s.number AS number
"""

# All scores that a tracking takes part in, on either side. A tracking never changes, but another one may have
# taken its place: by the same author, later, made in the same way unless a person of that name tells the
# truth; or curated from it.
SCORES = """
UNWIND $trackings AS id
MATCH (:Tracking {id: id, state: 'READY'})<-[:OF|AGAINST]-(s)
WHERE s.id IS NOT NULL AND s.number IS NOT NULL
WITH DISTINCT s
MATCH (s)-[:OF]->(c:Tracking {state: 'READY'}), (s)-[:AGAINST]->(r:Tracking {state: 'READY'})
MATCH (m:Movie)-[:HAS_TRACKING]->(c)
RETURN s, m.id AS movie, c.id AS computed, r.id AS reference,
  [old IN [c, r] | HEAD(COLLECT {
    MATCH (m)-[:HAS_TRACKING]->(n:Tracking {state: 'READY'})
    WHERE n.created > old.created AND ((n.kind = old.kind AND n.author = old.author
        AND ((n.kind = 'GROUND_TRUTH' AND n.author <> 'unknown') OR n.parameters = old.parameters))
      OR (n.kind = 'CURATED' AND n.parameters CONTAINS old.id))
    RETURN n.id ORDER BY n.created DESC LIMIT 1 })] AS newer
ORDER BY s.created, s.id
"""
TRACKINGS_OF_SCORES = """
UNWIND $ids AS id
MATCH (s:Score {id: id})-[:OF]->(c:Tracking {state: 'READY'})
RETURN c.id AS computed
"""


@dataclass(frozen=True)
class ScoreClaim:
    """A score that is being written or removed.

    Attributes:
        number: of the score in the store; ids of its errors derive from it.
        writer: the token of who does it.
    """

    number: int
    writer: str


def claim(
    tx: ManagedTransaction, computed: str, reference: str, writer: str, content: Mapping[str, Any]
) -> ScoreClaim:
    """Begin a score, which nobody sees yet.

    Args:
        tx: where to write.
        computed: id of the tracking that is judged.
        reference: id of what is taken as the truth.
        writer: the token of who writes.
        content: `content_of` the score.

    Raises:
        ConflictError: a tracking is being removed.
    """
    lock_claims(tx)  # so that a tracking's removal sees this score, or this sees the removal
    found = tx.run(CLAIMED_SCORE, writer=writer).single()
    if found is None:
        found = tx.run(
            CLAIM_SCORE, computed=computed, reference=reference, writer=writer, lease=LEASE_MS, **content
        ).single()
    if found is None:
        raise _removed(f"trackings {computed} and {reference}")
    return ScoreClaim(found["number"], writer)


def content_of(
    table: Mapping[str, Any], parameters: ScoreParameters, errors: Mapping[ErrorKind, int]
) -> dict[str, Any]:
    """The properties of a score's node."""
    properties = {
        "table": json.dumps(table),
        "parameters": json.dumps(parameters.as_dict()),
        "definition": DEFINITION,
        "error_count": sum(errors.values()),
        "errors_by_kind": json.dumps({kind.name: count for kind, count in errors.items()}),
    }
    headline = {name: value for name, value in table.items() if isinstance(value, int | float)}
    return {"properties": properties, "headline": headline}


def renew(tx: ManagedTransaction, held: ScoreClaim) -> None:
    """Prolong the lease.

    Raises:
        ConflictError: somebody else has taken the score over, or it is gone with one of its trackings.
    """
    record = tx.run(RENEW_SCORE, number=held.number, writer=held.writer, lease=LEASE_MS).single(strict=True)
    if not record["held"]:
        raise _removed(f"score number {held.number}")


def create_errors(tx: ManagedTransaction, held: ScoreClaim, columns: Mapping[str, Any]) -> None:
    """Create some errors of a score."""
    renew(tx, held)
    stored_errors.create(tx, columns)


def show(
    tx: ManagedTransaction, held: ScoreClaim, score_id: str, errors: int, created: datetime | None
) -> None:
    """Make a score visible, if all of its errors are there, and hide the one that it replaces.

    Args:
        tx: where to write.
        held: the score.
        score_id: that it gets.
        errors: how many it must have.
        created: when it was written first; None for now.

    Raises:
        StoreError: errors are missing.
    """
    if tx.run(IS_SCORE_SHOWN, number=held.number).single(strict=True)["shown"]:
        return  # it runs again since the first answer was lost on its way
    renew(tx, held)
    found = stored_errors.count(tx, held.number)
    if found != errors:
        raise StoreError(
            f"{found} errors were written, {errors} were meant",
            place=f"score number {held.number}",
            remedy="run again; nothing of it is visible",
        )
    tx.run(HIDE_OLDER, id=score_id, writer=held.writer, lease=LEASE_MS).consume()
    tx.run(SHOW_SCORE, number=held.number, id=score_id, created=created).consume()


def hide(tx: ManagedTransaction, number: int, writer: str) -> tuple[ScoreClaim, int]:
    """Hide a score, complete or not, to remove it; how many errors there may be of it."""
    found = tx.run(HIDE_SCORE, number=number, writer=writer, lease=LEASE_MS).single()
    return ScoreClaim(number, writer), found["errors"] if found else 0


def delete_errors(tx: ManagedTransaction, span: Mapping[str, int]) -> None:
    """Delete the errors of a range of ids."""
    tx.run(stored_errors.DELETE_ERRORS, dict(span)).consume()


def delete(tx: ManagedTransaction, held: ScoreClaim) -> None:
    """Delete a score that has no errors left."""
    tx.run(DELETE_SCORE, number=held.number).consume()


def let_go(tx: ManagedTransaction, held: ScoreClaim) -> None:
    """End the lease of a writer that failed."""
    tx.run(LET_GO_SCORE, number=held.number, writer=held.writer).consume()


def of_tracking(tx: ManagedTransaction, number: int) -> list[int]:
    """Numbers of the scores that a tracking takes part in, complete or not."""
    return [record["number"] for record in tx.run(SCORES_OF_NUMBER, tracking=number)]


def hidden_by(tx: ManagedTransaction, writer: str) -> list[int]:
    """Numbers of the scores that a writer has replaced and not removed yet."""
    return [record["number"] for record in tx.run(HIDDEN_SCORES, writer=writer)]


def abandoned(tx: ManagedTransaction) -> list[int]:
    """Numbers of the unfinished scores that no writer alive holds."""
    return [
        record["number"] for record in tx.run(UNFINISHED_SCORES) if not held_by_another(record, writer="")
    ]


def of_trackings(tx: ManagedTransaction, trackings: Sequence[str]) -> list[ScoreRecord]:
    """All scores that these trackings take part in, the oldest first."""
    return [_score(record) for record in tx.run(SCORES, trackings=list(trackings))]


def by_id(tx: ManagedTransaction, ids: Sequence[str]) -> list[ScoreRecord]:
    """The scores of these ids that there are."""
    trackings = {record["computed"] for record in tx.run(TRACKINGS_OF_SCORES, ids=list(ids))}
    return [score for score in of_trackings(tx, sorted(trackings)) if score.id in ids]


def _score(record: Record) -> ScoreRecord:
    node = record["s"]
    errors = json.loads(node["errors_by_kind"])
    return ScoreRecord(
        id=node["id"],
        number=node["number"],
        movie_id=record["movie"],
        computed_id=record["computed"],
        reference_id=record["reference"],
        parameters=ScoreParameters.from_dict(json.loads(node["parameters"])),
        table=json.loads(node["table"]),
        errors={ErrorKind[kind]: count for kind, count in errors.items()},
        stale=_stale(record),
        created=node["created"].to_native(),
    )


def _stale(record: Record) -> tuple[StaleReason, ...]:
    reasons = [] if record["s"]["definition"] == DEFINITION else [StaleReason("definition", None)]
    sides = zip(("computed", "reference"), record["newer"], strict=True)
    return (*reasons, *(StaleReason(side, newer) for side, newer in sides if newer is not None))


def _removed(place: str) -> ConflictError:
    return ConflictError(
        "a tracking was removed while it was being scored",
        place=place,
        remedy="score trackings that are stored",
    )
