"""Look-ups of one request, in batches: a query a level, however many cells there are."""

from asyncio import Future, ensure_future, shield
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
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


class Loader(DataLoader[K, V]):
    """Look-ups of one kind, in batches over a blocking function of many keys; each is remembered.

    A key that is not found is an error of its own. One resolver that is cancelled, as all are beside one that
    failed, takes the answer from none that asks for the same: they share a future, so each has a shield.
    """

    def __init__(self, read: Callable[[Sequence[K]], Mapping[K, V]], thing: str) -> None:
        async def load(keys: list[K]) -> list[V | BaseException]:
            found = await to_thread.run_sync(read, keys)
            return [found[key] if key in found else _missing(thing, key) for key in keys]

        super().__init__(load)

    def load(self, key: K) -> Awaitable[V]:
        """What there is under a key.

        Raises:
            NotFoundError: there is nothing.
        """
        found = ensure_future(super().load(key))
        found.add_done_callback(_seen)
        return shield(found)


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
        self.movie: Loader[str, MovieRecord] = Loader(store.movies_by_id, "movie")
        self.tracking: Loader[str, TrackingRecord] = Loader(store.trackings_by_id, "tracking")
        self.track: Loader[int, TrackRecord] = Loader(store.tracks_by_id, "track")
        self.family: Loader[int, Family] = Loader(self._families, "track")
        self.rows: Loader[int, TimeSeries] = Loader(self._rows, "track")
        self.trackings_of_movie: Loader[str, list[TrackingRecord]] = Loader(self._of_movies, "movie")
        self.scores: Loader[str, list[ScoreRecord]] = Loader(self._scores, "tracking")

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

    def _families(self, ids: Sequence[int]) -> Mapping[int, Family]:
        families = [Family(lineage) for lineage in self._store.lineages(ids)]
        return {track: family for family in families for track in family.tracks}

    def _rows(self, ids: Sequence[int]) -> Mapping[int, TimeSeries]:
        series = self._store.time_series(ids)
        return {track: series.of_track(track) for track in ids}

    def _scores(self, ids: Sequence[str]) -> Mapping[str, list[ScoreRecord]]:
        scores = self._store.scores(ids)
        return {i: [s for s in scores if i in (s.computed_id, s.reference_id)] for i in ids}


def _seen(found: Future[V]) -> None:
    """An error that all who asked for were cancelled before is no news for the log."""
    if not found.cancelled():
        found.exception()


def _missing(thing: str, key: object) -> NotFoundError:
    lists = {"movie": "{ movies { id } }", "tracking": "{ movies { trackings { id } } }"}
    remedy = lists.get(thing, "{ tracking(id: …) { tracks { nodes { id } } } }")
    return NotFoundError(f"no {thing} {key!r} is stored", remedy=f"{remedy} lists what there is")


def track_key(track: str) -> int:
    """A track's id as the store has it.

    Raises:
        NotFoundError: no track has an id of that form.
    """
    if track.isascii() and track.isdigit() and len(track) < 19:
        return int(track)
    raise NotFoundError(
        f"no track {track[:80]!r} is stored",
        remedy="{ tracking(id: …) { tracks { nodes { id } } } } lists ids",
    )
