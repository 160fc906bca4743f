"""Whether a database is whole: its server, its schema, and nothing in it that belongs to nothing."""

import re
from dataclasses import dataclass

from neo4j import ManagedTransaction

from graph.connection import Connection
from graph.migrations import STEPS

SERVER = """
CALL dbms.components() YIELD name, versions, edition
WITH name, versions[0] AS version, edition WHERE name = 'Neo4j Kernel'
RETURN version, edition
"""
CONSTRAINTS = "SHOW CONSTRAINTS YIELD name RETURN collect(name) AS names"

# Neo4j keeps these counts; nothing is looked at.
HELD = """
RETURN COUNT { (:Detection) } AS detections, COUNT { (:Track) } AS tracks,
       COUNT { ()-[:NEXT]->() } + COUNT { ()-[:GAP]->() } + COUNT { ()-[:DIVISION]->() } AS links
"""
ACCOUNTED_FOR = """
MATCH (t:Tracking)
RETURN coalesce(sum(t.detections), 0) AS detections, coalesce(sum(t.tracks), 0) AS tracks,
       coalesce(sum(t.next_links + t.gap_links + t.division_links), 0) AS links,
       count(CASE WHEN t.state <> 'READY' THEN 1 END) AS unfinished
"""
_MADE = re.compile(r"CREATE CONSTRAINT (\w+)")


@dataclass(frozen=True)
class Health:
    """What was found.

    Attributes:
        version, edition: of Neo4j.
        missing_constraints: names of those that the schema has and the database lacks.
        strays: how many more of each there are than the trackings account for, fewer where negative; empty
            when all fits, or when it cannot be told as something is being written.
    """

    version: str
    edition: str
    missing_constraints: tuple[str, ...]
    strays: dict[str, int]


def examine(connection: Connection) -> Health:
    """Look at a database, in one transaction and without touching its rows."""
    return connection.read(_examine)


def _examine(tx: ManagedTransaction) -> Health:
    server = tx.run(SERVER).single(strict=True)
    there = set(tx.run(CONSTRAINTS).single(strict=True)["names"])
    wanted = [name for step in STEPS for statement in step.up for name in _MADE.findall(statement)]
    missing = tuple(name for name in wanted if name not in there)
    return Health(server["version"], server["edition"], missing, _strays(tx))


def _strays(tx: ManagedTransaction) -> dict[str, int]:
    meant, held = tx.run(ACCOUNTED_FOR).single(strict=True), tx.run(HELD).single(strict=True)
    if meant["unfinished"]:
        return {}
    over = {what: held[what] - meant[what] for what in ("detections", "tracks", "links")}
    return {what: count for what, count in over.items() if count}
