"""What can be asked: the fields of Query."""

from asyncio import gather

import strawberry
from anyio import to_thread

from api.cells import Detection, TimeSeries, detection_of
from api.context import Info
from api.course_wishes import Resampling, Smoothing, TimeEvent, Wish, smooth_of
from api.fields import ListSize, described, from_record, resolved
from api.job_fields import JobQueries
from api.lineages import Lineage, Track, chosen_of
from api.links import LinkQueries
from api.loaders import detection_key, track_key
from api.score_queries import ScoreQueries
from api.time_courses import TimeCourses, time_courses_of
from api.types import Movie, Tracking
from graph.records import TrackingKind


@described
class Query(ScoreQueries, LinkQueries, JobQueries):
    """Movies, their trackings, and the lineages in them."""

    @resolved(ListSize(assumed_size=20))
    async def movies(self, info: Info) -> list[Movie]:
        """All movies, the oldest first."""
        found = await to_thread.run_sync(info.context.store.movies)
        return [from_record(Movie, record) for record in found]

    @resolved()
    async def movie(self, info: Info, id: strawberry.ID) -> Movie | None:  # noqa: A002
        """One movie."""
        return from_record(Movie, await info.context.loaders.movie.load(id))

    @resolved(ListSize(assumed_size=50))
    async def trackings(self, info: Info, kind: TrackingKind | None = None) -> list[Tracking]:
        """All complete trackings of all movies, the oldest first; of one kind where it is given."""
        store = info.context.store
        movies = await to_thread.run_sync(store.movies)
        found = await to_thread.run_sync(store.trackings, [movie.id for movie in movies])
        return [Tracking.of(record) for record in found if kind in (None, record.kind)]

    @resolved()
    async def tracking(self, info: Info, id: strawberry.ID) -> Tracking | None:  # noqa: A002
        """One complete tracking."""
        return Tracking.of(await info.context.loaders.tracking.load(id))

    @resolved()
    async def track(self, info: Info, id: strawberry.ID) -> Track | None:  # noqa: A002
        """One track by its id; a tracking has a field that finds one by its label."""
        return Track.of(await info.context.loaders.track.load(track_key(id)))

    @resolved()
    async def detection(self, info: Info, id: strawberry.ID) -> Detection | None:  # noqa: A002
        """One detection by its id."""
        return await detection_of(info, detection_key(id))

    @resolved()
    async def lineage(self, info: Info, track: strawberry.ID) -> Lineage | None:
        """The lineage that a track belongs to, whole."""
        return Lineage(family=await info.context.loaders.family.load(track_key(track)))

    @resolved()
    async def time_series(
        self, info: Info, track: strawberry.ID, features: list[str] | None = None
    ) -> TimeSeries | None:
        """One cell's detections as columns in the order of time: these features, otherwise all."""
        found = Track.of(await info.context.loaders.track.load(track_key(track)))
        return await found.series(info, features)

    @resolved(ListSize(assumed_size=30, slicing_arguments=["tracks"]))
    async def time_courses(
        self,
        info: Info,
        tracks: list[strawberry.ID],
        features: list[str] | None = None,
        align_to: TimeEvent | None = None,
        smooth: Smoothing | None = None,
        resample: Resampling | None = None,
        gaps: bool = False,
    ) -> TimeCourses | None:
        """What several cells measured, made comparable, as columns: these features, otherwise all.

        The cells may be of several movies. Tracks, lineages and pages of tracks have the same field for
        their own.
        """
        wish = Wish(features, align_to, smooth_of(smooth), resample, gaps)
        found = await gather(
            *(info.context.loaders.track.load(key) for key in dict.fromkeys(map(track_key, tracks)))
        )
        return await time_courses_of(await chosen_of([Track.of(track) for track in found], info), wish, info)
