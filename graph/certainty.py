"""What a tracker is least sure of: divisions and links of one tracking, a page at a time."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from neo4j import ManagedTransaction, Record

from graph.measured import Key, behind
from graph.records import LinkRecord, PlaceRecord, TrackingRecord, TrackRecord
from graph.track_pages import track_of
from ingest.errors import InputError
from ingest.tracking_graph import LinkKind

# Filters that are null let all pass. One order or the other, a page is what follows a key; no index has these
# orders, so the tracks of the tracking are looked at (a range of ids), and no more than a page is held.
DIVISIONS_PAGE = """
MATCH (t:Track)
WHERE t.id >= $start AND t.id < $stop
  AND ($begin IS NULL OR t.end >= $begin) AND ($end IS NULL OR t.end <= $end)
  AND COUNT { (t)-[:DIVIDES_INTO]->() } >= 2
MATCH (t)-[l:DIVIDES_INTO]->(v)
WITH t, min(l.probability) AS probability, collect([v.id, l.probability]) AS daughters
WHERE $most IS NULL OR probability <= $most
WITH t, daughters, CASE WHEN $by_frame THEN toFloat(t.end) ELSE coalesce(probability, $last) END AS key
WHERE key > $after_key OR (key = $after_key AND t.id > $after_id)
WITH t, daughters, key ORDER BY key, t.id LIMIT $first
RETURN t, $tracking AS tracking, daughters
"""

# A detection has one link from an earlier one at most, so its id tells the link. Only the links of a page are
# followed to their cells and tracks.
LINKS_PAGE = """
MATCH (b:Detection) WHERE b.id >= $start AND b.id < $stop
MATCH (b)<-[l:NEXT|GAP|DIVISION]-()
WITH b.id AS id, l, coalesce(l.probability, $last) AS key
WHERE (key > $after_key OR (key = $after_key AND id > $after_id))
  AND ($most IS NULL OR key <= $most) AND ($kinds IS NULL OR type(l) IN $kinds)
  AND ($begin IS NULL OR startNode(l).frame >= $begin) AND ($end IS NULL OR endNode(l).frame <= $end)
WITH l, key, id ORDER BY key, id LIMIT $first
WITH l, key, id, startNode(l) AS a, endNode(l) AS b
MATCH (s)-[:HAS]->(a)
MATCH (t)-[:HAS]->(b)
RETURN type(l) AS kind, l.probability AS probability,
       [a.id, a.frame, a.label, a.y, a.x, s.id] AS earlier, [b.id, b.frame, b.label, b.y, b.x, t.id] AS later
ORDER BY key, id
"""


class DivisionOrder(StrEnum):
    """What a list of divisions is sorted by."""

    FRAME = "FRAME"
    """The mother's last frame."""
    PROBABILITY = "PROBABILITY"
    """The least certain first; those without a probability last."""


@dataclass(frozen=True)
class DivisionFilter:
    """Which divisions; None lets all pass.

    Attributes:
        max_probability: only those of which the tracker is no surer than this.
        frames: first and last frame of a window in which the mother is last seen, both inclusive.

    Raises:
        InputError: a probability that is none.
    """

    max_probability: float | None = None
    frames: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        _require_probability(self.max_probability)


@dataclass(frozen=True)
class LinkFilter:
    """Which links; None lets all pass.

    Attributes:
        kinds: only these.
        max_probability: only those of which the tracker is no surer than this.
        frames: first and last frame, both inclusive, of a window in which both of its ends are.

    Raises:
        InputError: a probability that is none.
    """

    kinds: tuple[LinkKind, ...] | None = None
    max_probability: float | None = None
    frames: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        _require_probability(self.max_probability)


def divisions(
    tx: ManagedTransaction,
    tracking: TrackingRecord,
    wanted: DivisionFilter,
    order: DivisionOrder,
    *,
    after: Key | None,
    first: int,
) -> list[TrackRecord]:
    """The mothers of some divisions, in this order.

    Args:
        tx: where to ask.
        tracking: of which.
        wanted: which of them.
        order: and in what order.
        after: only those behind this key: that of the last one of the page before.
        first: how many at most.
    """
    begin, end = wanted.frames or (None, None)
    found = tx.run(
        DIVISIONS_PAGE,
        _page(tracking, tracking.tracks, after, first),
        tracking=tracking.id,
        by_frame=order is DivisionOrder.FRAME,
        most=wanted.max_probability,
        begin=begin,
        end=end,
    )
    return [track_of(record) for record in found]


def division_key(mother: TrackRecord, order: DivisionOrder) -> Key:
    """Where a mother's division stands in an order."""
    by_frame = order is DivisionOrder.FRAME
    return (float(mother.end) if by_frame else _known(mother.division_probability)), mother.id


def links(
    tx: ManagedTransaction, tracking: TrackingRecord, wanted: LinkFilter, *, after: Key | None, first: int
) -> list[LinkRecord]:
    """Some links, the least certain first.

    Args:
        tx: where to ask.
        tracking: of which.
        wanted: which of them.
        after: only those behind this key: that of the last one of the page before.
        first: how many at most.
    """
    begin, end = wanted.frames or (None, None)
    found = tx.run(
        LINKS_PAGE,
        _page(tracking, tracking.detections, after, first),
        kinds=None if wanted.kinds is None else [kind.name for kind in wanted.kinds],
        most=wanted.max_probability,
        begin=begin,
        end=end,
    )
    return [_link(record) for record in found]


def link_key(link: LinkRecord) -> Key:
    """Where a link stands among those of its tracking."""
    return _known(link.probability), link.later.id


def _page(tracking: TrackingRecord, rows: int, after: Key | None, first: int) -> dict[str, float | int]:
    """The parameters that both questions have, of a tracking's detections or tracks."""
    span = {"start": tracking.first_id, "stop": tracking.first_id + rows}
    return span | behind(after) | {"first": first}


def _link(record: Record) -> LinkRecord:
    return LinkRecord(
        kind=LinkKind[record["kind"]],
        probability=record["probability"],
        earlier=PlaceRecord(*record["earlier"]),
        later=PlaceRecord(*record["later"]),
    )


def _known(probability: float | None) -> float:
    return inf if probability is None else probability


def _require_probability(value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise InputError(f"a probability of {value:g}", place="maxProbability", remedy="give one from 0 to 1")
