"""Tracks of one tracking, a page at a time, by what is known of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from neo4j import ManagedTransaction, Record

from graph.measured import FeatureRange, Key, behind, range_parameters, require_measured
from graph.records import TrackingRecord, TrackRecord
from ingest.errors import InputError

# Filters that are null let all pass. A rise is measured between the first and the last three detections
# (fewer of a short track), so that no single noisy frame decides.
# Cypher's avg() is a running mean, whose last digit depends on the order: it gets its values sorted, so that
# tracks of the same values have the same mean.
_WANTED_TRACKS = """
MATCH (t:Track)
WHERE t.id > $after AND t.id < $stop
  AND ($founders IS NULL OR (t.parent IS NULL) = $founders)
  AND ($divides IS NULL OR (COUNT { (t)-[:DIVIDES_INTO]->() } >= 2) = $divides)
  AND t.end - t.begin + 1 >= $min_frames
  AND ($max_frames IS NULL OR t.end - t.begin + 1 <= $max_frames)
  AND ($generation IS NULL OR t.generation = $generation)
  AND ($alive_from IS NULL OR t.end >= $alive_from) AND ($alive_to IS NULL OR t.begin <= $alive_to)
  AND ($begins_from IS NULL OR t.begin >= $begins_from) AND ($begins_to IS NULL OR t.begin <= $begins_to)
  AND ($ends_from IS NULL OR t.end >= $ends_from) AND ($ends_to IS NULL OR t.end <= $ends_to)
CALL (t) {
  UNWIND $means AS wanted
  MATCH (t)-[:HAS]->(d)
  WITH wanted, d[wanted.feature] AS value ORDER BY value
  WITH wanted, avg(value) AS mean
  RETURN count(CASE WHEN mean >= wanted.least AND mean <= wanted.most THEN 1 END) AS within
}
WITH t, within WHERE within = size($means)
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
"""
_TRACK = """
RETURN t, $tracking AS tracking,
       COLLECT { MATCH (t)-[l:DIVIDES_INTO]->(v) RETURN [v.id, l.probability] } AS daughters
"""

# Rows come in the order of the index, so a page ends the search.
TRACKS_PAGE = _WANTED_TRACKS + "WITH t ORDER BY t.id LIMIT $first" + _TRACK

TRACK_IDS = _WANTED_TRACKS + "RETURN t.id AS id ORDER BY id"

# No index has these orders: all that are wanted are looked at, and no more than a page is held.
TRACKS_PAGE_BY_KEY = (
    _WANTED_TRACKS
    + """
CALL (t) {
  OPTIONAL MATCH (t)-[:HAS]->(d) WHERE $order = 'MEAN'
  WITH d[$order_feature] AS value ORDER BY value
  RETURN avg(value) AS mean
}
WITH t, $sign * CASE $order WHEN 'BEGIN' THEN toFloat(t.begin) WHEN 'END' THEN toFloat(t.end)
                            WHEN 'LIFETIME' THEN toFloat(t.end - t.begin + 1)
                            WHEN 'GENERATION' THEN toFloat(t.generation) ELSE mean END AS value
WITH t, CASE WHEN value IS NULL OR isNaN(value) THEN $last ELSE value END AS key
WHERE key > $after_key OR (key = $after_key AND t.id > $after_id)
WITH t, key ORDER BY key, t.id LIMIT $first"""
    + _TRACK
    + ", key ORDER BY key, t.id"
)

TRACK_BY_LABEL = "MATCH (t:Track {tracking: $number, label: $label})" + _TRACK


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
        alive: first and last frame of a window that their life reaches into, both inclusive. A life goes
            from the first detection to the last: a gap in it counts too.
        begins, ends: first and last frame of a window in which they begin, or end.
        means: only tracks along which the mean of each of these features is in its range.
        rises: only tracks along which a feature grows.
    """

    founders: bool | None = None
    divides: bool | None = None
    min_frames: int = 1
    max_frames: int | None = None
    generation: int | None = None
    alive: tuple[int, int] | None = None
    begins: tuple[int, int] | None = None
    ends: tuple[int, int] | None = None
    means: tuple[FeatureRange, ...] = ()
    rises: Rise | None = None

    @property
    def by_measurements(self) -> bool:
        """Whether it asks for more than what a track itself knows."""
        return bool(self.means) or self.rises is not None


