"""The errors of a score in the database: a node each, at the detections that it is about, on either side.

One statement lists the missed divisions of a score, and a click in Neo4j Browser walks from each to its cell:

    MATCH (:Score {id: $score})-[:FOUND]->(e:Error {kind: 'MISSED_DIVISION'})-[:AT]->(d:Detection) RETURN e, d
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from neo4j import ManagedTransaction, Record

from graph.records import ROW_BITS, ErrorFilter, ErrorRecord, PlaceRecord
from graph.scores.errors import ErrorKind, ListedErrors
from graph.windows import BEYOND_ALL_FRAMES
from ingest.tracking_graph import BoolArray, IntArray

BATCH_ERRORS = 5_000
"""Errors in a transaction, each with up to four detections."""
SIDES = ("reference", "computed")

# A batch from columns: $start says where each error's detections begin; every error has one at least.
CREATE_ERRORS = """
MATCH (s:Score {number: $number})
UNWIND range(0, size($id) - 1) AS i
CREATE (s)-[:FOUND]->(e:Error {
  id: $id[i], score: $number, kind: $kind[i], frame: $frame[i], shift: $shift[i], name: $name[i],
  reference_track: $reference_track[i], computed_track: $computed_track[i]})
WITH e, i
UNWIND range($start[i], $start[i + 1] - 1) AS j
MATCH (d:Detection {id: $detection[j]})
CREATE (e)-[:AT {side: $side[j], end: $end[j]}]->(d)
"""
HAS_ERROR = "OPTIONAL MATCH (e:Error {id: $id}) RETURN e IS NOT NULL AS there"
COUNT_ERRORS = "MATCH (e:Error) WHERE e.id >= $first AND e.id < $stop RETURN count(e) AS n"
DELETE_ERRORS = "MATCH (e:Error) WHERE e.id >= $first AND e.id < $stop DETACH DELETE e"

# Ids ascend by frame, so a page is what follows an id. Each kind is a stretch of the index on (score, kind,
# frame), read from where the page begins to where it is full, since it is asked for in the index's own order.
ERRORS_PAGE = """
OPTIONAL MATCH (last:Error {id: $after})
WITH CASE WHEN last.frame > $begin THEN last.frame ELSE $begin END AS begin
UNWIND $kinds AS kind
CALL (kind, begin) {
  MATCH (e:Error)
  WHERE e.score = $score AND e.kind = kind AND e.frame >= begin AND e.frame <= $end AND e.id > $after
  RETURN e ORDER BY e.score, e.kind, e.frame, e.id LIMIT $first
}
WITH e ORDER BY e.id LIMIT $first
RETURN e, COLLECT {
  MATCH (e)-[at:AT]->(d:Detection)<-[:HAS]-(t:Track)
  RETURN [at.side, at.end, d.id, d.frame, d.label, d.y, d.x, t.id]
} AS places
ORDER BY e.id
"""
ERRORS_OF_TRACKS = """
UNWIND $tracks AS track
MATCH (:Track {id: track})-[:HAS]->(:Detection)<-[:AT]-(e:Error)
WHERE e.score = $score AND e.kind IN $kinds AND e.frame >= $begin AND e.frame <= $end AND e.id > $after
WITH DISTINCT e ORDER BY e.id LIMIT $first
RETURN e, COLLECT {
  MATCH (e)-[at:AT]->(d:Detection)<-[:HAS]-(t:Track)
  RETURN [at.side, at.end, d.id, d.frame, d.label, d.y, d.x, t.id]
} AS places
ORDER BY e.id
"""


@dataclass(frozen=True, eq=False)
class ErrorRows:
    """The errors of a score as they are written.

    Attributes:
        listed: what was found.
        number: of the score in the store.
        reference, computed: id of row 0 of either tracking's detections, and of its tracks.
    """

    listed: ListedErrors
    number: int
    reference: int
    computed: int

    @property
    def count(self) -> int:
        """Number of batches."""
        return -(-len(self.listed.errors) // BATCH_ERRORS)

    def batches(self) -> Iterator[dict[str, Any]]:
        """The parameters of `create`, `BATCH_ERRORS` at a time."""
        rows = np.arange(len(self.listed.errors))
        return (self._columns(rows[n * BATCH_ERRORS : (n + 1) * BATCH_ERRORS]) for n in range(self.count))

    def _columns(self, rows: IntArray) -> dict[str, Any]:
        errors, ids = self.listed.errors, (self.number << ROW_BITS) + rows
        kinds = [ErrorKind(kind) for kind in errors.kind[rows].tolist()]
        shifted = errors.kind[rows] == ErrorKind.SHIFTED_DIVISION
        columns = errors.frame[rows].tolist(), self.listed.label[rows].tolist()
        return {
            "number": self.number,
            "id": ids.tolist(),
            "kind": [kind.name for kind in kinds],
            "frame": errors.frame[rows].tolist(),
            "shift": _or_null(errors.shift[rows], shifted),
            "name": [kind.caption(*place) for kind, *place in zip(kinds, *columns, strict=True)],
            "reference_track": _ids(errors.reference_track[rows], self.reference),
            "computed_track": _ids(errors.computed_track[rows], self.computed),
            **self._places(rows),
        }

    def _places(self, rows: IntArray) -> dict[str, Any]:
        """The detections of these errors one after the other, and where each error's begin."""
        errors = self.listed.errors
        both = np.stack((errors.reference[rows], errors.computed[rows]), axis=1)  # (M, side, end)
        error, side, end = np.nonzero(both >= 0)
        first = np.array((self.reference, self.computed))
        return {
            "start": np.searchsorted(error, np.arange(len(rows) + 1)).tolist(),
            "detection": (both[error, side, end] + first[side]).tolist(),
            "side": [SIDES[one] for one in side.tolist()],
            "end": end.tolist(),
        }


