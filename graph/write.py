"""The rows of a tracking into the database and out of it, a batch of tracks a transaction."""

from typing import Any, LiteralString

from neo4j import ManagedTransaction

from graph.lease import Claim, holding, if_held, renew
from graph.records import ROW_BITS
from ingest.errors import StoreError
from ingest.tracking_graph import TrackingGraph

# Detections from columns: $start says where those of track t, number i of the batch, begin. $next and $gap
# are places in the batch of those that follow the one before them: links need no look-up. Names of features
# are values here, not part of the text.
_CREATE_DETECTIONS: LiteralString = """
UNWIND range($start[i], $start[i + 1] - 1) AS j
CREATE (t)-[:HAS]->(d:Detection {id: $id[j], frame: $frame[j], label: $label[j], y: $y[j], x: $x[j]})
FOREACH (k IN range(0, size($names) - 1) | SET d[$names[k]] = $features[k][j])
WITH collect(d) AS ds WHERE size(ds) > 0
CALL (ds) {
  UNWIND $next AS k
  WITH ds[k - 1] AS a, ds[k] AS b, $probability[k] AS p
  CREATE (a)-[:NEXT {probability: p}]->(b)
}
CALL (ds) {
  UNWIND $gap AS k
  WITH ds[k - 1] AS a, ds[k] AS b, $probability[k] AS p
  CREATE (a)-[:GAP {probability: p}]->(b)
}
"""

CREATE_TRACKS = (
    if_held("""
AND NOT EXISTS { (:Detection {id: $id[0]}) }
UNWIND range(0, size($track) - 1) AS i
CREATE (g)-[:HAS_TRACK]->(t:Track {
  id: $track[i], tracking: $number, label: $track_label[i], begin: $begin[i], end: $end[i],
  founder: $founder[i], generation: $generation[i], parent: $parent[i], name: $name[i]})
WITH t, i
""")
    + _CREATE_DETECTIONS
)

# One more piece of a track that is longer than a batch, and the link that leads to it.
CONTINUE_TRACK = (
    """
MATCH (t:Track {id: $track[0]})
WITH t, 0 AS i
"""
    + _CREATE_DETECTIONS
)
CONTINUE_LINK = """
MATCH (a:Detection {id: $earlier}), (b:Detection {id: $id[0]})
FOREACH (_ IN CASE WHEN b.frame = a.frame + 1 THEN [1] ELSE [] END |
  CREATE (a)-[:NEXT {probability: $probability[0]}]->(b))
FOREACH (_ IN CASE WHEN b.frame > a.frame + 1 THEN [1] ELSE [] END |
  CREATE (a)-[:GAP {probability: $probability[0]}]->(b))
"""

HAS_DIVISION = """
OPTIONAL MATCH (:Detection {id: $mother})-[l:DIVISION]->(:Detection {id: $daughter})
RETURN l IS NOT NULL AS there
"""

# Of tracks that Neo4j's own import wrote (bulk_import.py); a transaction that runs twice adds nothing.
ADOPT_TRACKS = """
MATCH (g:Tracking {number: $number})
MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop AND NOT EXISTS { (g)-[:HAS_TRACK]->(t) }
CREATE (g)-[:HAS_TRACK]->(t)
"""

# The links between tracks, once both ends are there. The name is what Neo4j Browser shows.
CREATE_DIVISIONS = """
UNWIND range(0, size($mother) - 1) AS i
MATCH (a:Detection {id: $mother[i]}), (b:Detection {id: $daughter[i]})
MATCH (u:Track {id: $mother_track[i]}), (v:Track {id: $daughter_track[i]})
CREATE (a)-[:DIVISION {probability: $probability[i]}]->(b)
CREATE (u)-[:DIVIDES_INTO {probability: $probability[i], name: $name[i]}]->(v)
"""

