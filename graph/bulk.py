"""Whole trackings as columns, a batch at a time: what tables are made from, however large the tracking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from neo4j import ManagedTransaction, Record

from graph.columns import floats, integers
from graph.read import removed
from graph.records import TimeSeries, TrackingRecord
from graph.track_pages import TrackFilter
from graph.windows import Window
from ingest.tracking_graph import BoolArray, FloatArray, IntArray, LinkKind

TRACKS = """
MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop
OPTIONAL MATCH (t)-[l:DIVIDES_INTO]->()
WITH t, count(l) AS daughters, min(l.probability) AS probability
RETURN collect(t.id) AS id, collect(t.label) AS label, collect(t.begin) AS begin, collect(t.end) AS end,
       collect(coalesce(t.parent, -1)) AS parent, collect(t.founder) AS founder,
       collect(t.generation) AS generation, collect(daughters) AS daughters,
       collect(coalesce(probability, $unknown)) AS probability
"""

# Rows come as they lie; sorting a batch in memory costs less than ORDER BY. As in read.py, properties() reads
# a node once, and a list comprehension keeps the nulls that collect() would drop.
_COLUMNS = """
OPTIONAL MATCH (d)<-[l:NEXT|GAP|DIVISION]-()
WITH collect(t.id) AS track, collect(properties(d)) AS ds,
     collect(coalesce(l.probability, $unknown)) AS probability
RETURN track, probability, [d IN ds | d.id] AS id, [d IN ds | d.frame] AS frame,
       [d IN ds | d.label] AS label, [d IN ds | d.y] AS y, [d IN ds | d.x] AS x,
       [name IN $names | [d IN ds | d[name]]] AS features
"""
_IN_WINDOW = """
  ($begin IS NULL OR (d.frame >= $begin AND d.frame <= $end))
  AND ($y0 IS NULL OR (d.y >= $y0 AND d.y < $y1 AND d.x >= $x0 AND d.x < $x1))
"""
CELLS_BY_FRAME = f"""
MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop AND {_IN_WINDOW}
MATCH (t:Track)-[:HAS]->(d)
WITH t, d {_COLUMNS}
"""
CELLS_BY_TRACK = f"""
UNWIND $tracks AS id
MATCH (t:Track {{id: id}})-[:HAS]->(d) WHERE {_IN_WINDOW}
WITH t, d {_COLUMNS}
"""

# A detection has one link from an earlier one at most, so a range of ids holds each link once.
LINKS = """
MATCH (b:Detection) WHERE b.id >= $first AND b.id < $stop AND ($begin IS NULL OR b.frame <= $end)
MATCH (a)-[l:NEXT|GAP|DIVISION]->(b)
WHERE ($kinds IS NULL OR type(l) IN $kinds) AND ($most IS NULL OR l.probability <= $most)
  AND ($begin IS NULL OR a.frame >= $begin)
MATCH (s:Track)-[:HAS]->(a)
MATCH (t:Track)-[:HAS]->(b)
RETURN collect([a.id, a.frame, a.label, s.id]) AS earlier, collect([b.id, b.frame, b.label, t.id]) AS later,
       collect($numbers[type(l)]) AS kind, collect(coalesce(l.probability, $unknown)) AS probability
"""

# A tracking that was stored before it knew where its frames begin is searched whole.
ROWS_OF_FRAMES = """
MATCH (g:Tracking {id: $tracking})
RETURN CASE WHEN g.frame_start IS NULL THEN 0 ELSE coalesce(g.frame_start[$begin], g.detections) END AS first,
       coalesce(g.frame_start[$end + 1], g.detections) AS stop
