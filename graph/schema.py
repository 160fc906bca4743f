"""Brings the database to the schema that this program knows, a step a version, and back where one must."""

import time
from functools import partial
from typing import LiteralString

from neo4j import ManagedTransaction

from graph.connection import Connection
from graph.migrations import STEPS, Step
from ingest.errors import StoreError

SCHEMA_VERSION = len(STEPS)

# The label is looked for even where no node has it yet: a new database has version 0.
VERSION = "OPTIONAL MATCH (s:Schema {name: 'cellkin'}) RETURN coalesce(s.version, 0) AS version"

# A constraint is ready when its statement returns; an index is filled afterwards, for which this waits (s).
AWAIT_INDEXES = "CALL db.awaitIndexes(60)"
AWAIT_TRIES, AWAIT_PAUSE_S = 3, 1.0

# Two processes may do the same step; the version never goes back by itself.
REMEMBER_VERSION = """
MERGE (s:Schema {name: 'cellkin'})
SET s.version = CASE WHEN s.version > $version THEN s.version ELSE $version END
"""
GO_BACK_TO_VERSION = "MATCH (s:Schema {name: 'cellkin'}) SET s.version = $version"


def schema_version(connection: Connection) -> int:
    """The schema version of a database; 0 of an empty one."""
    return connection.read(_version)


def create_schema(connection: Connection) -> None:
    """Bring the database up to this program's schema; one query where that has been done.

    Raises:
        StoreError: a newer cellkin has changed it.
    """
    version = schema_version(connection)
    if version > SCHEMA_VERSION:
        raise _other_version(connection, version, "update cellkin, or use another database")
    for done, step in enumerate(STEPS[version:], start=version):
        connection.write(partial(_run, step.up))
        if any("CREATE INDEX" in statement for statement in step.up):
            _await_indexes(connection)
        _fill(connection, step)
        connection.write(partial(_remember, done + 1))


def require_current(connection: Connection) -> None:
    """See that the database has just this program's schema.

    Raises:
        StoreError: it has another, or does not answer.
    """
    version = schema_version(connection)
    if version != SCHEMA_VERSION:
        raise _other_version(connection, version, "start this service anew, or update cellkin")


def repair_schema(connection: Connection) -> None:
    """Run every step's commands again: they do nothing where all is as it should be."""
    for step in STEPS:
        connection.write(partial(_run, step.up))


def take_back(connection: Connection, version: int) -> None:
    """Take the database back to an older schema version, for an older cellkin.

    Args:
        connection: to the database.
        version: that the older cellkin knows; at least 1.
    """
    for done in range(schema_version(connection), version, -1):
        connection.write(partial(_run, STEPS[done - 1].down))
        connection.write(partial(_go_back, done - 1))


def _other_version(connection: Connection, version: int, remedy: str) -> StoreError:
    problem = f"the database has schema version {version}, this cellkin knows {SCHEMA_VERSION}"
    return StoreError(problem, place=connection.credentials.uri, remedy=remedy)


def _fill(connection: Connection, step: Step) -> None:
    after: int | None = -1
    while step.fill is not None and after is not None:
        after = connection.write(partial(_fill_page, step.fill, after))


def _fill_page(fill: LiteralString, after: int, tx: ManagedTransaction) -> int | None:
    found: int | None = tx.run(fill, after=after).single(strict=True)["after"]
    return found


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


def _go_back(version: int, tx: ManagedTransaction) -> None:
    tx.run(GO_BACK_TO_VERSION, version=version).consume()


def _version(tx: ManagedTransaction) -> int:
    return int(tx.run(VERSION).single(strict=True)["version"])