# What is there, counted for the last look before it is shown.
COUNT_TRACKS = "MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop RETURN count(t) AS tracks"
COUNT_DETECTIONS = """
MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop
RETURN count(d) AS detections, sum(COUNT { (d)-[:NEXT|GAP|DIVISION]->() }) AS links
"""

IS_SHOWN = "RETURN EXISTS { (:Tracking {number: $number, state: 'READY'}) } AS shown"

SHOW = """
MATCH (t:Tracking {number: $number})
SET t.state = 'READY' REMOVE t.lease, t.writer
"""

# A range of ids a transaction, so that none holds more than one batch.
DELETE_DETECTIONS = "MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop DETACH DELETE d"
DELETE_TRACKS = "MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop DETACH DELETE t"

# As in lease.if_held, the SET waits for the lock before the writer is read; without the writer there is
# nothing to do.
DELETE_TRACKING = """
MATCH (t:Tracking {number: $number})
SET t.lease = timestamp()
WITH t WHERE t.writer = $writer
OPTIONAL MATCH (t)<-[:OF|AGAINST]-(s:Score)
DETACH DELETE s, t
"""


def create_tracks(tx: ManagedTransaction, held: Claim, columns: dict[str, Any]) -> None:
    """Create some tracks, or a piece of one, with their detections and the links within them.

    Nothing, if they are there: then it runs again since nobody heard that it was committed.
    """
    if columns["earlier"] is None:
        if not tx.run(CREATE_TRACKS, columns, **holding(held)).consume().counters.nodes_created:
            renew(tx, held)
    elif not renew(tx, held, before=columns["id"][0]):
        tx.run(CONTINUE_TRACK, columns).consume()
        tx.run(CONTINUE_LINK, columns).consume()


def create_divisions(tx: ManagedTransaction, held: Claim, columns: dict[str, Any]) -> None:
    """Create some links between tracks."""
    renew(tx, held)
    first = {"mother": columns["mother"][0], "daughter": columns["daughter"][0]}
    if not tx.run(HAS_DIVISION, first).single(strict=True)["there"]:
        tx.run(CREATE_DIVISIONS, columns).consume()


def adopt_tracks(tx: ManagedTransaction, held: Claim, span: dict[str, int]) -> None:
    """Make some tracks, which are there with all that belongs to them, those of their tracking."""
    renew(tx, held)
    tx.run(ADOPT_TRACKS, span, number=held.number).consume()


def show(tx: ManagedTransaction, held: Claim, graph: TrackingGraph) -> None:
    """Make a tracking visible, if all of it is there.

    Raises:
        StoreError: something is missing or too many.
    """
    if tx.run(IS_SHOWN, number=held.number).single(strict=True)["shown"]:
        return  # it runs again since the first answer was lost on its way
    renew(tx, held)
    first = held.number << ROW_BITS
    span = {"first": first, "stop": first + (1 << ROW_BITS)}
    counts = [tx.run(query, span).single(strict=True).data() for query in (COUNT_TRACKS, COUNT_DETECTIONS)]
    meant = {"tracks": len(graph.tracks), "detections": len(graph.detections), "links": len(graph.links)}
    for what, found in (counts[0] | counts[1]).items():
        if found != meant[what]:
            raise StoreError(
                f"{found} {what} were written, {meant[what]} were meant",
                place=f"tracking number {held.number}",
                remedy="run again; nothing of it is visible",
            )
    tx.run(SHOW, number=held.number).consume()


def delete_rows(tx: ManagedTransaction, held: Claim, query: LiteralString, span: dict[str, int]) -> None:
    """Delete the detections or the tracks of a range of ids."""
    renew(tx, held)
    tx.run(query, dict(span)).consume()


def delete_tracking(tx: ManagedTransaction, held: Claim) -> None:
    """Delete a tracking that has no rows left, and its scores; nothing where somebody took it over."""
    tx.run(DELETE_TRACKING, number=held.number, writer=held.writer).consume()
