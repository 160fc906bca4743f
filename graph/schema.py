"""Constraints and indexes of the database, created where they are missing."""

from functools import partial
from typing import LiteralString

from neo4j import ManagedTransaction

from graph.connection import Connection
from ingest.errors import StoreError

SCHEMA_VERSION = 1

# Schema commands take no parameters; all of these are constants. Each makes the index that a look-up needs:
# detections and tracks of one tracking are a range of ids, so these two serve whole trackings as well.
STATEMENTS = (
    "CREATE CONSTRAINT movie_id IF NOT EXISTS FOR (m:Movie) REQUIRE m.id IS UNIQUE",
    "CREATE CONSTRAINT tracking_id IF NOT EXISTS FOR (t:Tracking) REQUIRE t.id IS UNIQUE",
    "CREATE CONSTRAINT tracking_number IF NOT EXISTS FOR (t:Tracking) REQUIRE t.number IS UNIQUE",
    "CREATE CONSTRAINT track_id IF NOT EXISTS FOR (t:Track) REQUIRE t.id IS UNIQUE",
    "CREATE CONSTRAINT detection_id IF NOT EXISTS FOR (d:Detection) REQUIRE d.id IS UNIQUE",
    "CREATE CONSTRAINT score_id IF NOT EXISTS FOR (s:Score) REQUIRE s.id IS UNIQUE",
    "CREATE CONSTRAINT counter_name IF NOT EXISTS FOR (c:Counter) REQUIRE c.name IS UNIQUE",
    "CREATE CONSTRAINT schema_name IF NOT EXISTS FOR (s:Schema) REQUIRE s.name IS UNIQUE",
)

# Waits until the indexes can be used, in seconds.
AWAIT_INDEXES = "CALL db.awaitIndexes(60)"

# A schema that is newer than this program is left as it is; the version tells who made it.
REMEMBER_VERSION = """
MERGE (s:Schema {name: 'cellkin'}) ON CREATE SET s.version = $version
RETURN s.version AS version
"""


def create_schema(connection: Connection) -> None:
    """Make the database ready; does nothing where that has been done.

    Raises:
        StoreError: a newer cellkin has made it.
    """
    for statement in (*STATEMENTS, AWAIT_INDEXES):
        connection.write(partial(_run, statement))
    version = connection.write(_version)
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the database has schema version {version}, this cellkin knows {SCHEMA_VERSION}",
            place=connection.credentials.uri,
            remedy="update cellkin, or use another database",
        )


def _run(statement: LiteralString, tx: ManagedTransaction) -> None:
    tx.run(statement).consume()


def _version(tx: ManagedTransaction) -> int:
    record = tx.run(REMEMBER_VERSION, version=SCHEMA_VERSION).single(strict=True)
    return int(record["version"])
