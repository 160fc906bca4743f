"""Who is whose mother or sister, and how long cells live: what studies of inheritance start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from neo4j import ManagedTransaction, Record

from graph.columns import floats, integers
from graph.records import ROW_BITS, TrackingRecord
from graph.survival import kaplan_meier
from ingest.tracking_graph import BoolArray, FloatArray, IntArray

# A track is seen whole when it was born in a division and ends in one; a division has two daughters or more.
MOTHERS_AND_DAUGHTERS = """
MATCH (u:Track) WHERE u.id >= $first AND u.id < $stop
MATCH (u)-[:DIVIDES_INTO]->(v:Track)
WITH u, v, COUNT { (u)-[:DIVIDES_INTO]->() } >= 2 AS divides,
     COUNT { (v)-[:DIVIDES_INTO]->() } >= 2 AS ends,
     COUNT { (u)<-[:DIVIDES_INTO]-()-[:DIVIDES_INTO]->() } >= 1 AS born
WHERE divides
WITH u, v, born AS one_whole, ends AS other_whole ORDER BY u.id, v.id
RETURN collect(u.id) AS one, collect(v.id) AS other,
       collect(u.end - u.begin + 1) AS one_frames, collect(v.end - v.begin + 1) AS other_frames,
       collect(one_whole) AS one_whole, collect(other_whole) AS other_whole
"""

SISTERS = """
MATCH (u:Track) WHERE u.id >= $first AND u.id < $stop
MATCH (v:Track)<-[:DIVIDES_INTO]-(u)-[:DIVIDES_INTO]->(w:Track) WHERE v.id < w.id
WITH v, w, COUNT { (v)-[:DIVIDES_INTO]->() } >= 2 AS one_whole,
     COUNT { (w)-[:DIVIDES_INTO]->() } >= 2 AS other_whole ORDER BY v.id, w.id
RETURN collect(v.id) AS one, collect(w.id) AS other,
       collect(v.end - v.begin + 1) AS one_frames, collect(w.end - w.begin + 1) AS other_frames,
       collect(one_whole) AS one_whole, collect(other_whole) AS other_whole
"""

SISTERS_OF = """
UNWIND $ids AS id
MATCH (t:Track {id: id})
MATCH (:Tracking {number: t.id / $rows, state: 'READY'})
RETURN id, COLLECT { MATCH (t)<-[:DIVIDES_INTO]-()-[:DIVIDES_INTO]->(s) RETURN s.id ORDER BY s.id } AS sisters
"""

ANCESTORS_OF = """
UNWIND $ids AS id
MATCH (t:Track {id: id})
MATCH (:Tracking {number: t.id / $rows, state: 'READY'})
RETURN id, COLLECT { MATCH (t)<-[:DIVIDES_INTO*1..]-(a) RETURN a.id ORDER BY a.id DESC } AS ancestors
"""

DESCENDANTS_OF = """
UNWIND $ids AS id
MATCH (t:Track {id: id})
MATCH (:Tracking {number: t.id / $rows, state: 'READY'})
RETURN id, COLLECT { MATCH (t)-[:DIVIDES_INTO*1..]->(v) RETURN v.id ORDER BY v.id } AS descendants
"""

# Those that were born in a division, so that the beginning of their life is known.
LIVES = """
MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop
  AND COUNT { (t)<-[:DIVIDES_INTO]-()-[:DIVIDES_INTO]->() } >= 1
WITH t, COUNT { (t)-[:DIVIDES_INTO]->() } >= 2 AS divided ORDER BY t.id
RETURN collect(t.id) AS track, collect(t.generation) AS generation, collect(t.begin) AS begin,
       collect(t.end) AS end, collect(divided) AS divided
"""

LARGEST_LINEAGE = """
MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop
RETURN t.founder AS founder, count(*) AS tracks ORDER BY tracks DESC, founder LIMIT 1
"""

TRACK_MEANS = """
UNWIND $ids AS id
MATCH (t:Track {id: id})
MATCH (:Tracking {number: t.id / $rows, state: 'READY'})
CALL (t) {
  MATCH (t)-[:HAS]->(d:Detection)
  WITH d[$feature] AS value ORDER BY value
  RETURN avg(value) AS mean
}
RETURN collect(id) AS id, collect(coalesce(mean, $unknown)) AS mean
"""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of related tracks; one row a pair.

    Attributes:
        one, other: (P,) ids: mother and daughter, or two sisters of which the first has the smaller id.
        one_frames, other_frames: (P,) length of each, in frames.
        one_whole, other_whole: (P,) whether it is seen from the division it was born in to its own.
    """

    one: IntArray
    other: IntArray
    one_frames: IntArray
    other_frames: IntArray
    one_whole: BoolArray
    other_whole: BoolArray

    def __len__(self) -> int:
        return len(self.one)

    @property
    def whole(self) -> BoolArray:
        """(P,) pairs of two whole cell cycles, the ones whose durations can be compared."""
        return self.one_whole & self.other_whole