class TrackKey(StrEnum):
    """What tracks are sorted by."""

    BEGIN = "BEGIN"
    """The frame of the first detection."""
    END = "END"
    """The frame of the last detection."""
    LIFETIME = "LIFETIME"
    """The number of frames from the first to the last detection."""
    GENERATION = "GENERATION"
    """The number of ancestors."""
    MEAN = "MEAN"
    """The mean of a measured feature along the track; tracks without it last."""


@dataclass(frozen=True)
class TrackOrder:
    """How tracks are sorted.

    Attributes:
        by: what they are sorted by.
        feature: the one whose mean is meant; of `MEAN` alone.
        descending: the largest first.

    Raises:
        InputError: `MEAN` without a feature, or a feature without `MEAN`.
    """

    by: TrackKey
    feature: str | None = None
    descending: bool = False

    def __post_init__(self) -> None:
        if (self.by is TrackKey.MEAN) != (self.feature is not None):
            raise InputError(
                f"tracks by {self.by} of feature {self.feature!r}",
                place="order of tracks",
                remedy="give a feature with MEAN, and with nothing else",
            )


def page(
    tx: ManagedTransaction, tracking: TrackingRecord, wanted: TrackFilter, *, after: int | None, first: int
) -> list[TrackRecord]:
    """Some tracks of a tracking, by id.

    Raises:
        InputError: the tracking has no such feature.
    """
    behind_id = tracking.first_id - 1 if after is None else max(after, tracking.first_id - 1)
    found = tx.run(TRACKS_PAGE, _which(tracking, wanted), after=behind_id, first=first)
    return [track_of(record) for record in found]


def ids_within(
    tx: ManagedTransaction, tracking: TrackingRecord, wanted: TrackFilter, *, begin: int, stop: int
) -> list[int]:
    """The ids from begin to stop − 1 of the tracks of a tracking that are wanted, ascending.

    Raises:
        InputError: the tracking has no such feature.
    """
    return tx.run(TRACK_IDS, _which(tracking, wanted) | {"after": begin - 1, "stop": stop}).value("id")


def page_by(
    tx: ManagedTransaction,
    tracking: TrackingRecord,
    wanted: TrackFilter,
    order: TrackOrder,
    *,
    after: Key | None,
    first: int,
) -> list[tuple[Key, TrackRecord]]:
    """Some tracks of a tracking in an order, each with where it stands in it.

    Args:
        tx: where to ask.
        tracking: of which.
        wanted: which of them.
        order: and in what order.
        after: only those behind this key: that of the last one of the page before.
        first: how many at most.

    Raises:
        InputError: the tracking has no such feature.
    """
    require_measured(tracking, order.feature)
    found = tx.run(
        TRACKS_PAGE_BY_KEY,
        _which(tracking, wanted) | behind(after),
        after=tracking.first_id - 1,
        first=first,
        order=order.by.value,
        order_feature=order.feature,
        sign=-1.0 if order.descending else 1.0,
    )
    return [((record["key"], record["t"]["id"]), track_of(record)) for record in found]


def _which(tracking: TrackingRecord, wanted: TrackFilter) -> dict[str, Any]:
    """The parameters that both statements have."""
    require_measured(tracking, *(mean.feature for mean in wanted.means))
    require_measured(tracking, wanted.rises.feature if wanted.rises else None)
    windows = {"alive": wanted.alive, "begins": wanted.begins, "ends": wanted.ends}
    spans = {name: window or (None, None) for name, window in windows.items()}
    return {
        "tracking": tracking.id,
        "stop": tracking.first_id + tracking.tracks,
        "founders": wanted.founders,
        "divides": wanted.divides,
        "min_frames": wanted.min_frames,
        "max_frames": wanted.max_frames,
        "generation": wanted.generation,
        "means": range_parameters(wanted.means),
        "feature": wanted.rises and wanted.rises.feature,
        "factor": wanted.rises and wanted.rises.factor,
        **{f"{name}_from": begin for name, (begin, _) in spans.items()},
        **{f"{name}_to": end for name, (_, end) in spans.items()},
    }


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
