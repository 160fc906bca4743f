"""Look-ups of one request, in batches: a query a level, however many cells there are."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

from anyio import to_thread
from strawberry.dataloader import DataLoader

from api.limits import LimitError
from api.pages import Page
from graph.records import Lineage, MovieRecord, ScoreRecord, TimeSeries, TrackingRecord, TrackRecord
from graph.store import LineageStore
from ingest.errors import NotFoundError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, eq=False)
class Family:
    """A lineage in memory: who belongs to it is looked up here, not in the store."""

    lineage: Lineage

    @cached_property
    def tracks(self) -> Mapping[int, TrackRecord]:
        """By id, a parent before its daughters."""
        return {track.id: track for track in self.lineage.tracks}


class Loaders:
    """A loader for each kind of thing that is looked up by id; each remembers what it has read.

    Args:
        store: asked in worker threads; a batch is one call, and a session of its own.
        detections: the most that may be read in all.
    """

    def __init__(self, store: LineageStore, detections: int) -> None:
        self._store = store
        self._detections = detections
        self._detections_left = detections
        self.movie: DataLoader[str, MovieRecord] = _loader(store.movies_by_id, "movie")
        self.tracking: DataLoader[str, TrackingRecord] = _loader(store.trackings_by_id, "tracking")
        self.track: DataLoader[int, TrackRecord] = _loader(self._tracks, "track")
        self.family: DataLoader[int, Family] = _loader(self._families, "track")
        self.rows: DataLoader[int, TimeSeries] = _loader(self._rows, "track")
        self.trackings_of_movie: DataLoader[str, list[TrackingRecord]] = _loader(self._of_movies, "movie")
        self.scores: DataLoader[str, list[ScoreRecord]] = _loader(self._scores, "tracking")

    async def movie_of(self, tracking_id: str) -> MovieRecord:
        """The movie of a tracking."""
        return await self.movie.load((await self.tracking.load(tracking_id)).movie_id)

    def spend(self, detections: int) -> None:
        """Count detections against the limit of the request.

        Raises:
            LimitError: they are too many.
        """
        self._detections_left -= detections
        if self._detections_left < 0:
            raise LimitError(
                f"the query reads more than {self._detections:,} detections",
                remedy="ask for fewer tracks, or take the tracking's Parquet file",
            )

    async def page(
        self, tracking: str, page: Page, *, founders: bool | None, divides: bool | None, min_frames: int
    ) -> list[TrackRecord]:
        """A page of tracks, and one more where there are more."""
        read = partial(self._store.tracks, founders=founders, divides=divides, min_frames=min_frames)
        return await to_thread.run_sync(partial(read, tracking, after=page.after, first=page.first + 1))

    async def labelled(self, tracking: str, label: int) -> TrackRecord:
        """The track of a label.

        Raises:
            NotFoundError: there is none.
        """
        found = await to_thread.run_sync(partial(self._store.tracks, tracking, first=1, label=label))
        if not found:
            raise NotFoundError(
                f"no track has label {label}",
                place=f"tracking {tracking}",
                remedy="{ tracking(id: …) { tracks { nodes { label } } } } lists labels",
            )
        return found[0]

    def _of_movies(self, ids: Sequence[str]) -> Mapping[str, list[TrackingRecord]]:
        found: dict[str, list[TrackingRecord]] = {movie: [] for movie in ids}
        for tracking in self._store.trackings(ids):
            found[tracking.movie_id].append(tracking)
        return found

    def _tracks(self, ids: Sequence[int]) -> Mapping[int, TrackRecord]:
        return {track.id: track for track in self._store.tracks_by_id(ids)}

    def _families(self, ids: Sequence[int]) -> Mapping[int, Family]:
        families = [Family(lineage) for lineage in self._store.lineages(ids)]
        return {track: family for family in families for track in family.tracks}

    def _rows(self, ids: Sequence[int]) -> Mapping[int, TimeSeries]:
        series = self._store.time_series(ids)
        return {track: series.of_track(track) for track in ids}

    def _scores(self, ids: Sequence[str]) -> Mapping[str, list[ScoreRecord]]:
        scores = self._store.scores(ids)
        return {i: [s for s in scores if i in (s.computed_id, s.reference_id)] for i in ids}


def _loader(read: Callable[[Sequence[K]], Mapping[K, V]], thing: str) -> DataLoader[K, V]:
    """A loader over a blocking look-up of many keys; a key that is not found is an error of its own."""

    async def load(keys: list[K]) -> list[V | BaseException]:
        found = await to_thread.run_sync(read, keys)
        return [found[key] if key in found else _missing(thing, key) for key in keys]

    return DataLoader(load)


def _missing(thing: str, key: object) -> NotFoundError:
    lists = {"movie": "{ movies { id } }", "tracking": "{ movies { trackings { id } } }"}
    remedy = lists.get(thing, "{ tracking(id: …) { tracks { nodes { id } } } }")
    return NotFoundError(f"no {thing} {key!r} is stored", remedy=f"{remedy} lists what there is")
