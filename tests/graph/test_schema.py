"""The schema is made once, by whoever comes first, and is not touched by an older program."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Barrier, Thread
from unittest.mock import patch

import pytest

from graph import schema
from graph.connection import Connection
from graph.migrations import STEPS, Step
from graph.schema import create_schema, take_back
from graph.store import LineageStore
from ingest.errors import StoreError
from tests import lineages
from tests.graph.stored import put

pytestmark = pytest.mark.neo4j

CONSTRAINTS = sum("CONSTRAINT" in statement for step in STEPS for statement in step.up)


@pytest.fixture
def bare(connection: Connection) -> Iterator[Connection]:
    """A database without schema; it has one again afterwards."""
    take_back(connection, 0)
    forget(connection)
    yield connection
    forget(connection)
    create_schema(connection)


def forget(connection: Connection) -> None:
    connection.write(lambda tx: tx.run("MATCH (s:Schema) DELETE s").consume())


def constraints(connection: Connection) -> list[str]:
    query = "SHOW CONSTRAINTS YIELD name RETURN name ORDER BY name"
    return connection.read(lambda tx: [record["name"] for record in tx.run(query)])


def indexes(connection: Connection) -> list[str]:
    query = "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name ORDER BY name"
    return connection.read(lambda tx: [record["name"] for record in tx.run(query)])


def version(connection: Connection) -> list[int]:
    query = "MATCH (s:Schema) RETURN s.version AS version"
    return connection.read(lambda tx: [record["version"] for record in tx.run(query)])


def test_every_id_is_unique(bare: Connection) -> None:
    create_schema(bare)
    assert constraints(bare) == [
        *("counter_name", "detection_id", "error_id", "job_id", "job_number", "movie_id", "schema_name"),
        *("score_id", "score_key", "score_number", "token_id", "track_id", "track_label"),
        *("tracking_id", "tracking_number"),
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
    broken = replace(STEPS[0], up=(STEPS[0].up[0], "NO CYPHER"))
    with patch.object(schema, "STEPS", (broken,)), pytest.raises(StoreError):
        create_schema(bare)
    assert (constraints(bare), version(bare)) == ([], [])
    create_schema(bare)
    assert (len(constraints(bare)), version(bare)) == (CONSTRAINTS, [schema.SCHEMA_VERSION])


def test_only_the_missing_steps_run(bare: Connection) -> None:
    create_schema(bare)
    new = Step(
        "movies by name",
        ("CREATE INDEX movie_name IF NOT EXISTS FOR (m:Movie) ON (m.name)",),
        ("DROP INDEX movie_name IF EXISTS",),
    )
    broken = replace(new, up=("NO CYPHER",))
    number = len(STEPS) + 1
    with (
        patch.object(schema, "STEPS", (*[broken] * len(STEPS), new)),
        patch.object(schema, "SCHEMA_VERSION", number),
    ):
        create_schema(bare)
        assert version(bare) == [number]
        with patch.object(schema, "SCHEMA_VERSION", number - 1), pytest.raises(StoreError, match="update"):
            create_schema(bare)
        take_back(bare, number - 1)
    assert (version(bare), "movie_name" in indexes(bare)) == ([number - 1], False)


def test_each_step_can_be_taken_back_and_done_again(bare: Connection) -> None:
    versions = [(constraints(bare), indexes(bare))]
    for number in range(1, len(STEPS) + 1):
        with patch.object(schema, "STEPS", STEPS[:number]), patch.object(schema, "SCHEMA_VERSION", number):
            create_schema(bare)
        versions.append((constraints(bare), indexes(bare)))
    assert len({str(made) for made in versions}) == len(STEPS) + 1
    for number in range(len(STEPS) - 1, -1, -1):
        take_back(bare, number)
        assert (constraints(bare), indexes(bare)) == versions[number]


def test_tracks_that_were_stored_before_get_what_a_step_adds(bare: Connection, store: LineageStore) -> None:
    record = put(store, lineages.generations())
    take_back(bare, 1)
    bare.write(lambda tx: tx.run("MATCH (t:Track) REMOVE t.tracking").consume())
    create_schema(bare)
    assert [track.label for track in store.tracks(record.id, label=5)] == [5]
