"""GraphQL types of descent: tracks, divisions, lineages."""

from asyncio import gather
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.relay import PageInfo

from api.browser_link import browser_link
from api.cells import Detection, TimeSeries, detections_of, time_series_of
from api.context import Info
from api.fields import ListSize, described, from_record, resolved, value
from api.loaders import Family, Loader
from api.pages import COUNTED_BY_PAGE, KeyPage, Page, page_info
from api.time_courses import Chosen, WithTimeCourses
from graph import records

if TYPE_CHECKING:
    from api.types import Tracking

DAUGHTERS = ListSize(assumed_size=2)
SISTERS = ListSize(assumed_size=1)
ANCESTORS = ListSize(assumed_size=5)


@described
class Track(WithTimeCourses):
    """One cell from birth to division or loss."""

    record: strawberry.Private[records.TrackRecord]
    family: strawberry.Private[Family | None]
    id: strawberry.ID = value("Its id.")
    label: int = value("Its number within the tracking: that of its masks where they have one of their own.")
    begin: int = value("Frame of its first detection.")
    end: int = value("Frame of its last detection.")
    generation: int = value("Number of its ancestors: 0 for a founder.")

    @classmethod
    def of(cls, record: records.TrackRecord, family: Family | None = None) -> "Track":
        """The track of a record, with the lineage that it was read with."""
        return from_record(cls, record, record=record, family=family)

    @resolved()
    async def tracking(self, info: Info) -> Annotated["Tracking", strawberry.lazy("api.types")]:
        """The tracking that it belongs to."""
        from api.types import Tracking

        return Tracking.of(await info.context.loaders.tracking.load(self.record.tracking_id))

    @resolved()
    def parent_id(self) -> strawberry.ID | None:
        """Id of the track that it descends from; null for a founder."""
        return None if self.record.parent is None else strawberry.ID(str(self.record.parent))

    @resolved()
    def founder_id(self) -> strawberry.ID:
        """Id of its first ancestor, the same for all tracks of a lineage; its own for a founder."""
        return strawberry.ID(str(self.record.founder))

    @resolved()
    async def parent(self, info: Info) -> "Track | None":
        """The track that it descends from; null for a founder."""
        return None if self.record.parent is None else await self._relative(self.record.parent, info)

    @resolved(DAUGHTERS)
    async def daughters(self, info: Info) -> list["Track"]:
        """The tracks that descend from it: none where it was lost, two as a rule where it divided."""
        return await self.children(info)

    @resolved(SISTERS)
    async def sisters(self, info: Info) -> list["Track"]:
        """The other daughters of its mother; none of a founder."""
        return await self._relatives(Family.sisters, info.context.loaders.sisters, info)

    @resolved(ANCESTORS)
    async def ancestors(self, info: Info) -> list["Track"]:
        """All that it descends from, the mother first, the founder last; two queries, whatever the depth."""
        return await self._relatives(Family.ancestors, info.context.loaders.ancestors, info)

    @resolved(ListSize(assumed_size=30))
    async def descendants(self, info: Info) -> list["Track"]:
        """All that descends from it, a parent before its daughters; two queries, whatever the depth."""
        return await self._relatives(Family.descendants, info.context.loaders.descendants, info)

    @resolved()
    def division(self) -> "Division | None":
        """The division that it ends in; null where fewer than two daughters were seen."""
        return Division(mother=self) if len(self.record.daughters) > 1 else None

    @resolved()
    async def lineage(self, info: Info) -> "Lineage":
        """The lineage that it belongs to."""
        return Lineage(family=await info.context.loaders.family.load(self.record.id))

    @resolved()
    async def browser_url(self, info: Info) -> str | None:
        """Neo4j Browser with its lineage as a query, ready to run; null where the server has no Browser."""
        return await browser_link(info, "lineage", {"founder": self.record.founder})

    @resolved(ListSize(assumed_size=100))
    async def detections(self, info: Info) -> list[Detection]:
        """Its detections in the order of time, an object each; `timeSeries` gives columns at less cost."""
        return detections_of(*await self._measured(info))

    @resolved()
    async def time_series(self, info: Info, features: list[str] | None = None) -> TimeSeries:
        """Its detections as columns in the order of time: these features, otherwise all."""
        return await self.series(info, features)

    async def series(self, info: Info, features: Sequence[str] | None) -> TimeSeries:
        """Its detections as columns."""
        return time_series_of(self.record.id, *await self._measured(info), features)

    async def chosen(self, info: Info) -> list[Chosen]:
        """Itself, with its rows."""
        return [Chosen(self.record, *await self._measured(info))]

    async def children(self, info: Info) -> list["Track"]:
        """Its daughters, in one query with those of all tracks that are asked at once."""
        return await gather(*(self._relative(daughter, info) for daughter in self.record.daughters))

    async def _relatives(
        self,
        in_memory: Callable[[Family, int], Sequence[int]],
        loader: Loader[int, tuple[int, ...]],
        info: Info,
    ) -> list["Track"]:
        if self.family:
            found = in_memory(self.family, self.record.id)
        else:
            found = await loader.load(self.record.id)
        info.context.loaders.spend(len(found))
        return await gather(*(self._relative(track, info) for track in found))

    async def _relative(self, track: int, info: Info) -> "Track":
        if self.family:
            return Track.of(self.family.tracks[track], self.family)
        return Track.of(await info.context.loaders.track.load(track))

    async def _measured(self, info: Info) -> tuple[records.TimeSeries, records.MovieRecord]:
        loaders = info.context.loaders
        loaders.spend(self.record.end - self.record.begin + 1)
        movie = await loaders.movie_of(self.record.tracking_id)
        if self.family:
            return self.family.lineage.detections.of_track(self.record.id), movie
        return await loaders.rows.load(self.record.id), movie


