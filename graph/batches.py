"""A tracking's columns as the parameters of the statements that write it, a batch at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graph.records import ROW_BITS
from ingest.formats.ctc import track_labels
from ingest.tracking_graph import FloatArray, IntArray, LinkKind, TrackingGraph

WRITE_ROWS = 3_000
"""Rows in a transaction that writes or removes: of more, each costs the server up to twice as much
(docs/decisions/0004-lineage-store.md)."""
READ_ROWS = 10_000
"""Rows in one that reads: more cost memory, fewer cost round trips."""


@dataclass(frozen=True)
class Batch:
    """Some tracks with all their detections, or one piece of a track that is longer than a batch.

    Attributes:
        tracks: rows of tracks.
        begin, end: where their detections stand in `TrackRows.order`; the end exclusive.
        continues: an earlier batch created the track.
    """

    tracks: slice
    begin: int
    end: int
    continues: bool = False


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

    @cached_property
    def probability(self) -> FloatArray | None:
        """(N,) probability of the link to each detection, NaN where none is known; None where none is."""
        return None if self.graph.probability is None else self.graph.link_probability

    def ids(self, rows: IntArray) -> list[int]:
        """Ids of rows of detections or of tracks."""
        ids: list[int] = ((self.number << ROW_BITS) + rows).tolist()
        return ids

    def batches(self) -> Iterator[Batch]:
        """Of about `WRITE_ROWS` detections each, never more: whole tracks, or pieces of a long one."""
        begin = 0
        while begin < len(self.graph.tracks):
            end = int(np.searchsorted(self.start, self.start[begin] + WRITE_ROWS, side="right")) - 1
            if end == begin:
                yield from self._pieces(begin)
                end = begin + 1
            else:
                yield Batch(slice(begin, end), int(self.start[begin]), int(self.start[end]))
            begin = end

    def _pieces(self, track: int) -> Iterator[Batch]:
        first, stop = int(self.start[track]), int(self.start[track + 1])
        for begin in range(first, stop, WRITE_ROWS):
            yield Batch(slice(track, track + 1), begin, min(begin + WRITE_ROWS, stop), begin > first)

    def columns(self, batch: Batch) -> dict[str, Any]:
        """The parameters of `CREATE_TRACKS` and `CONTINUE_TRACK`."""
        detections, rows = self.graph.detections, self.order[batch.begin : batch.end]
        track, frame = self.graph.tracks.of_detection[rows], detections.frame[rows]
        step = np.where(track[1:] == track[:-1], np.diff(frame), 0)
        bounds = self.start[batch.tracks.start : batch.tracks.stop + 1]
        return {
            **self.track_columns(batch.tracks),
            "start": (np.clip(bounds, batch.begin, batch.end) - batch.begin).tolist(),
            "earlier": self.ids(self.order[batch.begin - 1 : batch.begin])[0] if batch.continues else None,
            "id": self.ids(rows),
            "next": (np.flatnonzero(step == 1) + 1).tolist(),
            "gap": (np.flatnonzero(step > 1) + 1).tolist(),
            "frame": frame.tolist(),
            "label": detections.label[rows].tolist(),
            "y": _or_null(detections.y[rows]),
            "x": _or_null(detections.x[rows]),
            "names": list(detections.features),
            "features": [_or_null(column[rows]) for column in detections.features.values()],
            "probability": None if self.probability is None else _or_null(self.probability[rows]),
        }

    def track_columns(self, tracks: slice) -> dict[str, Any]:
        """Those of them that say what the tracks are."""
        table = self.graph.tracks
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
        }

    def divisions(self) -> Iterator[dict[str, Any]]:
        """The parameters of `CREATE_DIVISIONS`, in batches."""
        links = self.graph.links[self.graph.kind == LinkKind.DIVISION]
        tracks = self.graph.tracks.of_detection[links]
        for begin in range(0, len(links), WRITE_ROWS):
            batch = slice(begin, begin + WRITE_ROWS)
            daughter = links[batch, 1]
            probability = _or_null(self.graph.link_probability[daughter])
            yield {
                "mother": self.ids(links[batch, 0]),
                "daughter": self.ids(daughter),
                "mother_track": self.ids(tracks[batch, 0]),
                "daughter_track": self.ids(tracks[batch, 1]),
                "probability": probability,
                "name": [None if p is None else f"{p:.2f}" for p in probability],
            }


def frame_start(graph: TrackingGraph, frames: int) -> list[int]:
    """(frames + 1) row of the first detection of each frame, and at last the number of detections."""
    starts: list[int] = np.searchsorted(graph.detections.frame, np.arange(frames + 1)).tolist()
    return starts


def id_ranges(number: int, rows: int, at_once: int, *, begin: int = 0) -> Iterator[dict[str, int]]:
    """The ids of rows from `begin` on, of a tracking or a score, some at a time, as `$first` and `$stop`."""
    first = number << ROW_BITS
    for row in range(begin, rows, at_once):
        yield {"first": first + row, "stop": first + min(row + at_once, rows)}


def _or_null(column: FloatArray) -> list[float | None]:
    """Values as the database holds them: what is not defined is absent."""
    values: list[float | None] = column.tolist()
    for row in np.flatnonzero(np.isnan(column)):
        values[row] = None
    return values