@dataclass(frozen=True, eq=False)
class Lives:
    """Cells that were born in a division, and how their life ended; one row a track, by id.

    Attributes:
        track, generation: (C,) id, and number of ancestors.
        begin, end: (C,) first and last frame, both inclusive.
        divided: (C,) whether it ends in a division; else it was lost, or the movie ended: censored.
    """

    track: IntArray
    generation: IntArray
    begin: IntArray
    end: IntArray
    divided: BoolArray

    def __len__(self) -> int:
        return len(self.track)

    @property
    def frames(self) -> IntArray:
        """(C,) frames lived; of those that divided, the duration of the cell cycle."""
        return self.end - self.begin + 1

    def survival(self) -> tuple[IntArray, FloatArray]:
        """(K,) frames after birth and (K,) fraction that has not divided by then (graph/survival.py)."""
        curve = kaplan_meier(self.frames, self.divided)
        return curve.frames, curve.fraction


def mothers_and_daughters(tx: ManagedTransaction, tracking: TrackingRecord) -> Pairs:
    """Every mother of two daughters or more with each of them, by id."""
    return _pairs(tx.run(MOTHERS_AND_DAUGHTERS, _span(tracking)).single(strict=True))


def sisters(tx: ManagedTransaction, tracking: TrackingRecord) -> Pairs:
    """Every two daughters of one mother, by id; three daughters are three pairs."""
    return _pairs(tx.run(SISTERS, _span(tracking)).single(strict=True))


def sisters_of(tx: ManagedTransaction, ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The sisters of each of these tracks that there is, by its id."""
    found = tx.run(SISTERS_OF, ids=sorted(set(ids)), rows=1 << ROW_BITS)
    return {record["id"]: tuple(record["sisters"]) for record in found}


def ancestors_of(tx: ManagedTransaction, ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The ancestors of each of these tracks that there is, by its id: the mother first, the founder last."""
    found = tx.run(ANCESTORS_OF, ids=sorted(set(ids)), rows=1 << ROW_BITS)
    return {record["id"]: tuple(record["ancestors"]) for record in found}


def descendants_of(tx: ManagedTransaction, ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """All that descends from each of these tracks that there is, by its id: a parent before its daughters."""
    found = tx.run(DESCENDANTS_OF, ids=sorted(set(ids)), rows=1 << ROW_BITS)
    return {record["id"]: tuple(record["descendants"]) for record in found}


def lives(tx: ManagedTransaction, tracking: TrackingRecord) -> Lives:
    """All cells that were born in a division, by id."""
    record = tx.run(LIVES, _span(tracking)).single(strict=True)
    whole = {name: integers([record[name]]) for name in ("track", "generation", "begin", "end")}
    return Lives(**whole, divided=np.array(record["divided"], np.bool_))


def largest_lineage(tx: ManagedTransaction, tracking: TrackingRecord) -> int | None:
    """Id of the founder with most descendants, the first of several; None without tracks."""
    record = tx.run(LARGEST_LINEAGE, _span(tracking)).single()
    return None if record is None else int(record["founder"])


def track_means(tx: ManagedTransaction, ids: Sequence[int], feature: str) -> Mapping[int, float]:
    """Mean of a feature over the detections of each track that there is; NaN where none has it."""
    asked = {"ids": sorted(set(ids)), "feature": feature, "rows": 1 << ROW_BITS, "unknown": np.nan}
    record = tx.run(TRACK_MEANS, asked).single(strict=True)
    return dict(zip(record["id"], floats([record["mean"]]).tolist(), strict=True))


def _span(tracking: TrackingRecord) -> dict[str, int]:
    return {"first": tracking.first_id, "stop": tracking.first_id + tracking.tracks}


def _pairs(record: Record) -> Pairs:
    return Pairs(
        one=integers([record["one"]]),
        other=integers([record["other"]]),
        one_frames=integers([record["one_frames"]]),
        other_frames=integers([record["other_frames"]]),
        one_whole=np.array(record["one_whole"], np.bool_),
        other_whole=np.array(record["other_whole"], np.bool_),
    )
