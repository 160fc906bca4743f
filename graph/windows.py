"""Detections of one tracking within some frames and a box, as columns, a page at a time."""

from dataclasses import dataclass

from neo4j import ManagedTransaction

from graph.columns import floats, integers
from graph.records import ROW_BITS, TimeSeries, TrackingRecord
from ingest.errors import InputError

# A tracking knows the row where each of its frames begins, so frames are a range of ids; one that was stored
# before it knew is searched whole.
DETECTIONS_IN_WINDOW = """
MATCH (g:Tracking {id: $tracking, state: 'READY'})
WITH g.number * $rows AS zero, g.frame_start AS starts, g.detections AS count
WITH zero + coalesce(starts[$begin], CASE WHEN starts IS NULL THEN 0 ELSE count END) AS first,
     zero + coalesce(starts[$end + 1], count) AS stop
WITH CASE WHEN $after >= first THEN $after + 1 ELSE first END AS first, stop
MATCH (d:Detection)
WHERE d.id >= first AND d.id < stop AND d.frame >= $begin AND d.frame <= $end
  AND ($y0 IS NULL OR (d.y >= $y0 AND d.y < $y1 AND d.x >= $x0 AND d.x < $x1))
WITH d ORDER BY d.id LIMIT $count
MATCH (t:Track)-[:HAS]->(d)
WITH collect(t.id) AS track, collect(properties(d)) AS ds
RETURN track, [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame, [d IN ds | d.label] AS label,
       [d IN ds | d.y] AS y, [d IN ds | d.x] AS x, [name IN $names | [d IN ds | d[name]]] AS features
"""


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
        if not (0 <= self.begin <= self.end and y0 < y1 and x0 < x1):
            raise InputError(
                f"frames {self.begin} to {self.end}, box {self.box}",
                place="window",
                remedy="give frames from 0 on, the first before the last, and a box as (y0, x0, y1, x1)",
            )


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
    tx: ManagedTransaction, tracking: TrackingRecord, window: Window, *, after: int | None, first: int
) -> DetectionPage:
    """The detections of a window, in the order of (frame, label), `first` at most."""
    y0, x0, y1, x1 = window.box or (None, None, None, None)
    record = tx.run(
        DETECTIONS_IN_WINDOW,
        tracking=tracking.id,
        rows=1 << ROW_BITS,
        begin=window.begin,
        end=window.end,
        after=-1 if after is None else after,
        count=first,
        names=list(tracking.features),
        y0=y0,
        x0=x0,
        y1=y1,
        x1=x1,
    ).single(strict=True)
    track, ids = integers([record["track"]]), integers([record["id"]])
    order = track.argsort(kind="stable")
    rows = TimeSeries(
        track=track[order],
        id=ids[order],
        frame=integers([record["frame"]])[order],
        label=integers([record["label"]])[order],
        y=floats([record["y"]])[order],
        x=floats([record["x"]])[order],
        features={
            name: floats([values])[order]
            for name, values in zip(tracking.features, record["features"], strict=True)
        },
    )
    return DetectionPage(rows, int(ids.max()) if len(ids) == first else None)
