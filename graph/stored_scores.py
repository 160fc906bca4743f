"""Scores in the database: one a pair of trackings."""

import json
from collections.abc import Sequence

from neo4j import ManagedTransaction, Record

from graph.content import score_id
from graph.records import ScoreRecord, Table
from ingest.errors import ConflictError

# Writing it again replaces it. The headline stands beside the table for who looks at it in Neo4j Browser.
WRITE_SCORE = """
MATCH (c:Tracking {id: $computed, state: 'READY'}), (r:Tracking {id: $reference, state: 'READY'})
MERGE (s:Score {id: $id})
SET s = $headline, s.id = $id, s.table = $table, s.created = datetime()
MERGE (s)-[:OF]->(c)
MERGE (s)-[:AGAINST]->(r)
RETURN s, c.id AS computed, r.id AS reference
"""

# All scores that a tracking takes part in, on either side.
SCORES = """
UNWIND $trackings AS id
MATCH (:Tracking {id: id, state: 'READY'})<-[:OF|AGAINST]-(s:Score)
WITH DISTINCT s
MATCH (c:Tracking {state: 'READY'})<-[:OF]-(s)-[:AGAINST]->(r:Tracking {state: 'READY'})
RETURN s, c.id AS computed, r.id AS reference ORDER BY s.created, s.id
"""


def write(tx: ManagedTransaction, computed: str, reference: str, table: Table) -> ScoreRecord:
    """Store the score of a pair, in place of an older one.

    Raises:
        ConflictError: a tracking is being removed.
    """
    record = tx.run(
        WRITE_SCORE,
        id=score_id(computed, reference),
        computed=computed,
        reference=reference,
        table=json.dumps(table),
        headline={name: value for name, value in table.items() if isinstance(value, int | float)},
    ).single()
    if record is None:
        raise ConflictError(
            "a tracking was removed while it was being scored",
            place=f"trackings {computed} and {reference}",
            remedy="score trackings that are stored",
        )
    return _score(record)


def of_trackings(tx: ManagedTransaction, trackings: Sequence[str]) -> list[ScoreRecord]:
    """All scores that these trackings take part in, the oldest first."""
    return [_score(record) for record in tx.run(SCORES, trackings=list(trackings))]


def _score(record: Record) -> ScoreRecord:
    node = record["s"]
    return ScoreRecord(
        id=node["id"],
        computed_id=record["computed"],
        reference_id=record["reference"],
        table=json.loads(node["table"]),
        created=node["created"].to_native(),
    )
