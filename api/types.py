"""GraphQL types of what is stored: movies and trackings of them."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry
from anyio import to_thread
from strawberry.scalars import JSON

from api.browser_link import browser_link
from api.certainty import LINKS, LOOK_AT_LINKS, LOOK_AT_TRACKS, DivisionConnection, LinkConnection
from api.context import Info
from api.detection_pages import DetectionConnection, by_feature, by_frame
from api.fields import ListSize, described, from_record, resolved, value
from api.lineages import Track, TrackConnection
from api.pages import DEFAULT_PAGE, PAGED, key_page_of
from api.places import FrameRange, span_of
from api.statistics import LOOK_AT_DETECTIONS, Statistics
from api.track_pages import LOOK_AT_MEANS, track_page
from api.tracking_files import FileKind, TrackingFile, files_of
from api.wanted import (
    Box,
    DetectionOrder,
    FeatureRange,
    FeatureRise,
    TrackOrder,
    ranges_of,
    require_counts,
    rise_of,
    track_order_of,
    window_of,
)
from graph import records
from graph.certainty import DivisionFilter, DivisionOrder, LinkFilter
from graph.track_pages import TrackFilter
from ingest.tracking_graph import LinkKind

if TYPE_CHECKING:
    from api.scores import Score

strawberry.enum(
    records.TrackingKind,
    description="Where a tracking comes from: `PREDICTED` by a tracker, `GROUND_TRUTH` known to be right or "
    "taken for it, `CURATED` corrected by a person.",
)


@described
class Movie:
    """Frames of one field of view; their pixels stay in the files that they came from."""

    id: strawberry.ID = value("From the content: the same movie has the same id everywhere.")
    name: str = value("What its owner calls it.")
    frames: int = value("Number of time points; frames count from zero.")
    channels: list[str] = value("Names of the channels, in order.", ListSize(assumed_size=2))
    height: int = value("Rows of a frame, pixels.")
    width: int = value("Columns of a frame, pixels.")
    pixel_size: float | None = value("Side of a pixel, µm; null where unknown.")
    minutes_per_frame: float | None = value("Time from frame to frame, min; null where unknown.")
    created: datetime = value("When it was first stored.")

    @resolved(ListSize(assumed_size=5))
    async def trackings(self, info: Info) -> list["Tracking"]:
        """Its complete trackings, the oldest first."""
        found = await info.context.loaders.trackings_of_movie.load(self.id)
        return [Tracking.of(record) for record in found]


@described
class Counts:
    """How much a tracking holds of each."""

    detections: int = value("Cells, each counted in every frame.")
    tracks: int = value("Cells, each counted once from birth to division or loss.")
    divisions: int = value("Mothers with two daughters or more.")
    links: int = value("Links of all kinds between detections.")
    next_links: int = value("Links of kind NEXT: the same cell one frame later.")
    gap_links: int = value("Links of kind GAP: the same cell, frames missed between.")
    division_links: int = value("Links of kind DIVISION: mother to daughter.")


@described
class Provenance:
    """How a tracking was made, beside its author and parameters; null where it is not known."""

    source: str | None = value("The file that it was made from or read from.")
    source_checksum: str | None = value("sha256 of that file's content, in hex.")
    segmenter: str | None = value("What made the label images, with its version.")
    weights_checksum: str | None = value("sha256 of the tracker's weights, in hex.")
    seconds: float | None = value("How long it took to make, wall time.")
    device: str | None = value("What it was computed on.")


@described
class Tracking:
    """One complete set of tracks of a movie, by one author; it never changes."""

    record: strawberry.Private[records.TrackingRecord]
    id: strawberry.ID = value("From the content: storing the same tracking again finds it.")
    kind: records.TrackingKind = value("Where it comes from.")
    author: str = value("Who made it: a tracker's name, `simulation`, a person.")
    version: str = value("Version of what made it.")
    parameters: JSON = value("What it was made with.")
    features: list[str] = value("Names of the features of its detections.", ListSize(assumed_size=10))
    created: datetime = value("When it was stored.")
    counts: Counts = value("How much it holds.")
    provenance: Provenance = value("How it was made.")

    @classmethod
    def of(cls, record: records.TrackingRecord) -> "Tracking":
        """The tracking of a record."""
        counts, provenance = from_record(Counts, record), from_record(Provenance, record.provenance)
        return from_record(cls, record, record=record, counts=counts, provenance=provenance)

    @resolved()
    async def movie(self, info: Info) -> Movie:
        """The movie that it is of."""
        return from_record(Movie, await info.context.loaders.movie.load(self.record.movie_id))

    @resolved()
    def parquet(self) -> str:
        """Path on this service of all its detections as one Parquet file."""
        return f"/trackings/{self.id}/timeseries.parquet"

    @resolved()
    def csv(self) -> str:
        """Path on this service of all its detections as one CSV file."""
        return f"/trackings/{self.id}/timeseries.csv"

    @resolved(ListSize(assumed_size=16))
    async def files(self, info: Info) -> list[TrackingFile]:
        """All that can be had of it as a file: tables, and where its label images are stored, masks."""
        has_labels = await to_thread.run_sync(info.context.store.has_labels, self.id)
        return [file for file in files_of(self.id) if has_labels or file.kind is not FileKind.CTC]

    @resolved()
    async def browser_url(self, info: Info) -> str | None:
        """Neo4j Browser with its divisions as a query, ready to run; null where the server has no Browser."""
        return await browser_link(info, "divisions", {"tracking": self.id})

    @resolved(PAGED, LOOK_AT_MEANS)
    async def tracks(
        self,
        info: Info,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
        founders: bool | None = None,
        divides: bool | None = None,
        min_frames: int = 1,
        max_frames: int | None = None,
        generation: int | None = None,
        seen_in: FrameRange | None = None,
        begins_in: FrameRange | None = None,
        ends_in: FrameRange | None = None,
        means: list[FeatureRange] | None = None,
        rises: FeatureRise | None = None,
        order_by: TrackOrder | None = None,
    ) -> TrackConnection:
        """Its tracks by birth, or as `orderBy` says, page after page.

        Give a page's `endCursor` as the next one's `after`. `founders: true` gives only tracks without a
        parent, `false` only the others; `divides` likewise those with two daughters or more. `minFrames` and
        `maxFrames` bound the frames from the first detection to the last, `generation` is the number of
        ancestors. `seenIn` gives tracks whose life, from the first detection to the last with its gaps,
        reaches into these frames, `beginsIn` and `endsIn` those whose first and last detection is in them.
        `means` gives those along which the mean of each of these features is in its range, `rises` those
        along which one grows.
        """
        require_counts(maxFrames=max_frames, generation=generation)
        movie = await info.context.loaders.movie.load(self.record.movie_id)
        wanted = TrackFilter(
            founders=founders,
            divides=divides,
            min_frames=min_frames,
            max_frames=max_frames,
            generation=generation,
            alive=span_of(seen_in),
            begins=span_of(begins_in),
            ends=span_of(ends_in),
            means=ranges_of(means, movie),
            rises=rise_of(rises, movie),
        )
        order = None if order_by is None else track_order_of(order_by, movie)
        return await track_page(info, self.id, wanted, order, first, after)

    @resolved(PAGED, LOOK_AT_DETECTIONS)
    async def detections(
        self,
        info: Info,
        frames: FrameRange | None = None,
        box: Box | None = None,
        features: list[FeatureRange] | None = None,
        order_by: DetectionOrder | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> DetectionConnection:
        """Its detections by frame and label, or in the order of a feature, page after page.

        `frames` and `box` give only those whose centroid is in them, `features` those whose features are all
        in their ranges. A page's `endCursor` is the next one's `after`, in the same order. Many are better
        taken as a table (`parquet`), those of few cells as `timeCourses`.
        """
        window = window_of(span_of(frames), box)
        movie = await info.context.loaders.movie.load(self.record.movie_id)
        ranges = ranges_of(features, movie)
        if order_by is None:
            return await by_frame(info, self.id, window, ranges, first, after)
        return await by_feature(info, self.id, window, ranges, order_by, first, after)

    @resolved()
    def statistics(self) -> Statistics:
        """What it shows as a whole: counts by frame, divisions, cell cycles, survival, related cells."""
        return Statistics(record=self.record)

    @resolved(PAGED, LOOK_AT_TRACKS)
    async def divisions(
        self,
        info: Info,
        order_by: DivisionOrder = DivisionOrder.FRAME,
        max_probability: float | None = None,
        frames: FrameRange | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> DivisionConnection:
        """Its divisions, page after page: by frame, or with `orderBy: PROBABILITY` the least certain first.

        `maxProbability` gives only those of which the tracker is no surer, `frames` only those whose mother
        is last seen in these frames. A page's `endCursor` is the next one's `after`, in the same order.
        """
        page = key_page_of(first, after, order_by)
        wanted = DivisionFilter(max_probability, span_of(frames))
        read = partial(info.context.store.divisions, self.id, wanted, order=order_by)
        found = await to_thread.run_sync(partial(read, after=page.after, first=page.first + 1))
        return DivisionConnection.of(found, order_by, page)

    @resolved(PAGED, LOOK_AT_LINKS)
    async def links(
        self,
        info: Info,
        kinds: list[LinkKind] | None = None,
        max_probability: float | None = None,
        frames: FrameRange | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> LinkConnection:
        """Its links, the least certain first, page after page; those without a probability last.

        `kinds` gives only these, `maxProbability` only those of which the tracker is no surer, `frames` only
        those with both ends in these frames.
        """
        page = key_page_of(first, after, LINKS)
        wanted = LinkFilter(None if kinds is None else tuple(kinds), max_probability, span_of(frames))
        read = partial(info.context.store.links, self.id, wanted)
        found = await to_thread.run_sync(partial(read, after=page.after, first=page.first + 1))
        return LinkConnection.of(found, page)

    @resolved()
    async def track(self, info: Info, label: int) -> Track | None:
        """The track with this label."""
        return Track.of(await info.context.loaders.labelled(self.id, label))

    @resolved(ListSize(assumed_size=5))
    async def scores(self, info: Info) -> list[Annotated["Score", strawberry.lazy("api.scores")]]:
        """Stored scores in which it is on either side, the oldest first."""
        from api.scores import Score

        found = await info.context.loaders.scores.load(self.id)
        return [Score.of(record) for record in found]