"""

_KINDS = {kind.name: kind.value for kind in LinkKind}


@dataclass(frozen=True, eq=False)
class TrackColumns:
    """All tracks of a tracking, a row each, by id.

    Attributes:
        id, label: (T,) of each.
        begin, end: (T,) first and last frame, both inclusive.
        parent: (T,) id, −1 for a founder.
        founder: (T,) id of the first ancestor.
        generation: (T,) number of ancestors.
        daughters: (T,) how many.
        probability: (T,) of the division that it ends in, NaN where it does not divide or none is known.
    """

    id: IntArray
    label: IntArray
    begin: IntArray
    end: IntArray
    parent: IntArray
    founder: IntArray
    generation: IntArray
    daughters: IntArray
    probability: FloatArray

    def __len__(self) -> int:
        return len(self.id)

    @property
    def frames(self) -> IntArray:
        """(T,) frames from the first to the last, both included."""
        return self.end - self.begin + 1

    def take(self, rows: IntArray) -> "TrackColumns":
        """Some of them, in this order."""
        return TrackColumns(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})

    def chosen(self, wanted: TrackFilter) -> IntArray:
        """Rows of the tracks that a filter lets pass, if it asks for no measurements.

        As in `TrackFilter`, a track is alive in the frames of its gaps too.
        """
        passing: BoolArray = self.frames >= wanted.min_frames
        if wanted.founders is not None:
            passing &= (self.parent < 0) == wanted.founders
        if wanted.divides is not None:
            passing &= (self.daughters >= 2) == wanted.divides
        if wanted.max_frames is not None:
            passing &= self.frames <= wanted.max_frames
        if wanted.generation is not None:
            passing &= self.generation == wanted.generation
        if wanted.alive is not None:
            passing &= (self.end >= wanted.alive[0]) & (self.begin <= wanted.alive[1])
        for frame, window in ((self.begin, wanted.begins), (self.end, wanted.ends)):
            if window is not None:
                passing &= (frame >= window[0]) & (frame <= window[1])
        return np.flatnonzero(passing)


@dataclass(frozen=True, eq=False)
class Cells:
    """Some detections.

    Attributes:
        rows: what they are and measured.
        probability: (N,) of the link that leads to each, NaN where none does or none is known.
    """

    rows: TimeSeries
    probability: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, wanted: BoolArray) -> "Cells":
        """Those that are wanted (N,)."""
        rows = self.rows
        kept = TimeSeries(
            track=rows.track[wanted],
            id=rows.id[wanted],
            frame=rows.frame[wanted],
            label=rows.label[wanted],
            y=rows.y[wanted],
            x=rows.x[wanted],
            features={name: column[wanted] for name, column in rows.features.items()},
        )
        return Cells(kept, self.probability[wanted])


@dataclass(frozen=True, eq=False)
class LinkColumns:
    """Some links, by the later detection.

    Attributes:
        earlier, later: (E, 4) id, frame and label of the detection, and id of its track.
        kind: (E,) a `LinkKind` for each.
        probability: (E,) how sure the tracker is of it, 0..1, NaN where it does not say.
    """

    earlier: IntArray
    later: IntArray
    kind: IntArray
    probability: FloatArray


def tracks(tx: ManagedTransaction, tracking: TrackingRecord, spans: Iterable[dict[str, int]]) -> TrackColumns:
    """The tracks of these ranges of ids, which are all of the tracking's.

    Raises:
        ConflictError: it was removed in the meantime.
    """
    names = ("id", "label", "begin", "end", "parent", "founder", "generation", "daughters")
    parts = [tx.run(TRACKS, span, unknown=np.nan).single(strict=True) for span in spans]
    columns = {name: integers(part[name] for part in parts) for name in names}
    order = columns["id"].argsort()
    if len(order) != tracking.tracks:
        raise removed(tracking.id)
    probability = np.where(columns["daughters"] >= 2, floats(part["probability"] for part in parts), np.nan)
    return TrackColumns(
        **{name: column[order] for name, column in columns.items()}, probability=probability[order]
    )


def rows_of_frames(tx: ManagedTransaction, tracking: TrackingRecord, window: Window) -> tuple[int, int]:
    """First row, and the row after the last, of the detections in a window's frames.

    Raises:
        ConflictError: the tracking was removed in the meantime.
    """
    found = tx.run(ROWS_OF_FRAMES, tracking=tracking.id, begin=window.begin, end=window.end).single()
    if found is None:
        raise removed(tracking.id)
    return found["first"], found["stop"]


def cells_by_frame(
    tx: ManagedTransaction, span: dict[str, int], window: Window | None, names: Sequence[str]
) -> Cells:
    """The detections of a range of ids, by frame and label."""
    record = tx.run(CELLS_BY_FRAME, span | _window(window), names=names, unknown=np.nan).single(strict=True)
    ids = integers([record["id"]])
    return _cells(record, names, ids.argsort())


def cells_by_track(
    tx: ManagedTransaction, ids: Sequence[int], window: Window | None, names: Sequence[str]
) -> Cells:
    """The detections of these tracks: track after track as they are given, each in the order of time."""
    record = tx.run(CELLS_BY_TRACK, _window(window), tracks=ids, names=names, unknown=np.nan).single(
        strict=True
    )
    wanted = np.asarray(ids, np.int64)
    by_id = wanted.argsort()
    place = by_id[np.searchsorted(wanted[by_id], integers([record["track"]]))] if len(wanted) else wanted
    return _cells(record, names, np.lexsort((integers([record["frame"]]), place)))


def links(
    tx: ManagedTransaction,
    span: dict[str, int],
    *,
    frames: tuple[int, int] | None,
    kinds: Sequence[LinkKind] | None,
    most: float | None,
) -> LinkColumns:
    """The links to the detections of a range of ids.

    Args:
        tx: where to ask.
        span: `first` and `stop`.
        frames: only those with both ends in these frames, both included.
        kinds: only these.
        most: only those of which the tracker is no surer.
    """
    begin, end = frames or (None, None)
    names = None if kinds is None else [kind.name for kind in kinds]
    asked = {"begin": begin, "end": end, "kinds": names, "most": most, "numbers": _KINDS, "unknown": np.nan}
    record = tx.run(LINKS, span | asked).single(strict=True)
    earlier, later = (np.array(record[name], np.int64).reshape(-1, 4) for name in ("earlier", "later"))
    order = later[:, 0].argsort()
    kind, probability = integers([record["kind"]]), floats([record["probability"]])
    return LinkColumns(earlier[order], later[order], kind[order], probability[order])


def no_cells(names: Sequence[str]) -> Cells:
    """None, with all columns."""
    none, real = np.empty(0, np.int64), np.empty(0)
    return Cells(TimeSeries(none, none, none, none, real, real, dict.fromkeys(names, real)), real)


def _window(window: Window | None) -> dict[str, float | None]:
    y0, x0, y1, x1 = (window and window.box) or (None, None, None, None)
    frames = {"begin": window.begin, "end": window.end} if window else {"begin": None, "end": None}
    return frames | {"y0": y0, "x0": x0, "y1": y1, "x1": x1}


def _cells(record: Record, names: Sequence[str], order: IntArray) -> Cells:
    rows = TimeSeries(
        track=integers([record["track"]])[order],
        id=integers([record["id"]])[order],
        frame=integers([record["frame"]])[order],
        label=integers([record["label"]])[order],
        y=floats([record["y"]])[order],
        x=floats([record["x"]])[order],
        features={
            name: floats([values])[order] for name, values in zip(names, record["features"], strict=True)
        },
    )
    return Cells(rows, floats([record["probability"]])[order])
