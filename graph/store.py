"""The one narrow interface to the database: movies, trackings, lineages and scores, in and out."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from types import TracebackType
from typing import Any, Self

from graph import movies, read
from graph.connection import Connection
from graph.content import as_json, tracking_id
from graph.fitting import require_fitting
from graph.pixels import PixelStore
from graph.records import (
    Counts,
    Lineage,
    MovieRecord,
    TimeSeries,
    TrackingKind,
    TrackingRecord,
    TrackRecord,
)
from graph.schema import create_schema
from graph.score_store import ScoreStore
from graph.writer import TrackingWriter
from ingest.errors import NotFoundError
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import TrackingGraph
from ingest.validate import check_frame, validate

LISTED = 3
"""How many ids an error names."""


class LineageStore(ScoreStore):
    """Movies and their trackings in Neo4j, their label images in Zarr.

    Safe to share between threads. A tracking is visible when all of it is there, and never changes after.

    Args:
        connection: to the database, whose schema is made ready; closed with the store.
        pixels: where label images are kept.
    """

    def __init__(self, connection: Connection, pixels: PixelStore) -> None:
        super().__init__(connection)
        self._pixels = pixels
        self._writer = TrackingWriter(connection, pixels)
        create_schema(connection)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Writing

    def add_movie(self, movie: Movie) -> MovieRecord:
        """Add a movie, or find it by its content; a calibration replaces the one that was known."""
        movie.fingerprint()  # reads the whole movie: not within a transaction
        return self._connection.write(partial(movies.add, movie=movie))

    def write_tracking(
        self,
        movie_id: str,
        graph: TrackingGraph,
        labels: LabelImages | None,
        *,
        kind: TrackingKind,
        author: str,
        version: str,
        parameters: Mapping[str, Any],
        progress: Progress = silent,
    ) -> TrackingRecord:
        """Write a tracking whole, or find it where the same has been written before.

        Args:
            movie_id: the movie that it is of.
            graph: what to write.
            labels: (T, Y, X) label images that its detections stand in; None to store none.
            kind: where it comes from.
            author: who made it.
            version: of the author's program.
            parameters: of the author's program, ready for JSON.
            progress: told of each frame, then of each batch.

        Raises:
            NotFoundError: there is no such movie.
            InputError: it is no valid lineage, or not of this movie or these label images; nothing is stored.
            ConflictError: another writer is storing the same.
            StoreError: the database or the data folder fails; nothing of it is visible.
        """
        validate(graph)
        require_fitting(graph, labels, self.movie(movie_id))
        properties: dict[str, Any] = {
            "kind": kind.value,
            "author": author,
            "version": version,
            "parameters": as_json(parameters),
            "features": list(graph.detections.features),
            **asdict(Counts.of(graph)),
        }
        with ExitStack() as stack:
            written = None
            if labels is not None:
                check = partial(check_frame, graph.detections)
                written = stack.enter_context(self._pixels.writing(labels, check, progress))
            properties["labels_checksum"] = written.checksum if written else None
            new_id = tracking_id(movie_id, graph, properties)
            self._writer.write(new_id, movie_id, graph, written, properties, progress)
        return self.tracking(new_id)

    def delete_tracking(self, tracking_id: str, progress: Progress = silent) -> None:
        """Remove a tracking with its label images and scores; hidden at once, then removed in batches.

        Raises:
            NotFoundError: there is no such tracking.
            ConflictError: another process is removing it.
        """
        self._writer.remove(self.tracking(tracking_id).id, progress)

    def delete_movie(self, movie_id: str, progress: Progress = silent) -> None:
        """Remove a movie with all its trackings.

        Raises:
            NotFoundError: there is no such movie.
            ConflictError: a tracking of it is being written.
        """
        self.movie(movie_id)
        for tracking in self._connection.read(partial(movies.all_trackings, movie=movie_id)):
            self._writer.remove(tracking, progress)
        self._connection.write(partial(movies.delete, movie=movie_id))

    def abandoned(self) -> list[str]:
        """Ids of the trackings that dead writers left unfinished, which nobody sees."""
        return self._writer.abandoned()

    def sweep(self, progress: Progress = silent) -> list[str]:
        """Remove what dead writers left; the ids of these trackings."""
        return self._writer.sweep(progress)

    # Reading; where many ids may be given, nothing comes back for one that is unknown.

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
        founders: bool | None = None,
        divides: bool | None = None,
        min_frames: int = 1,
        label: int | None = None,
    ) -> list[TrackRecord]:
        """Some tracks of a tracking, by id.

        Args:
            tracking_id: of which.
            after: only those with a larger id: the last one of the page before.
            first: how many at most.
            founders: only founders, or only others; None for both.
            divides: only tracks with two daughters or more, or only others; None for both.
            min_frames: only tracks over at least so many frames, the first and the last included.
            label: only the track of this label.

        Raises:
            NotFoundError: there is no such tracking.
        """
        return self._connection.read(
            partial(
                read.tracks_page,
                tracking=self.tracking(tracking_id),
                after=after,
                first=first,
                founders=founders,
                divides=divides,
                min_frames=min_frames,
                label=label,
            )
        )

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
