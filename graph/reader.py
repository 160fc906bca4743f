"""Everything that can be asked of the store."""

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

from graph import certainty, counts, health, movies, read, track_pages, windows
from graph.certainty import DivisionFilter, DivisionOrder, LinkFilter
from graph.connection import Connection
from graph.counts import FrameCounts
from graph.explore.browser import Browser, browser_of
from graph.health import Health
from graph.measured import FeatureOrder, FeatureRange, Key
from graph.pixels import PixelStore
from graph.records import Lineage, LinkRecord, MovieRecord, TimeSeries, TrackingRecord, TrackRecord
from graph.relatives_reader import RelativesReader
from graph.track_pages import TrackFilter, TrackOrder
from graph.windows import DetectionPage, Window
from ingest.errors import NotFoundError
from ingest.movie import LabelImages
from ingest.tracking_graph import TrackingGraph

LISTED = 3
"""How many ids an error names."""


class LineageReader(RelativesReader):
    """Reads movies, trackings and lineages; for an unknown one of many ids comes nothing.

    Args:
        connection: to a database whose schema is ready.
        pixels: where label images are kept.
    """

    def __init__(self, connection: Connection, pixels: PixelStore) -> None:
        self._connection = connection
        self._pixels = pixels

    @cached_property
    def browser(self) -> Browser | None:
        """The Neo4j Browser of the server; None where it has none, or does not say."""
        return browser_of(self._connection)

    def health(self) -> Health:
        """Whether the database is whole."""
        return health.examine(self._connection)

    def movies(self) -> list[MovieRecord]:
        """All movies, the oldest first."""
        return self._connection.read(movies.every)

    def movies_by_id(self, ids: Sequence[str]) -> dict[str, MovieRecord]:
        """The movies of these ids, by id."""
        return {movie.id: movie for movie in self._connection.read(partial(movies.by_id, ids=ids))}

    def movie(self, movie_id: str) -> MovieRecord:
        """One movie.

        Raises:
            NotFoundError: there is none of this id.
        """
        if found := self.movies_by_id([movie_id]):
            return found[movie_id]
        newest = [f"{movie.id} ({movie.name})" for movie in self.movies()[-LISTED:]]
        raise _not_found(f"movie {movie_id!r}", newest)

    def trackings(self, movie_ids: Sequence[str]) -> list[TrackingRecord]:
        """All complete trackings of these movies, the oldest first."""
        return self._connection.read(partial(read.trackings, movie_ids=movie_ids))

    def trackings_by_id(self, ids: Sequence[str]) -> dict[str, TrackingRecord]:
        """The complete trackings of these ids, by id."""
        found = self._connection.read(partial(read.trackings_by_id, ids=ids))
        return {tracking.id: tracking for tracking in found}

    def tracking(self, tracking_id: str) -> TrackingRecord:
        """One complete tracking.

        Raises:
            NotFoundError: there is none of this id.
        """
        if found := self.trackings_by_id([tracking_id]):
            return found[tracking_id]
        newest = self._connection.read(partial(read.newest_trackings, first=LISTED))
        raise _not_found(f"tracking {tracking_id!r}", newest)

    def tracking_graph(self, tracking_id: str) -> TrackingGraph:
        """A whole tracking, equal to what was written.

        Raises:
            NotFoundError: there is none of this id.
            ConflictError: it was removed while it was read.
        """
        return self._connection.read(partial(read.tracking_graph, tracking=self.tracking(tracking_id)))

    def labels(self, tracking_id: str) -> LabelImages:
        """The label images of a tracking.

        Raises:
            NotFoundError: there is none of this id, or its label images are not in this data folder.
        """
        return self._pixels.labels(self.tracking(tracking_id).id)

    def has_labels(self, tracking_id: str) -> bool:
        """Whether the label images of a tracking are in this data folder."""
        return self._pixels.has(tracking_id)

    def tracks(
        self,
        tracking_id: str,
        *,
        after: int | None = None,
        first: int = 100,
        label: int | None = None,
        **wanted: Any,  # noqa: ANN401 - the attributes of a TrackFilter
    ) -> list[TrackRecord]:
        """Some tracks of a tracking, by id.

        Args:
            tracking_id: of which.
            after: only those with a larger id: the last one of the page before.
            first: how many at most.
            label: only the track of this label.
            wanted: which, by the attributes of `TrackFilter`: `divides=True`, `min_frames=10` …

        Raises:
            NotFoundError: there is no such tracking.
            InputError: it has no feature of that name.
        """
        tracking = self.tracking(tracking_id)
        if label is not None:
            return self._connection.read(partial(track_pages.of_label, tracking=tracking, label=label))
        ask = partial(track_pages.page, tracking=tracking, wanted=TrackFilter(**wanted))
        return self._connection.read(partial(ask, after=after, first=first))

    def tracks_by(
        self,
        tracking_id: str,
        order: TrackOrder,
        wanted: TrackFilter | None = None,
        *,
        after: Key | None = None,
        first: int = 100,
    ) -> list[tuple[Key, TrackRecord]]:
        """Some tracks of a tracking in an order, each with its key, which is where it stands in it.

        Args:
            tracking_id: of which.
            order: and in what order.
            wanted: which of them; by default all.
            after: only those behind this key: that of the last one of the page before.
            first: how many at most.

        Raises:
            NotFoundError: there is no such tracking.
            InputError: it has no feature of that name.
        """
        ask = partial(track_pages.page_by, tracking=self.tracking(tracking_id), order=order)
        return self._connection.read(partial(ask, wanted=wanted or TrackFilter(), after=after, first=first))

    def divisions(
        self,
        tracking_id: str,
        wanted: DivisionFilter | None = None,
        *,
        order: DivisionOrder = DivisionOrder.FRAME,
        after: Key | None = None,
        first: int = 100,
    ) -> list[TrackRecord]:
        """The mothers of some divisions of a tracking: by frame, or the least certain first.

        Args:
            tracking_id: of which.
            wanted: which of them; by default all.
            order: and in what order.
            after: only those behind this key: `certainty.division_key` of the last one of the page before.
            first: how many at most.

        Raises:
            NotFoundError: there is no such tracking.
        """
        ask = partial(certainty.divisions, tracking=self.tracking(tracking_id), order=order)
        page = partial(ask, wanted=wanted or DivisionFilter(), after=after, first=first)
        return self._connection.read(page)

    def links(
        self,
        tracking_id: str,
        wanted: LinkFilter | None = None,
        *,
        after: Key | None = None,
        first: int = 100,
    ) -> list[LinkRecord]:
        """Some links of a tracking, the least certain first; those without a probability last.

        Args:
            tracking_id: of which.
            wanted: which of them; by default all.
            after: only those behind this key: `certainty.link_key` of the last one of the page before.
            first: how many at most.

        Raises:
            NotFoundError: there is no such tracking.
        """
        ask = partial(certainty.links, tracking=self.tracking(tracking_id), wanted=wanted or LinkFilter())
        return self._connection.read(partial(ask, after=after, first=first))

    def detections(
        self,
        tracking_id: str,
        window: Window,
        ranges: Sequence[FeatureRange] = (),
        *,
        after: int | None = None,
        first: int = 10_000,
    ) -> DetectionPage:
        """The detections within some frames and a box, a page at a time; each page in one round trip.

        Args:
            tracking_id: of which.
            window: which frames, which part of them.
            ranges: only those whose features are in all of these.
            after: what the page before gave as `last`.
            first: how many at most.

        Raises:
            NotFoundError: there is no such tracking.
            InputError: it has no feature of that name.
        """
        ask = partial(windows.page, tracking=self.tracking(tracking_id), window=window, ranges=ranges)
        return self._connection.read(partial(ask, after=after, first=first))

    def detections_by(
        self,
        tracking_id: str,
        order: FeatureOrder,
        window: Window,
        ranges: Sequence[FeatureRange] = (),
        *,
        after: Key | None = None,
        first: int = 100,
    ) -> TimeSeries:
        """The first detections within some frames and a box in the order of a feature.

        Args:
            tracking_id: of which.
            order: which feature; `order.keys` says where each row stands in it.
            window: which frames, which part of them.
            ranges: only those whose features are in all of these.
            after: only those behind this key and id: those of the last one of the page before.
            first: how many at most.

        Raises:
            NotFoundError: there is no such tracking.
            InputError: it has no feature of that name.
        """
        ask = partial(windows.page_by, tracking=self.tracking(tracking_id), window=window, ranges=ranges)
        return self._connection.read(partial(ask, order=order, after=after, first=first))

    def detections_by_id(self, ids: Sequence[int]) -> TimeSeries:
        """The detections of these ids; in one round trip."""
        return self._connection.read(partial(read.detections_by_id, ids=ids))

    def frame_counts(self, tracking_id: str) -> FrameCounts:
        """How many cells there are in each frame of a tracking's movie, and what becomes of them.

        Raises:
            NotFoundError: there is no such tracking.
        """
        tracking = self.tracking(tracking_id)
        frames = self.movie(tracking.movie_id).frames
        return self._connection.read(partial(counts.frame_counts, tracking=tracking, frames=frames))

    def tracks_by_id(self, ids: Sequence[int]) -> dict[int, TrackRecord]:
        """The tracks of these ids, by id."""
        return {track.id: track for track in self._connection.read(partial(read.tracks_by_id, ids=ids))}

    def lineages(self, track_ids: Sequence[int]) -> list[Lineage]:
        """The lineages that these tracks belong to, each once, by founder; in one round trip."""
        return self._connection.read(partial(read.lineages, ids=track_ids))

    def time_series(self, track_ids: Sequence[int]) -> TimeSeries:
        """The detections of these tracks; in one round trip."""
        return self._connection.read(partial(read.time_series, ids=track_ids))


def _not_found(wanted: str, newest: Sequence[str]) -> NotFoundError:
    return NotFoundError(
        f"no {wanted}",
        place="the store",
        remedy=f"the newest are: {', '.join(newest) or 'none yet'}; "
        "GraphQL lists all: { movies { id name trackings { id } } }",
    )
