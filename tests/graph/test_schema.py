"""The schema is made once, by whoever comes first, and is not touched by an older program."""

from collections.abc import Iterator
from functools import partial
from threading import Barrier, Thread
from typing import LiteralString
from unittest.mock import patch

import pytest
from neo4j import ManagedTransaction

from graph import schema
from graph.connection import Connection
from graph.schema import create_schema
from ingest.errors import StoreError

pytestmark = pytest.mark.neo4j

CONSTRAINTS = sum("CONSTRAINT" in statement for step in schema.STEPS for statement in step)


@pytest.fixture
def bare(connection: Connection) -> Iterator[Connection]:
    """A database without schema; it has one again afterwards."""
    drop = "DROP CONSTRAINT $name"
    for constraint in constraints(connection):
        connection.write(partial(run, drop, name=constraint))
    for index in indexes(connection):
        connection.write(partial(run, "DROP INDEX $name", name=index))
    forget(connection)
    yield connection
    forget(connection)
    create_schema(connection)


def run(query: LiteralString, tx: ManagedTransaction, **parameters: str) -> None:
    tx.run(query, parameters).consume()


def indexes(connection: Connection) -> list[str]:
    """Those that no constraint has made."""
    query = """SHOW INDEXES YIELD name, type, owningConstraint
    WHERE owningConstraint IS NULL AND type = 'RANGE' RETURN name"""
    return connection.read(lambda tx: [record["name"] for record in tx.run(query)])


def forget(connection: Connection) -> None:
    connection.write(lambda tx: tx.run("MATCH (s:Schema) DELETE s").consume())


def constraints(connection: Connection) -> list[str]:
    query = "SHOW CONSTRAINTS YIELD name RETURN name ORDER BY name"
    return connection.read(lambda tx: [record["name"] for record in tx.run(query)])


def version(connection: Connection) -> list[int]:
    query = "MATCH (s:Schema) RETURN s.version AS version"
    return connection.read(lambda tx: [record["version"] for record in tx.run(query)])


def test_every_id_is_unique(bare: Connection) -> None:
    create_schema(bare)
    assert constraints(bare) == [
        *("counter_name", "detection_id", "error_id", "movie_id", "schema_name", "score_id", "score_key"),
        *("score_number", "track_id", "tracking_id", "tracking_number"),
    ]
    assert version(bare) == [schema.SCHEMA_VERSION]


def test_two_processes_may_make_it_at_once(bare: Connection) -> None:
    gate, failed = Barrier(3), []

    def making() -> None:
        gate.wait()
        try:
            create_schema(bare)
        except StoreError as error:
            failed.append(error)

    threads = [Thread(target=making) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert (len(constraints(bare)), version(bare)) == (CONSTRAINTS, [schema.SCHEMA_VERSION])


def test_a_step_that_was_cut_short_runs_again(bare: Connection) -> None:
    first, *others = schema.STEPS[0]
    with patch.object(schema, "STEPS", ((first, "NO CYPHER"),)), pytest.raises(StoreError):
        create_schema(bare)
    assert (constraints(bare), version(bare)) == ([], [])
    create_schema(bare)
    assert len(others) > 0
    assert len(constraints(bare)) == CONSTRAINTS


def test_only_the_missing_steps_run(bare: Connection) -> None:
    create_schema(bare)
    new = "CREATE INDEX movie_name IF NOT EXISTS FOR (m:Movie) ON (m.name)"
    known, newer = schema.SCHEMA_VERSION, schema.SCHEMA_VERSION + 1
    steps = (*(("NO CYPHER",) for _ in range(known)), (new,))
    with patch.object(schema, "STEPS", steps), patch.object(schema, "SCHEMA_VERSION", newer):
        create_schema(bare)
    assert version(bare) == [newer]
    with pytest.raises(StoreError, match=f"schema version {newer}, this cellkin knows {known}"):
        create_schema(bare)
    bare.write(lambda tx: tx.run("DROP INDEX movie_name").consume())
