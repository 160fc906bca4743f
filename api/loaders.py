"""Look-ups of one request, in batches: a query a level, however many cells there are."""

from asyncio import Future, ensure_future, shield
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

from anyio import to_thread
from strawberry.dataloader import DataLoader

from api.limits import LimitError
from graph.counts import FrameCounts
from graph.records import Lineage, MovieRecord, ScoreRecord, TimeSeries, TrackingRecord, TrackRecord
from graph.relatives import Lives
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

    def sisters(self, track: int) -> tuple[int, ...]:
        """Ids of the other daughters of its mother."""
        parent = self.tracks[track].parent
        return () if parent is None else tuple(d for d in self.tracks[parent].daughters if d != track)

    def ancestors(self, track: int) -> tuple[int, ...]:
        """Ids of its ancestors, the mother first."""
        found: list[int] = []
        while (parent := self.tracks[track].parent) is not None:
            found.append(track := parent)
        return tuple(found)

    def descendants(self, track: int) -> tuple[int, ...]:
        """Ids of all that descends from it, a parent before its daughters."""
        found = {track}
        for other in self.lineage.tracks:  # a parent stands before its daughters
            if other.parent in found:
                found.add(other.id)
        return tuple(sorted(found - {track}))


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
        self.sisters: Loader[int, tuple[int, ...]] = Loader(store.sisters_of, "track")
        self.ancestors: Loader[int, tuple[int, ...]] = Loader(store.ancestors_of, "track")
        self.descendants: Loader[int, tuple[int, ...]] = Loader(store.descendants_of, "track")
        self.detection: Loader[int, TimeSeries] = Loader(self._single, "detection")
        self.rows: Loader[int, TimeSeries] = Loader(self._rows, "track")
        self.trackings_of_movie: Loader[str, list[TrackingRecord]] = Loader(self._of_movies, "movie")
        self.scores: Loader[str, list[ScoreRecord]] = Loader(self._scores, "tracking")
        self.lives: Loader[str, Lives] = Loader(_one_by_one(store.lives), "tracking")
        self.counts: Loader[str, FrameCounts] = Loader(_one_by_one(store.frame_counts), "tracking")

    async def movie_of(self, tracking_id: str) -> MovieRecord:
        """The movie of a tracking."""
        return await self.movie.load((await self.tracking.load(tracking_id)).movie_id)

    def spend(self, detections: int) -> None:
        """Count detections, or as many rows of something else, against the limit of the request.

        Raises:
            LimitError: they are too many.
        """
        self._detections_left -= detections
        if self._detections_left < 0:
            raise LimitError(
                f"the query reads more than {self._detections:,} detections, or gives more rows",
                remedy="ask for fewer tracks, or take the tracking's Parquet file",
            )

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
        parts = ((track, series.of_track(track)) for track in ids)
        return {track: rows for track, rows in parts if len(rows)}  # one without was removed meanwhile

    def _single(self, ids: Sequence[int]) -> Mapping[int, TimeSeries]:
        found = self._store.detections_by_id(ids)
        return {i: found.part(slice(row, row + 1)) for row, i in enumerate(found.id.tolist())}

    def _scores(self, ids: Sequence[str]) -> Mapping[str, list[ScoreRecord]]:
        scores = self._store.scores(ids)
        return {i: [s for s in scores if i in (s.computed_id, s.reference_id)] for i in ids}


def _one_by_one(read: Callable[[K], V]) -> Callable[[Sequence[K]], Mapping[K, V]]:
    """For what is asked of few things at once, each a query of its own."""
    return lambda keys: {key: read(key) for key in keys}


def _seen(found: Future[V]) -> None:
    """An error that all who asked for were cancelled before is no news for the log."""
    if not found.cancelled():
        found.exception()


def _missing(thing: str, key: object) -> NotFoundError:
    lists = {
        "movie": "{ movies { id } }",
        "tracking": "{ movies { trackings { id } } }",
        "detection": "{ tracking(id: …) { detections { nodes { id } } } }",
    }
    remedy = lists.get(thing, "{ tracking(id: …) { tracks { nodes { id } } } }")
    return NotFoundError(f"no {thing} {key!r} is stored", remedy=f"{remedy} lists what there is")


def track_key(track: str) -> int:
    """A track's id as the store has it.

    Raises:
        NotFoundError: no track has an id of that form.
    """
    return _key("track", track)


def detection_key(detection: str) -> int:
    """A detection's id as the store has it.

    Raises:
        NotFoundError: no detection has an id of that form.
    """
    return _key("detection", detection)


def _key(thing: str, given: str) -> int:
    if given.isascii() and given.isdigit() and len(given) < 19:
        return int(given)
    raise _missing(thing, given[:80])
