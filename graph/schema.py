"""Constraints and indexes of the database, brought up to date a step a version."""

import time
from functools import partial
from typing import LiteralString

from neo4j import ManagedTransaction

from graph.connection import Connection
from ingest.errors import StoreError

# Step n leads from schema version n to n + 1. Every statement does nothing where it has been done, so a step
# that was cut short runs again. Schema commands take no parameters: all of these are constants.
STEPS: tuple[tuple[LiteralString, ...], ...] = (
    (
        # Each makes the index of a look-up. The detections and the tracks of a tracking are ranges of ids,
        # so the indexes of single ones serve whole trackings and pages too.
        "CREATE CONSTRAINT movie_id IF NOT EXISTS FOR (m:Movie) REQUIRE m.id IS UNIQUE",
        "CREATE CONSTRAINT tracking_id IF NOT EXISTS FOR (t:Tracking) REQUIRE t.id IS UNIQUE",
        "CREATE CONSTRAINT tracking_number IF NOT EXISTS FOR (t:Tracking) REQUIRE t.number IS UNIQUE",
        "CREATE CONSTRAINT track_id IF NOT EXISTS FOR (t:Track) REQUIRE t.id IS UNIQUE",
        "CREATE CONSTRAINT detection_id IF NOT EXISTS FOR (d:Detection) REQUIRE d.id IS UNIQUE",
        "CREATE CONSTRAINT score_id IF NOT EXISTS FOR (s:Score) REQUIRE s.id IS UNIQUE",
        "CREATE CONSTRAINT counter_name IF NOT EXISTS FOR (c:Counter) REQUIRE c.name IS UNIQUE",
        "CREATE CONSTRAINT schema_name IF NOT EXISTS FOR (s:Schema) REQUIRE s.name IS UNIQUE",
    ),
    (
        # Scores with their errors: the errors of a score are a range of ids, those of a kind a stretch of an
        # index. A score written before has neither; nobody sees it, and it goes with its trackings.
        "CREATE CONSTRAINT score_number IF NOT EXISTS FOR (s:Score) REQUIRE s.number IS UNIQUE",
        "CREATE CONSTRAINT score_key IF NOT EXISTS FOR (s:Score) REQUIRE s.key IS UNIQUE",
        "CREATE CONSTRAINT error_id IF NOT EXISTS FOR (e:Error) REQUIRE e.id IS UNIQUE",
        "CREATE INDEX score_state IF NOT EXISTS FOR (s:Score) ON (s.state)",
        "CREATE INDEX error_kind IF NOT EXISTS FOR (e:Error) ON (e.score, e.kind, e.frame)",
    ),
)
SCHEMA_VERSION = len(STEPS)

# The label is looked for even where no node has it yet: a new database has version 0.
VERSION = "OPTIONAL MATCH (s:Schema {name: 'cellkin'}) RETURN coalesce(s.version, 0) AS version"

# A constraint is ready when its statement returns; an index is filled afterwards, for which this waits (s).
AWAIT_INDEXES = "CALL db.awaitIndexes(60)"
AWAIT_TRIES, AWAIT_PAUSE_S = 3, 1.0

# Two processes may do the same step; the version never goes back.
REMEMBER_VERSION = """
MERGE (s:Schema {name: 'cellkin'})
SET s.version = CASE WHEN s.version > $version THEN s.version ELSE $version END
"""


def create_schema(connection: Connection) -> None:
    """Bring the database up to this program's schema; one query where that has been done.

    Raises:
        StoreError: a newer cellkin has changed it.
    """
    version = connection.read(_version)
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the database has schema version {version}, this cellkin knows {SCHEMA_VERSION}",
            place=connection.credentials.uri,
            remedy="update cellkin, or use another database",
        )
    for done, statements in enumerate(STEPS[version:], start=version):
        connection.write(partial(_run, statements))
        _await_indexes(connection)
        connection.write(partial(_remember, done + 1))


def _run(statements: tuple[LiteralString, ...], tx: ManagedTransaction) -> None:
    for statement in statements:
        tx.run(statement).consume()


def _await_indexes(connection: Connection) -> None:
    """Wait for all of them; the procedure fails where another process makes the same at the same time."""
    for left in reversed(range(AWAIT_TRIES)):
        try:
            connection.read(partial(_run, (AWAIT_INDEXES,)))
        except StoreError:
            if not left:
                raise
            time.sleep(AWAIT_PAUSE_S)
        else:
            return


def _remember(version: int, tx: ManagedTransaction) -> None:
    tx.run(REMEMBER_VERSION, version=version).consume()


def _version(tx: ManagedTransaction) -> int:
    return int(tx.run(VERSION).single(strict=True)["version"])
