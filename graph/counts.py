"""How many cells there are in each frame of a tracking, and what becomes of them."""

from dataclasses import dataclass

import numpy as np
from neo4j import ManagedTransaction

from graph.columns import integers
from graph.records import TrackingRecord
from ingest.tracking_graph import BoolArray, IntArray

FRAME_START = "MATCH (g:Tracking {id: $tracking, state: 'READY'}) RETURN g.frame_start AS starts"

# For a tracking that was stored before it knew where its frames begin.
DETECTIONS_OF_FRAMES = """
MATCH (d:Detection) WHERE d.id >= $first AND d.id < $stop
WITH d.frame AS frame, count(*) AS detections ORDER BY frame
RETURN collect(frame) AS frame, collect(detections) AS detections
"""

ENDS_OF_TRACKS = """
MATCH (t:Track) WHERE t.id >= $first AND t.id < $stop
WITH t, COUNT { (t)-[:DIVIDES_INTO]->() } AS daughters ORDER BY t.id
RETURN collect(t.begin) AS begin, collect(t.end) AS end, collect(t.parent IS NULL) AS founder,
       collect(daughters) AS daughters
"""


@dataclass(frozen=True, eq=False)
class FrameCounts:
    """Counts in each frame of a movie, from frame 0 to the last.

    Attributes:
        detections: (F,) cells that are seen.
        divisions: (F,) mothers of two daughters or more that are last seen in it.
        begins: (F,) tracks without a parent that begin in it.
        losses: (F,) tracks without a daughter that end in it; in the last frame those that outlive the movie.
    """

    detections: IntArray
    divisions: IntArray
    begins: IntArray
    losses: IntArray

    def __len__(self) -> int:
        return len(self.detections)


def frame_counts(tx: ManagedTransaction, tracking: TrackingRecord, frames: int) -> FrameCounts:
    """Count what there is in each frame of a tracking.

    Args:
        tx: where to ask.
        tracking: of which.
        frames: of its movie, F.
    """
    record = tx.run(ENDS_OF_TRACKS, _span(tracking, tracking.tracks)).single(strict=True)
    begin, end, daughters = (integers([record[name]]) for name in ("begin", "end", "daughters"))
    founder: BoolArray = np.array(record["founder"], np.bool_)

    def count(which: IntArray) -> IntArray:
        return np.bincount(which, minlength=frames)

    return FrameCounts(
        detections=_detections(tx, tracking, frames),
        divisions=count(end[daughters >= 2]),
        begins=count(begin[founder]),
        losses=count(end[daughters == 0]),
    )


def _detections(tx: ManagedTransaction, tracking: TrackingRecord, frames: int) -> IntArray:
    known = tx.run(FRAME_START, tracking=tracking.id).single()
    if known is not None and known["starts"] is not None:
        return np.diff(integers([known["starts"]]))
    record = tx.run(DETECTIONS_OF_FRAMES, _span(tracking, tracking.detections)).single(strict=True)
    counts = np.zeros(frames, np.int64)
    counts[integers([record["frame"]])] = record["detections"]
    return counts


def _span(tracking: TrackingRecord, rows: int) -> dict[str, int]:
    return {"first": tracking.first_id, "stop": tracking.first_id + rows}
