"""The rows of a tracking into the database and out of it, a batch of tracks a transaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString

import numpy as np
from neo4j import ManagedTransaction

from graph.lease import Claim, renew
from graph.records import ROW_BITS
from ingest.errors import StoreError
from ingest.formats.ctc import track_labels
from ingest.tracking_graph import FloatArray, IntArray, LinkKind, TrackingGraph

BATCH_ROWS = 10_000
"""Detections in a transaction: more cost memory, fewer cost time (docs/decisions/0004-lineage-store.md)."""

# A transaction whose end was not heard of runs again: what is there already is not created twice.
HAS_TRACK = "OPTIONAL MATCH (t:Track {id: $id}) RETURN t IS NOT NULL AS there"

# A batch of tracks from columns: $start says where each track's detections begin. The detections of a track
# follow each other, so its links need no look-up. Names of features are values here, not part of the text.
CREATE_TRACKS = """
MATCH (g:Tracking {number: $number})
UNWIND range(0, size($track) - 1) AS i
CREATE (g)-[:HAS_TRACK]->(t:Track {
  id: $track[i], label: $track_label[i], begin: $begin[i], end: $end[i],
  founder: $founder[i], generation: $generation[i], parent: $parent[i], name: $name[i]})
WITH t, i
CALL (t, i) {
  UNWIND range($start[i], $start[i + 1] - 1) AS j
  CREATE (t)-[:HAS]->(d:Detection {id: $id[j], frame: $frame[j], label: $label[j], y: $y[j], x: $x[j]})
  FOREACH (k IN range(0, size($names) - 1) | SET d[$names[k]] = $features[k][j])
  WITH collect(d) AS ds
  UNWIND range(0, size(ds) - 2) AS k
  WITH ds[k] AS a, ds[k + 1] AS b
  FOREACH (_ IN CASE WHEN b.frame = a.frame + 1 THEN [1] ELSE [] END | CREATE (a)-[:NEXT]->(b))
  FOREACH (_ IN CASE WHEN b.frame > a.frame + 1 THEN [1] ELSE [] END | CREATE (a)-[:GAP]->(b))
}
"""

HAS_DIVISION = """
OPTIONAL MATCH (:Detection {id: $mother})-[l:DIVISION]->(:Detection {id: $daughter})
RETURN l IS NOT NULL AS there
"""

# The links between tracks, once both ends are there.
CREATE_DIVISIONS = """
UNWIND range(0, size($mother) - 1) AS i
MATCH (a:Detection {id: $mother[i]}), (b:Detection {id: $daughter[i]})
MATCH (u:Track {id: $mother_track[i]}), (v:Track {id: $daughter_track[i]})
CREATE (a)-[:DIVISION]->(b), (u)-[:DIVIDES_INTO]->(v)
"""

# What is there, counted for the last look before it is shown.
COUNT_TRACKS = "MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop RETURN count(t) AS n"
COUNT_DETECTIONS = "MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop RETURN count(d) AS n"
COUNT_LINKS = """
MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop
MATCH (d)-[l:NEXT|GAP|DIVISION]->()
RETURN count(l) AS n
"""

IS_SHOWN = "RETURN EXISTS { (:Tracking {number: $number, state: 'READY'}) } AS shown"

SHOW = """
MATCH (t:Tracking {number: $number})
SET t.state = 'READY' REMOVE t.lease, t.writer
"""

# A range of ids a transaction, so that none holds more than one batch.
DELETE_DETECTIONS = "MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop DETACH DELETE d"
DELETE_TRACKS = "MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop DETACH DELETE t"

# As in lease.RENEW, the SET waits for the lock before the writer is read; without it there is nothing to do.
DELETE_TRACKING = """
MATCH (t:Tracking {number: $number})
SET t.lease = timestamp()
WITH t WHERE t.writer = $writer
OPTIONAL MATCH (t)<-[:OF|AGAINST]-(s:Score)
DETACH DELETE s, t
"""


@dataclass(frozen=True, eq=False)
class TrackRows:
    """A tracking's detections ordered by track, then frame, with the ids that they get.

    Attributes:
        graph: the tracking.
        number: of the tracking in the store.
    """

    graph: TrackingGraph
    number: int

    @cached_property
    def order(self) -> IntArray:
        """(N,) rows of detections, track by track."""
        return np.argsort(self.graph.tracks.of_detection, kind="stable")

    @cached_property
    def start(self) -> IntArray:
        """(T + 1,) where in `order` each track begins; at last N."""
        lengths = np.bincount(self.graph.tracks.of_detection, minlength=len(self.graph.tracks))
        return np.concatenate(([0], np.cumsum(lengths)))

    @cached_property
    def label(self) -> IntArray:
        """(T,) label of each track."""
        return track_labels(self.graph)

    def ids(self, rows: IntArray) -> list[int]:
        """Ids of rows of detections or of tracks."""
        ids: list[int] = ((self.number << ROW_BITS) + rows).tolist()
        return ids

    def batches(self) -> Iterator[slice]:
        """Tracks that together have about `BATCH_ROWS` detections."""
        begin = 0
        while begin < len(self.graph.tracks):
            end = int(np.searchsorted(self.start, self.start[begin] + BATCH_ROWS, side="right")) - 1
            end = max(end, begin + 1)
            yield slice(begin, end)
            begin = end

    def columns(self, tracks: slice) -> dict[str, Any]:
        """The parameters of `CREATE_TRACKS` for some tracks."""
        table, detections = self.graph.tracks, self.graph.detections
        rows = self.order[self.start[tracks.start] : self.start[tracks.stop]]
        label, begin, end = self.label[tracks], table.begin[tracks], table.end[tracks]
        names = zip(label.tolist(), begin.tolist(), end.tolist(), strict=True)
        return {
            "number": self.number,
            "track": self.ids(np.arange(tracks.start, tracks.stop)),
            "track_label": label.tolist(),
            "begin": begin.tolist(),
            "end": end.tolist(),
            "founder": self.ids(table.founder[tracks]),
            "generation": table.generation[tracks].tolist(),
            "parent": [
                None if parent < 0 else (self.number << ROW_BITS) + parent
                for parent in table.parent[tracks].tolist()
            ],
            "name": [f"{label} · frames {begin}–{end}" for label, begin, end in names],
            "start": (self.start[tracks.start : tracks.stop + 1] - self.start[tracks.start]).tolist(),
            "id": self.ids(rows),
            "frame": detections.frame[rows].tolist(),
            "label": detections.label[rows].tolist(),
            "y": _or_null(detections.y[rows]),
            "x": _or_null(detections.x[rows]),
            "names": list(detections.features),
            "features": [_or_null(column[rows]) for column in detections.features.values()],
        }

    def divisions(self) -> Iterator[dict[str, list[int]]]:
        """The parameters of `CREATE_DIVISIONS`, in batches."""
        links = self.graph.links[self.graph.kind == LinkKind.DIVISION]
        tracks = self.graph.tracks.of_detection[links]
        for begin in range(0, len(links), BATCH_ROWS):
            batch = slice(begin, begin + BATCH_ROWS)
            yield {
                "mother": self.ids(links[batch, 0]),
                "daughter": self.ids(links[batch, 1]),
                "mother_track": self.ids(tracks[batch, 0]),
                "daughter_track": self.ids(tracks[batch, 1]),
            }


def create_tracks(tx: ManagedTransaction, held: Claim, columns: dict[str, Any]) -> None:
    """Create some tracks with their detections and the links within them."""
    renew(tx, held)
    if not tx.run(HAS_TRACK, id=columns["track"][0]).single(strict=True)["there"]:
        tx.run(CREATE_TRACKS, columns).consume()


def create_divisions(tx: ManagedTransaction, held: Claim, columns: dict[str, list[int]]) -> None:
    """Create some links between tracks."""
    renew(tx, held)
    first = {"mother": columns["mother"][0], "daughter": columns["daughter"][0]}
    if not tx.run(HAS_DIVISION, first).single(strict=True)["there"]:
        tx.run(CREATE_DIVISIONS, dict(columns)).consume()


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
    for query, expected, what in (
        (COUNT_TRACKS, len(graph.tracks), "tracks"),
        (COUNT_DETECTIONS, len(graph.detections), "detections"),
        (COUNT_LINKS, len(graph.links), "links"),
    ):
        found = tx.run(query, span).single(strict=True)["n"]
        if found != expected:
            raise StoreError(
                f"{found} {what} were written, {expected} were meant",
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


def id_ranges(number: int, rows: int) -> Iterator[dict[str, int]]:
    """The ids of a tracking's rows, a batch at a time, as `$first` and `$stop`."""
    first = number << ROW_BITS
    for begin in range(0, rows, BATCH_ROWS):
        yield {"first": first + begin, "stop": first + min(begin + BATCH_ROWS, rows)}


def _or_null(column: FloatArray) -> list[float | None]:
    """Values as the database holds them: what is not defined is absent."""
    values: list[float | None] = column.tolist()
    for row in np.flatnonzero(np.isnan(column)):
        values[row] = None
    return values