def create(tx: ManagedTransaction, columns: Mapping[str, Any]) -> None:
    """Create some errors of a score, unless that has been done."""
    if not tx.run(HAS_ERROR, id=columns["id"][0]).single(strict=True)["there"]:
        tx.run(CREATE_ERRORS, dict(columns)).consume()


def count(tx: ManagedTransaction, number: int) -> int:
    """How many errors a score has in the database."""
    span = {"first": number << ROW_BITS, "stop": (number + 1) << ROW_BITS}
    return int(tx.run(COUNT_ERRORS, span).single(strict=True)["n"])


def page(
    tx: ManagedTransaction, number: int, wanted: ErrorFilter, *, after: int | None, first: int
) -> list[ErrorRecord]:
    """Some errors of a score, by frame.

    Args:
        tx: where to ask.
        number: of the score.
        wanted: which of them.
        after: only those with a larger id: the last one of the page before.
        first: how many at most.
    """
    begin, end = wanted.frames or (0, BEYOND_ALL_FRAMES)
    statement = ERRORS_PAGE if wanted.tracks is None else ERRORS_OF_TRACKS
    found = tx.run(
        statement,
        score=number,
        kinds=[kind.name for kind in (ErrorKind if wanted.kinds is None else wanted.kinds)],
        begin=begin,
        end=end,
        tracks=list(wanted.tracks or ()),
        after=-1 if after is None else after,
        first=first,
    )
    return [_error(record) for record in found]


def _error(record: Record) -> ErrorRecord:
    node = record["e"]
    places = sorted(record["places"], key=lambda place: place[1])
    sides = {side: tuple(PlaceRecord(*rest) for one, _, *rest in places if one == side) for side in SIDES}
    return ErrorRecord(
        id=node["id"],
        kind=ErrorKind[node["kind"]],
        frame=node["frame"],
        name=node["name"],
        shift=node.get("shift"),
        reference=sides["reference"],
        computed=sides["computed"],
    )


def _ids(rows: IntArray, first: int) -> list[int | None]:
    return _or_null(rows + first, rows >= 0)


def _or_null(column: IntArray, there: BoolArray) -> list[int | None]:
    return [value if known else None for value, known in zip(column.tolist(), there.tolist(), strict=True)]
