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


@pytest.fixture
def bare(connection: Connection) -> Iterator[Connection]:
    """A database without schema; it has one again afterwards."""
    drop = "DROP CONSTRAINT $name"
    for constraint in constraints(connection):
        connection.write(partial(run, drop, name=constraint))
    forget(connection)
    yield connection
    forget(connection)
    create_schema(connection)


def run(query: LiteralString, tx: ManagedTransaction, **parameters: str) -> None:
    tx.run(query, parameters).consume()


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
    names = ["counter_name", "detection_id", "movie_id", "schema_name", "score_id", "track_id"]
    assert constraints(bare) == [*names, "tracking_id", "tracking_number"]
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
    assert (len(constraints(bare)), version(bare)) == (8, [schema.SCHEMA_VERSION])


def test_a_step_that_was_cut_short_runs_again(bare: Connection) -> None:
    first, *others = schema.STEPS[0]
    with patch.object(schema, "STEPS", ((first, "NO CYPHER"),)), pytest.raises(StoreError):
        create_schema(bare)
    assert (constraints(bare), version(bare)) == ([], [])
    create_schema(bare)
    assert len(constraints(bare)) == 1 + len(others)


def test_only_the_missing_steps_run(bare: Connection) -> None:
    create_schema(bare)
    new = "CREATE INDEX movie_name IF NOT EXISTS FOR (m:Movie) ON (m.name)"
    steps = (("NO CYPHER",), (new,))
    with patch.object(schema, "STEPS", steps), patch.object(schema, "SCHEMA_VERSION", 2):
        create_schema(bare)
    assert version(bare) == [2]
    with pytest.raises(StoreError, match="schema version 2, this cellkin knows 1"):
        create_schema(bare)
    bare.write(lambda tx: tx.run("DROP INDEX movie_name").consume())
