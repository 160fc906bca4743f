"""Detections of one tracking within some frames and a box, as columns, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from neo4j import ManagedTransaction, Record

from graph.columns import floats, integers
from graph.measured import FeatureOrder, FeatureRange, Key, behind, range_parameters, require_measured
from graph.records import ROW_BITS, TimeSeries, TrackingRecord
from ingest.errors import InputError

# A tracking knows the row where each of its frames begins, so frames are a range of ids; one that was stored
# before it knew is searched whole.
_ROWS_OF_FRAMES = """
MATCH (g:Tracking {id: $tracking, state: 'READY'})
WITH g.number * $rows AS zero, g.frame_start AS starts, g.detections AS count
WITH zero + coalesce(starts[$begin], CASE WHEN starts IS NULL THEN 0 ELSE count END) AS first,
     zero + coalesce(starts[$end + 1], count) AS stop
"""
_WANTED_DETECTIONS = """
MATCH (d:Detection)
WHERE d.id >= first AND d.id < stop AND d.frame >= $begin AND d.frame <= $end
  AND ($y0 IS NULL OR (d.y >= $y0 AND d.y < $y1 AND d.x >= $x0 AND d.x < $x1))
  AND all(r IN $ranges WHERE d[r.feature] >= r.least AND d[r.feature] <= r.most)
"""
_AS_COLUMNS = """
MATCH (t:Track)-[:HAS]->(d)
WITH collect(t.id) AS track, collect(properties(d)) AS ds
RETURN track, [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame, [d IN ds | d.label] AS label,
       [d IN ds | d.y] AS y, [d IN ds | d.x] AS x, [name IN $names | [d IN ds | d[name]]] AS features
"""

DETECTIONS_IN_WINDOW = (
    _ROWS_OF_FRAMES
    + "WITH CASE WHEN $after >= first THEN $after + 1 ELSE first END AS first, stop"
    + _WANTED_DETECTIONS
    + "WITH d ORDER BY d.id LIMIT $count"
    + _AS_COLUMNS
)
# No index has the order of a feature: all of the window are looked at, and no more than a page is held.
DETECTIONS_BY_FEATURE = (
    _ROWS_OF_FRAMES
    + _WANTED_DETECTIONS
    + """
WITH d, $sign * d[$feature] AS value
WITH d, CASE WHEN value IS NULL OR isNaN(value) THEN $last ELSE value END AS key
WHERE key > $after_key OR (key = $after_key AND d.id > $after_id)
WITH d, key ORDER BY key, d.id LIMIT $count"""
    + _AS_COLUMNS
)


BEYOND_ALL_FRAMES = 2**31 - 1
"""No movie has a frame of this number."""


@dataclass(frozen=True)
class Window:
    """A part of a movie.

    Attributes:
        begin, end: first and last frame, both inclusive.
        box: y0, x0, y1, x1 in pixels, the end exclusive, in which the centroid lies; None for all of a frame.

    Raises:
        InputError: it holds nothing, whatever the movie.
    """

    begin: int
    end: int
    box: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        y0, x0, y1, x1 = self.box or (0, 0, 1, 1)
        if not 0 <= self.begin <= self.end:
            raise InputError(
                f"frames {self.begin} to {self.end}",
                place="window",
                remedy="give frames from 0 on, the first before the last",
            )
        if not (y0 < y1 and x0 < x1):
            raise InputError(
                f"box {self.box}", place="window", remedy="give (y0, x0, y1, x1), y0 < y1 and x0 < x1"
            )

    @classmethod
    def of(cls, frames: tuple[int, int] | None, box: tuple[float, float, float, float] | None) -> "Window":
        """Some frames, by default all, and a box in them.

        Raises:
            InputError: it holds nothing.
        """
        return cls(*(frames or (0, BEYOND_ALL_FRAMES)), box)


@dataclass(frozen=True, eq=False)
class DetectionPage:
    """Some detections.

    Attributes:
        rows: sorted by (track, frame).
        last: what to give as `after` for the next page; None when this is the last one.
    """

    rows: TimeSeries
    last: int | None


def page(
    tx: ManagedTransaction,
    tracking: TrackingRecord,
    window: Window,
    ranges: Sequence[FeatureRange],
    *,
    after: int | None,
    first: int,
) -> DetectionPage:
    """The detections of a window, in the order of (frame, label), `first` at most.

    Raises:
        InputError: the tracking has no such feature.
    """
    last = -1 if after is None else after
    record = tx.run(DETECTIONS_IN_WINDOW, _which(tracking, window, ranges, first), after=last)
    rows = _rows(record.single(strict=True), tracking)
    return DetectionPage(rows, int(rows.id.max()) if len(rows) == first else None)


def page_by(
    tx: ManagedTransaction,
    tracking: TrackingRecord,
    window: Window,
    ranges: Sequence[FeatureRange],
    order: FeatureOrder,
    *,
    after: Key | None,
    first: int,
) -> TimeSeries:
    """The first detections of a window behind a key, in the order of a feature; their rows by (track, frame).

    Raises:
        InputError: the tracking has no such feature.
    """
    require_measured(tracking, order.feature)
    which = _which(tracking, window, ranges, first) | behind(after)
    record = tx.run(DETECTIONS_BY_FEATURE, which, feature=order.feature, sign=order.sign)
    return _rows(record.single(strict=True), tracking)


def _which(
    tracking: TrackingRecord, window: Window, ranges: Sequence[FeatureRange], first: int
) -> dict[str, Any]:
    """The parameters that both statements have."""
    require_measured(tracking, *(wanted.feature for wanted in ranges))
    y0, x0, y1, x1 = window.box or (None, None, None, None)
    return {
        "tracking": tracking.id,
        "rows": 1 << ROW_BITS,
        "begin": window.begin,
        "end": window.end,
        "ranges": range_parameters(ranges),
        "count": first,
        "names": list(tracking.features),
        **{"y0": y0, "x0": x0, "y1": y1, "x1": x1},
    }


def _rows(record: Record, tracking: TrackingRecord) -> TimeSeries:
    """The detections of a record, sorted by (track, frame)."""
    track, frame = integers([record["track"]]), integers([record["frame"]])
    order = np.lexsort((frame, track))
    return TimeSeries(
        track=track[order],
        id=integers([record["id"]])[order],
        frame=frame[order],
        label=integers([record["label"]])[order],
        y=floats([record["y"]])[order],
        x=floats([record["x"]])[order],
        features={
            name: floats([values])[order]
            for name, values in zip(tracking.features, record["features"], strict=True)
        },
    )
