"""Tracks of one tracking, a page at a time, by what is known of them."""

from dataclasses import dataclass

from neo4j import ManagedTransaction, Record

from graph.records import TrackingRecord, TrackRecord
from ingest.errors import InputError

# Filters that are null let all pass. Rows come in the order of the index, so a page ends the search. A rise
# is measured between the first and the last three detections (fewer of a short track), so that no single
# noisy frame decides.
TRACKS_PAGE = """
MATCH (t:Track)
WHERE t.id > $after AND t.id < $stop
  AND ($founders IS NULL OR (t.parent IS NULL) = $founders)
  AND ($divides IS NULL OR (COUNT { (t)-[:DIVIDES_INTO]->() } >= 2) = $divides)
  AND t.end - t.begin + 1 >= $min_frames
  AND ($max_frames IS NULL OR t.end - t.begin + 1 <= $max_frames)
  AND ($generation IS NULL OR t.generation = $generation)
  AND ($alive_from IS NULL OR t.end >= $alive_from) AND ($alive_to IS NULL OR t.begin <= $alive_to)
CALL (t) {
  WITH $feature AS feature WHERE feature IS NULL
  RETURN true AS rises
UNION
  WITH $feature AS feature WHERE feature IS NOT NULL
  MATCH (t)-[:HAS]->(d) WHERE d[feature] IS NOT NULL
  WITH d.frame AS frame, d[feature] AS value ORDER BY frame
  WITH collect(value) AS values
  WITH values, size(values) AS n, CASE WHEN size(values) >= 6 THEN 3 ELSE size(values) / 2 END AS k
  WHERE k >= 1
  WITH reduce(sum = 0.0, v IN values[..k] | sum + v) AS early,
       reduce(sum = 0.0, v IN values[n - k..] | sum + v) AS late
  RETURN early > 0 AND late >= early * $factor AS rises
}
WITH t, rises WHERE rises
WITH t ORDER BY t.id LIMIT $first
RETURN t, $tracking AS tracking,
       COLLECT { MATCH (t)-[l:DIVIDES_INTO]->(v) RETURN [v.id, l.probability] } AS daughters
"""

TRACK_BY_LABEL = """
MATCH (t:Track {tracking: $number, label: $label})
RETURN t, $tracking AS tracking,
       COLLECT { MATCH (t)-[l:DIVIDES_INTO]->(v) RETURN [v.id, l.probability] } AS daughters
"""


@dataclass(frozen=True)
class Rise:
    """A measured feature that grows along a track.

    Attributes:
        feature: its name, such as `mean_0`.
        factor: mean of the last three values divided by that of the first three, at least; of a track with
            fewer than six, of its halves.
    """

    feature: str
    factor: float


@dataclass(frozen=True)
class TrackFilter:
    """Which tracks; None lets all pass.

    Attributes:
        founders: only founders, or only others.
        divides: only tracks with two daughters or more, or only others.
        min_frames, max_frames: frames from the first to the last, both included.
        generation: number of ancestors.
        alive: first and last frame of a window in which they are seen, both inclusive.
        rises: only tracks along which a feature grows.
    """

    founders: bool | None = None
    divides: bool | None = None
    min_frames: int = 1
    max_frames: int | None = None
    generation: int | None = None
    alive: tuple[int, int] | None = None
    rises: Rise | None = None


def page(
    tx: ManagedTransaction, tracking: TrackingRecord, wanted: TrackFilter, *, after: int | None, first: int
) -> list[TrackRecord]:
    """Some tracks of a tracking, by id.

    Raises:
        InputError: the tracking has no such feature.
    """
    if wanted.rises and wanted.rises.feature not in tracking.features:
        raise unknown_feature(wanted.rises.feature, tracking)
    alive_from, alive_to = wanted.alive or (None, None)
    found = tx.run(
        TRACKS_PAGE,
        tracking=tracking.id,
        after=tracking.first_id - 1 if after is None else max(after, tracking.first_id - 1),
        stop=tracking.first_id + tracking.tracks,
        first=first,
        founders=wanted.founders,
        divides=wanted.divides,
        min_frames=wanted.min_frames,
        max_frames=wanted.max_frames,
        generation=wanted.generation,
        alive_from=alive_from,
        alive_to=alive_to,
        feature=wanted.rises and wanted.rises.feature,
        factor=wanted.rises and wanted.rises.factor,
    )
    return [track_of(record) for record in found]


def of_label(tx: ManagedTransaction, tracking: TrackingRecord, label: int) -> list[TrackRecord]:
    """The track of a label, if there is one."""
    found = tx.run(TRACK_BY_LABEL, tracking=tracking.id, number=tracking.number, label=label)
    return [track_of(record) for record in found]


def track_of(record: Record) -> TrackRecord:
    """A track from the node `t`, the id of its tracking, and each daughter's with the link's probability."""
    node, daughters = record["t"], record["daughters"]
    known = [probability for _, probability in daughters if probability is not None]
    return TrackRecord(
        id=node["id"],
        tracking_id=record["tracking"],
        label=node["label"],
        begin=node["begin"],
        end=node["end"],
        founder=node["founder"],
        generation=node["generation"],
        parent=node.get("parent"),
        daughters=tuple(sorted(daughter for daughter, _ in daughters)),
        division_probability=min(known, default=None) if len(daughters) > 1 else None,
    )


def unknown_feature(name: str, tracking: TrackingRecord) -> InputError:
    """What to tell who asks for a feature that was not measured."""
    return InputError(
        f"no feature is called {name!r}",
        place=f"tracking {tracking.id}",
        remedy=f"its features are {', '.join(tracking.features) or 'none'}",
    )
