"""The part of the store that reads whole trackings in batches; each batch a transaction of its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from typing import ParamSpec, TypeVar

import numpy as np

from graph import bulk, track_pages
from graph.batches import READ_ROWS, id_ranges
from graph.bulk import Cells, LinkColumns, TrackColumns
from graph.connection import Connection
from graph.read import removed
from graph.records import TrackingRecord
from graph.track_pages import TrackFilter
from graph.windows import Window
from ingest.errors import NotFoundError
from ingest.tracking_graph import IntArray, LinkKind

TRACKS_AT_ONCE = 5_000
"""Tracks whose measurements one transaction looks at."""
P = ParamSpec("P")
T = TypeVar("T")


def _ahead(read: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """Reads each batch while the one before it is worked on: the server's work takes about as long."""

    @wraps(read)
    def reading(*arguments: P.args, **named: P.kwargs) -> Iterator[T]:
        batches, context = read(*arguments, **named), copy_context()

        def one() -> T | None:
            return context.run(lambda: next(batches, None))

        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(one)
            while (batch := coming.result()) is not None:
                coming = reader.submit(one)
                yield batch

    return reading


class BulkReader(ABC):
    """Reads trackings of any size in the memory of two batches of about `READ_ROWS` detections.

    A tracking never changes, but may be removed: what has come to its end was there all the time.
    """

    _connection: Connection

    @abstractmethod
    def tracking(self, tracking_id: str) -> TrackingRecord:
        """One complete tracking."""

    def track_columns(self, tracking: TrackingRecord) -> TrackColumns:
        """All tracks of a tracking.

        Raises:
            ConflictError: it was removed in the meantime.
        """
        spans = list(id_ranges(tracking.number, tracking.tracks, READ_ROWS))
        return self._connection.read(partial(bulk.tracks, tracking=tracking, spans=spans))

    def track_ids(self, tracking: TrackingRecord, wanted: TrackFilter) -> IntArray:
        """The ids of all tracks that a filter lets pass, ascending.

        Raises:
            InputError: the tracking has no such feature.
        """
        found = [np.zeros(0, np.int64)]
        for span in id_ranges(tracking.number, tracking.tracks, TRACKS_AT_ONCE):
            begin, stop = span["first"], span["stop"]
            read = partial(track_pages.ids_within, tracking=tracking, wanted=wanted, begin=begin, stop=stop)
            found.append(np.array(self._connection.read(read), np.int64))
        return np.concatenate(found)

    @_ahead
    def cells_by_frame(
        self, tracking: TrackingRecord, window: Window | None, features: Sequence[str]
    ) -> Iterator[Cells]:
        """The detections of a tracking with some of its features, by frame and label.

        Args:
            tracking: of which.
            window: only those in it.
            features: names of those that are wanted.

        Raises:
            ConflictError: it was removed in the meantime.
        """
        ask = partial(bulk.cells_by_frame, window=window, names=list(features))
        for span in self._spans(tracking, window):
            yield self._connection.read(partial(ask, span=span))
        self._require(tracking)

    @_ahead
    def cells_by_track(
        self, tracking: TrackingRecord, tracks: TrackColumns, window: Window | None, features: Sequence[str]
    ) -> Iterator[Cells]:
        """The detections of some tracks, one track after the other, each in the order of time.

        Args:
            tracking: of which.
            tracks: those that are wanted, in this order; no track is divided between two batches.
            window: only detections in it.
            features: names of those that are wanted.

        Raises:
            ConflictError: it was removed in the meantime.
        """
        ask = partial(bulk.cells_by_track, window=window, names=list(features))
        for ids in _parts(tracks):
            yield self._connection.read(partial(ask, ids=ids.tolist()))
        self._require(tracking)

    @_ahead
    def link_columns(
        self,
        tracking: TrackingRecord,
        *,
        frames: tuple[int, int] | None = None,
        kinds: Sequence[LinkKind] | None = None,
        max_probability: float | None = None,
    ) -> Iterator[LinkColumns]:
        """The links of a tracking, by the later detection.

        Args:
            tracking: of which.
            frames: only those with both ends in these frames, both included.
            kinds: only these.
            max_probability: only those of which the tracker is no surer.

        Raises:
            ConflictError: it was removed in the meantime.
        """
        ask = partial(bulk.links, frames=frames, kinds=kinds, most=max_probability)
        for span in self._spans(tracking, None if frames is None else Window(*frames)):
            yield self._connection.read(partial(ask, span=span))
        self._require(tracking)

    def _spans(self, tracking: TrackingRecord, window: Window | None) -> Iterator[dict[str, int]]:
        """The ids of the detections in a window's frames, a batch at a time."""
        begin, rows = 0, tracking.detections
        if window is not None:
            asked = partial(bulk.rows_of_frames, tracking=tracking, window=window)
            begin, rows = self._connection.read(asked)
        yield from id_ranges(tracking.number, rows, READ_ROWS, begin=begin)

    def _require(self, tracking: TrackingRecord) -> None:
        """A removal hides a tracking before it takes anything from it."""
        try:
            self.tracking(tracking.id)
        except NotFoundError:
            raise removed(tracking.id) from None


def _parts(tracks: TrackColumns) -> Iterator[IntArray]:
    """Ids of tracks, as many at a time as have `READ_ROWS` detections at most; one at least."""
    stop = np.cumsum(tracks.frames)
    begin = 0
    while begin < len(tracks):
        before = stop[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(stop, before + READ_ROWS, side="right")))
        yield tracks.id[begin:end]
        begin = end
