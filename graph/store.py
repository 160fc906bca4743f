"""The one narrow interface to the database: movies, trackings, lineages and scores, in and out."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from graph import movies
from graph.batches import frame_start
from graph.bulk_reader import BulkReader
from graph.connection import Connection
from graph.content import as_json, tracking_id
from graph.deadline import Deadline
from graph.fitting import require_fitting
from graph.job_queue import JobQueue
from graph.jobs import JobStore
from graph.pixels import PixelStore
from graph.provenance import UNKNOWN, Provenance
from graph.reader import LineageReader
from graph.records import (
    Counts,
    MovieRecord,
    TrackingKind,
    TrackingRecord,
)
from graph.schema import create_schema, repair_schema, require_current
from graph.score_store import ScoreStore
from graph.tokens import Tokens
from graph.transactions import end_transactions
from graph.writer import TrackingWriter
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import TrackingGraph
from ingest.validate import check_frame, validate


class LineageStore(LineageReader, BulkReader, ScoreStore):
    """Movies and their trackings in Neo4j, their label images in Zarr.

    Safe to share between threads. A tracking is visible when all of it is there, and never changes after.

    Args:
        connection: to the database, whose schema is made ready; closed with the store.
        pixels: where label images are kept.

    Attributes:
        tokens: of those who may use the service.
        jobs: what the service's workers do for its users.
    """

    def __init__(self, connection: Connection, pixels: PixelStore) -> None:
        LineageReader.__init__(self, connection, pixels)
        ScoreStore.__init__(self, connection)
        self._writer = TrackingWriter(connection, pixels)
        self.tokens = Tokens(connection)
        self.jobs = JobStore(connection)
        create_schema(connection)

    def job_queue(self, worker: str) -> JobQueue:
        """The queue of jobs, for a worker of this token (`graph.lease.new_writer`)."""
        return JobQueue(self._connection, worker)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def require_ready(self) -> None:
        """See that the database answers and has the schema of this program.

        Raises:
            StoreError: it does not, or another cellkin has changed its schema.
        """
        require_current(self._connection)

    def end_transactions(self, deadline: Deadline) -> int:
        """End what the database still does under this deadline; the number of its transactions."""
        return end_transactions(self._connection, deadline.name)

    @property
    def transactions(self) -> int:
        """Transactions that run now through this store, each with a connection of its pool."""
        return self._connection.in_use

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add_movie(self, movie: Movie) -> MovieRecord:
        """Add a movie, or find it by its content; then a calibration that is not `assumed` is learned."""
        movie.fingerprint()  # reads the whole movie: not within a transaction
        return self._connection.write(partial(movies.add, movie=movie))

    def calibrated(self, movie: Movie) -> Movie:
        """The same movie, with what is known here of its calibration in place of what is `assumed`."""
        if not movie.assumed:
            return movie
        movie.fingerprint()  # reads the whole movie: not within a transaction
        record = self._connection.read(partial(movies.record_of, movie=movie))
        known = {name: getattr(record, name, None) for name in movie.assumed}
        return replace(movie, **{name: value for name, value in known.items() if value is not None})

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
        provenance: Provenance = UNKNOWN,
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
            provenance: what else is known of how it was made.
            progress: told of each frame, then of each batch.

        Raises:
            NotFoundError: there is no such movie.
            InputError: it is no valid lineage, or not of this movie or these label images; nothing is stored.
            ConflictError: another writer is storing the same.
            StoreError: the database or the data folder fails; nothing of it is visible.
        """
        properties: dict[str, Any] = {
            "kind": kind.value,
            "author": author,
            "version": version,
            "parameters": as_json(parameters),
        }
        return self._write(movie_id, graph, labels, properties, provenance, progress)

    def restore_movie(self, movie: MovieRecord) -> None:
        """Add a movie by its record, as a backup has it; one that is there stays as it is."""
        self._connection.write(partial(movies.restore, movie=movie))

    def restore_tracking(
        self,
        record: TrackingRecord,
        graph: TrackingGraph,
        labels: LabelImages | None,
        progress: Progress = silent,
        *,
        imported: bool = False,
    ) -> TrackingRecord:
        """Write a tracking anew, as a backup has it: with its time, and its id if its content is the same.

        Args:
            record: what was known of it.
            graph: what to write.
            labels: (T, Y, X) its label images; None where the backup has none.
            progress: told of each frame, then of each batch.
            imported: its detections, tracks and links are there already (`backup.import_export`).

        Raises:
            the same as `write_tracking`.
        """
        properties = {
            "kind": record.kind.value,
            "author": record.author,
            "version": record.version,
            "parameters": as_json(record.parameters),
            "labels_checksum": record.labels_checksum,
        }
        return self._write(
            record.movie_id,
            graph,
            labels,
            properties,
            record.provenance,
            progress,
            created=record.created,
            imported=imported,
        )

    def _write(
        self,
        movie_id: str,
        graph: TrackingGraph,
        labels: LabelImages | None,
        properties: dict[str, Any],
        provenance: Provenance,
        progress: Progress,
        *,
        created: datetime | None = None,
        imported: bool = False,
    ) -> TrackingRecord:
        validate(graph)
        movie = self.movie(movie_id)
        require_fitting(graph, labels, movie)
        properties |= {"features": list(graph.detections.features), **asdict(Counts.of(graph))}
        with ExitStack() as stack:
            written = None
            if labels is not None:
                check = partial(check_frame, graph.detections)
                written = stack.enter_context(self._pixels.writing(labels, check, progress))
            checksum = written.checksum if written else properties.get("labels_checksum")
            properties["labels_checksum"] = checksum
            new_id = tracking_id(movie_id, graph, properties | provenance.identity())
            properties |= provenance.as_properties() | {
                "created": created,
                "frame_start": frame_start(graph, movie.frames),
                "name": f"{properties['author']} {properties['version']}".strip(),  # for Neo4j Browser
            }
            self._writer.write(new_id, movie_id, graph, written, properties, progress, imported=imported)
        return self.tracking(new_id)

    def repair_schema(self) -> None:
        """Make again the constraints that somebody dropped.

        Raises:
            ConflictError: what is stored contradicts one.
        """
        repair_schema(self._connection)

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