@described
class Division:
    """A mother track and the tracks of her daughters."""

    mother: Track = value("The track that ends in it.")

    @resolved()
    def frame(self) -> int:
        """Last frame of the mother; a daughter's `begin` says when she is first seen."""
        return self.mother.record.end

    @resolved()
    def probability(self) -> float | None:
        """How sure the tracker is of it, 0..1: the least of its links to daughters; null where unknown."""
        return self.mother.record.division_probability

    @resolved(DAUGHTERS)
    async def daughters(self, info: Info) -> list[Track]:
        """Two as a rule; three occur."""
        return await self.mother.children(info)


@described
class Lineage(WithTimeCourses):
    """All that descends from one founder track, read in one round trip to the database."""

    family: strawberry.Private[Family]

    @resolved()
    def founder(self) -> Track:
        """The track that it begins with: its `daughters`, and theirs, are the lineage as a tree."""
        return Track.of(self.family.tracks[self.family.lineage.founder], self.family)

    @resolved(ListSize(assumed_size=30))
    def tracks(self) -> list[Track]:
        """All its tracks as one flat list, each with its `parentId`, a parent before its daughters."""
        return self.members()

    def members(self) -> list[Track]:
        """All its tracks, a parent before its daughters."""
        return [Track.of(record, self.family) for record in self.family.lineage.tracks]

    async def chosen(self, info: Info) -> list[Chosen]:
        """All its tracks, with their rows."""
        return await chosen_of(self.members(), info)

    @resolved(ListSize(assumed_size=15))
    def divisions(self) -> list[Division]:
        """Its divisions, in the order of their mothers."""
        mothers = (record for record in self.family.lineage.tracks if len(record.daughters) > 1)
        return [Division(mother=Track.of(mother, self.family)) for mother in mothers]


@described
class TrackEdge:
    """A track of a page."""

    node: Track = value("The track.")
    cursor: str = value("Where the page after it begins.")


@described
class TrackConnection(WithTimeCourses):
    """One page of tracks."""

    nodes: list[Track] = value("The tracks.", COUNTED_BY_PAGE)
    edges: list[TrackEdge] = value("The tracks, each with its cursor.", COUNTED_BY_PAGE)
    page_info: PageInfo = value("Whether there is more, and where it begins.")

    @classmethod
    def of(
        cls, found: Sequence[records.TrackRecord], cursors: Sequence[str], page: Page | KeyPage
    ) -> "TrackConnection":
        """The page, of one more than was asked for where there are so many, each with its cursor."""
        nodes, cursors = [Track.of(record) for record in found[: page.first]], cursors[: page.first]
        edges = [TrackEdge(node=n, cursor=c) for n, c in zip(nodes, cursors, strict=True)]
        return cls(nodes=nodes, edges=edges, page_info=page_info(page, len(found), cursors))

    async def chosen(self, info: Info) -> list[Chosen]:
        """The tracks of the page, with their rows."""
        return await chosen_of(self.nodes, info)


async def chosen_of(tracks: Sequence[Track], info: Info) -> list[Chosen]:
    """Some tracks with their rows, in a query for all."""
    return [one for found in await gather(*(track.chosen(info) for track in tracks)) for one in found]
