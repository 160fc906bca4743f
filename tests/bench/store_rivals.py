"""What the store is held against: its own statements on prepared rows, and the ways one thinks of first."""

from collections.abc import Sequence
from functools import partial
from typing import Any, LiteralString

import numpy as np
from neo4j import Driver, ManagedTransaction

from graph.batches import TrackRows
from graph.lease import Claim, holding
from graph.write import CREATE_DIVISIONS, CREATE_TRACKS
from ingest.tracking_graph import LinkKind, TrackingGraph

Statements = Sequence[tuple[LiteralString, dict[str, Any]]]

TRACKING = "CREATE (:Tracking {number: $number, writer: $writer})"
NODES = "UNWIND $rows AS row CREATE (d:Detection) SET d = row"
TRACK_NODES = "UNWIND $rows AS row CREATE (t:Track) SET t = row"
HAS_TRACK = """
UNWIND $rows AS row MATCH (g:Tracking {number: $number}), (t:Track {id: row}) CREATE (g)-[:HAS_TRACK]->(t)
"""
HAS = "UNWIND $rows AS row MATCH (t:Track {id: row[0]}), (d:Detection {id: row[1]}) CREATE (t)-[:HAS]->(d)"
NEXT = (
    "UNWIND $rows AS row MATCH (a:Detection {id: row[0]}), (b:Detection {id: row[1]}) CREATE (a)-[:NEXT]->(b)"
)
DIVISION = """
UNWIND $rows AS row MATCH (a:Detection {id: row[0]}), (b:Detection {id: row[1]}) CREATE (a)-[:DIVISION]->(b)
"""
DIVIDES_INTO = """
UNWIND $rows AS row MATCH (u:Track {id: row[0]}), (v:Track {id: row[1]}) CREATE (u)-[:DIVIDES_INTO]->(v)
"""

ROWS = """
MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop
RETURN d.id AS id, d.frame AS frame, d.label AS label, d.y AS y, d.x AS x,
       [name IN $names | d[name]] AS features
"""
LINKS = """
MATCH (b:Detection) WHERE b.id >= $first AND b.id < $stop
MATCH (a)-[l:NEXT|GAP|DIVISION]->(b) RETURN a.id AS earlier, b.id AS later, type(l) AS kind
"""
LINEAGE = """
MATCH (t:Track {id: $track})-[:DIVIDES_INTO*0..]->(u)-[:HAS]->(d)
WITH u, d ORDER BY d.frame
WITH u, collect(d) AS ds
RETURN u.id, [d IN ds | d.id], [d IN ds | d.frame], [d IN ds | d.label], [d IN ds | d.y], [d IN ds | d.x],
       [name IN $names | [d IN ds | d[name]]]
"""


def prepare(graph: TrackingGraph, number: int) -> Statements:
    """The store's own statements with all their parameters, made before the clock starts."""
    rows, held = TrackRows(graph, number), holding(Claim(number, "bare"))
    tracks = [(CREATE_TRACKS, rows.columns(batch) | held) for batch in rows.batches()]
    divisions = [(CREATE_DIVISIONS, columns) for columns in rows.divisions()]
    return [(TRACKING, held), *tracks, *divisions]


def bare_write(driver: Driver, statements: Statements) -> None:
    """Each in a transaction of its own."""
    with driver.session() as session:
        for statement, parameters in statements:
            session.execute_write(partial(run, statement, parameters))


def run(statement: LiteralString, parameters: dict[str, Any], tx: ManagedTransaction) -> None:
    """One statement of a transaction."""
    tx.run(statement, parameters).consume()


links_by_id = bare_write


def prepare_rows(graph: TrackingGraph, number: int, batch: int) -> Statements:
    """The same graph the usual way: a map a node, then each link by the ids of its ends.

    Args:
        graph: what is written.
        number: of its tracking.
        batch: rows in a transaction.
    """
    rows, cells, tracks = TrackRows(graph, number), graph.detections, graph.tracks
    columns = {"frame": cells.frame, "label": cells.label, "y": cells.y, "x": cells.x, **cells.features}
    values = [rows.ids(np.arange(len(cells))), *(column.tolist() for column in columns.values())]
    nodes = [dict(zip(("id", *columns), row, strict=True)) for row in zip(*values, strict=True)]
    table = {"label": rows.label, "begin": tracks.begin, "end": tracks.end, "generation": tracks.generation}
    ids = rows.ids(np.arange(len(tracks)))
    whole = [ids, *(column.tolist() for column in table.values()), rows.ids(tracks.founder)]
    track_nodes = [dict(zip(("id", *table, "founder"), row, strict=True)) for row in zip(*whole, strict=True)]
    division = graph.kind == LinkKind.DIVISION
    mothers = tracks.of_detection[graph.links[division]]
    parts: list[tuple[LiteralString, list[Any]]] = [
        (TRACK_NODES, track_nodes),
        (NODES, nodes),
        (HAS_TRACK, ids),
        (HAS, pairs(rows, np.stack([tracks.of_detection, np.arange(len(cells))], axis=1))),
        (NEXT, pairs(rows, graph.links[~division])),
        (DIVISION, pairs(rows, graph.links[division])),
        (DIVIDES_INTO, pairs(rows, mothers)),
    ]
    batches = [
        (statement, {"number": number, "rows": part[begin : begin + batch]})
        for statement, part in parts
        for begin in range(0, len(part), batch)
    ]
    return [(TRACKING, holding(Claim(number, "usual"))), *batches]


def pairs(rows: TrackRows, links: Any) -> list[Any]:
    """Ids of the ends of links between rows."""
    return list(zip(rows.ids(links[:, 0]), rows.ids(links[:, 1]), strict=True))


def read_row_by_row(driver: Driver, spans: Sequence[dict[str, int]], features: Sequence[str]) -> int:
    """A whole tracking, a record a detection and a record a link; how many."""
    found = []
    with driver.session() as session:
        for span in spans:
            found += [record.values() for record in session.run(ROWS, span, names=list(features))]
            found += [record.values() for record in session.run(LINKS, dict(span))]
    return len(found)


def read_lineage(driver: Driver, track: int, features: Sequence[str]) -> int:
    """A lineage with all that the store gives, as lists; the number of its tracks."""
    with driver.session() as session:
        return len(list(session.run(LINEAGE, track=track, names=list(features))))
