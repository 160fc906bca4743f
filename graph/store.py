"""The one narrow interface to the database: movies, trackings, lineages and scores, in and out."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from graph import lease, read, write
from graph.connection import Connection
from graph.lease import Claim
from graph.pixels import PixelStore
from graph.records import (
    Counts,
    Lineage,
    MovieRecord,
    ScoreRecord,
    Table,
    TimeSeries,
    TrackingKind,
    TrackingRecord,
    TrackRecord,
)
from graph.schema import create_schema
from ingest.errors import CellkinError, InputError, NotFoundError
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import TrackingGraph
from ingest.validate import check_count, check_frame, validate

Found = TypeVar("Found")

OWN_PROPERTIES = frozenset({"id", "frame", "label", "y", "x"})
"""Names that no measured feature may take."""

# The first name and source stay; a calibration that was unknown is learnt.
ADD_MOVIE = """
MERGE (m:Movie {id: $id})
ON CREATE SET m += $properties, m.created = datetime()
SET m.pixel_size = coalesce(m.pixel_size, $properties.pixel_size),
    m.minutes_per_frame = coalesce(m.minutes_per_frame, $properties.minutes_per_frame)
RETURN m
"""

# One score a pair: writing it again replaces it. The headline stands beside the table for Neo4j Browser.
WRITE_SCORE = """
MATCH (c:Tracking {id: $computed, state: 'READY'}), (r:Tracking {id: $reference, state: 'READY'})
MERGE (s:Score {id: $id})
SET s = $headline, s.id = $id, s.table = $table, s.created = datetime()
MERGE (s)-[:OF]->(c)
MERGE (s)-[:AGAINST]->(r)
RETURN s, c.id AS computed, r.id AS reference
"""

DELETE_TRACKING = """
MATCH (t:Tracking {number: $number})
OPTIONAL MATCH (t)<-[:OF|AGAINST]-(s:Score)
DETACH DELETE s, t
"""
DELETE_MOVIE = "MATCH (m:Movie {id: $id}) DETACH DELETE m"


class LineageStore:
    """Movies and their trackings in Neo4j, their label images in Zarr.

    Safe to share between threads. A tracking is visible when all of it is there, and never changes after.

    Args:
        connection: to the database, whose schema is made ready; closed with the store.
        pixels: where label images are kept.
    """

    def __init__(self, connection: Connection, pixels: PixelStore) -> None:
        self._connection = connection
        self._pixels = pixels
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
        """Add a movie, or find it by its content."""
        fingerprint = movie.fingerprint()
        frames, _, height, width = movie.shape
        properties = {
            "name": movie.name,
            "frames": frames,
            "channels": list(movie.channels),
            "height": height,
            "width": width,
            "pixel_size": movie.pixel_size,
            "minutes_per_frame": movie.minutes_per_frame,
            "source": movie.source,
            "fingerprint": fingerprint,
        }
        parameters = {"id": f"m{fingerprint[:16]}", "properties": properties}
        return self._connection.write(
            lambda tx: read.movie_record(tx.run(ADD_MOVIE, parameters).single(strict=True))
        )

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
            progress: told of each batch.

        Raises:
            NotFoundError: there is no such movie.
            LineageError: it is no valid lineage, or does not belong to the label images; nothing is stored.
            ConflictError: another writer is storing the same.
        """
        movie = self.movie(movie_id)
        validate(graph)
        _require_fitting(graph, labels, movie)
        provenance: dict[str, Any] = {
            "kind": str(kind),
            "author": author,
            "version": version,
            "parameters": json.dumps(parameters, sort_keys=True),
            "features": list(graph.detections.features),
            **asdict(Counts.of(graph)),
        }
        with ExitStack() as stack:
            written = labels and stack.enter_context(
                self._pixels.writing(labels, partial(check_frame, graph.detections), progress)
            )
            provenance["labels_checksum"] = written.checksum if written else None
            tracking_id = _content_id(movie_id, graph, provenance)
            if written:
                self._pixels.keep(written, tracking_id)
        self._write_once(tracking_id, movie_id, graph, provenance, progress)
        return self.tracking(tracking_id)

    def write_score(self, computed: str, reference: str, table: Table) -> ScoreRecord:
        """Store what a tracking scores against another, in place of an older score of the two.

        Raises:
            NotFoundError: there is no such tracking.
            InputError: they are of two movies.
        """
        require_one_movie(self.tracking(computed), self.tracking(reference))
        parameters = {
            "id": f"s{_digest(computed, reference)}",
            "computed": computed,
            "reference": reference,
            "table": json.dumps(table),
            "headline": {name: value for name, value in table.items() if isinstance(value, int | float)},
        }
        return self._connection.write(
            lambda tx: read.score_record(tx.run(WRITE_SCORE, parameters).single(strict=True))
        )

    def delete_tracking(self, tracking_id: str, progress: Progress = silent) -> None:
        """Remove a tracking with its label images and scores; hidden at once, then removed in batches.

        Raises:
            NotFoundError: there is no such tracking.
        """
        tracking = self.tracking(tracking_id)
        self._remove(tracking_id, tracking.detections, tracking.tracks, progress)

    def delete_movie(self, movie_id: str, progress: Progress = silent) -> None:
        """Remove a movie with all its trackings.

        Raises:
            NotFoundError: there is no such movie.
        """
        self.movie(movie_id)
        for tracking in self.trackings([movie_id]):
            self.delete_tracking(tracking.id, progress)
        self._connection.write(lambda tx: tx.run(DELETE_MOVIE, id=movie_id).consume())

    def sweep(self, progress: Progress = silent) -> list[str]:
        """Remove what dead writers left; the ids of these trackings."""
        left = self.abandoned()
        for tracking in left:
            self._remove(tracking["id"], tracking["detections"], tracking["tracks"], progress)
        return [tracking["id"] for tracking in left]

    def abandoned(self) -> list[Mapping[str, Any]]:
        """What dead writers left: the id of each unfinished tracking, and the rows that it was to have."""
        return self._connection.read(lease.abandoned)

    # Reading

    def movies(self) -> list[MovieRecord]:
        """All movies, the oldest first."""
        return self._connection.read(lambda tx: [read.movie_record(r) for r in tx.run(read.MOVIES)])

    def movie(self, movie_id: str) -> MovieRecord:
        """One movie.

        Raises:
            NotFoundError: there is none of this id.
        """
        return _found(self.movies_by_id([movie_id]), movie_id, "movie")

    def movies_by_id(self, ids: Sequence[str]) -> dict[str, MovieRecord]:
        """The movies of these ids that there are."""
        records = self._connection.read(
            lambda tx: [read.movie_record(r) for r in tx.run(read.MOVIES_BY_ID, ids=list(ids))]
        )
        return {record.id: record for record in records}

    def trackings(self, movie_ids: Sequence[str]) -> list[TrackingRecord]:
        """All complete trackings of these movies, the oldest first."""
        return self._connection.read(
            lambda tx: [read.tracking_record(r) for r in tx.run(read.TRACKINGS, movies=list(movie_ids))]
        )

    def tracking(self, tracking_id: str) -> TrackingRecord:
        """One complete tracking.

        Raises:
            NotFoundError: there is none of this id.
        """
        return _found(self.trackings_by_id([tracking_id]), tracking_id, "tracking")

    def trackings_by_id(self, ids: Sequence[str]) -> dict[str, TrackingRecord]:
        """The complete trackings of these ids that there are."""
        records = self._connection.read(
            lambda tx: [read.tracking_record(r) for r in tx.run(read.TRACKINGS_BY_ID, ids=list(ids))]
        )
        return {record.id: record for record in records}

    def tracking_graph(self, tracking_id: str) -> TrackingGraph:
        """A whole tracking, equal to what was written.

        Raises:
            NotFoundError: there is none of this id.
        """
        tracking = self.tracking(tracking_id)
        return self._connection.read(lambda tx: read.tracking_graph(tx, tracking))

    def labels(self, tracking_id: str) -> LabelImages:
        """The label images of a tracking.

        Raises:
            NotFoundError: there is none of this id, or it was stored without.
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
            divides: only tracks that divide, or that do not; None for both.
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

    def tracks_by_id(self, ids: Sequence[int]) -> list[TrackRecord]:
        """The tracks of these ids that there are, by id."""
        return self._connection.read(lambda tx: read.tracks_by_id(tx, ids))

    def lineages(self, track_ids: Sequence[int]) -> list[Lineage]:
        """The lineages that these tracks belong to, each once, in one round trip; unknown ids have none."""
        return self._connection.read(lambda tx: read.lineages(tx, track_ids))

    def time_series(self, track_ids: Sequence[int]) -> TimeSeries:
        """The detections of these tracks in one round trip; unknown ids have none."""
        return self._connection.read(lambda tx: read.time_series(tx, track_ids))

    def scores(self, tracking_ids: Sequence[str]) -> list[ScoreRecord]:
        """All scores that these trackings take part in, computed or reference, the oldest first."""
        return self._connection.read(
            lambda tx: [read.score_record(r) for r in tx.run(read.SCORES, trackings=list(tracking_ids))]
        )

    def _write_once(
        self,
        tracking_id: str,
        movie_id: str,
        graph: TrackingGraph,
        provenance: Mapping[str, Any],
        progress: Progress,
    ) -> None:
        """Claim, write and show; what stands there complete is left alone."""
        writer = lease.new_writer()
        held = self._connection.write(lambda tx: lease.claim(tx, tracking_id, movie_id, writer, provenance))
        if held.ready:
            return
        try:
            if held.abandoned:
                self._empty(held, len(graph.detections), len(graph.tracks), progress)
            self._fill(held, graph, progress)
        except BaseException:
            with suppress(CellkinError):
                self._connection.write(lambda tx: lease.let_go(tx, held))
            raise

    def _fill(self, held: Claim, graph: TrackingGraph, progress: Progress) -> None:
        rows = write.TrackRows(graph, held.number)
        for batch in progress(list(rows.batches()), "Writing tracks"):
            columns = rows.columns(batch)
            self._connection.write(partial(write.create_tracks, held=held, columns=columns))
        for divisions in rows.divisions():
            self._connection.write(partial(write.create_divisions, held=held, columns=divisions))
        self._connection.write(partial(write.show, held=held, graph=graph))

    def _empty(self, held: Claim, detections: int, tracks: int, progress: Progress) -> None:
        """Remove the rows of a tracking, whatever there is of them."""
        spans = [(write.DELETE_DETECTIONS, span) for span in write.id_ranges(held.number, detections)]
        spans += [(write.DELETE_TRACKS, span) for span in write.id_ranges(held.number, tracks)]
        for query, span in progress(spans, "Removing"):
            self._connection.write(partial(write.delete_rows, held=held, query=query, span=span))

    def _remove(self, tracking_id: str, detections: int, tracks: int, progress: Progress) -> None:
        writer = lease.new_writer()
        held = self._connection.write(lambda tx: lease.take_over(tx, tracking_id, writer))
        self._empty(held, detections, tracks, progress)
        self._connection.write(lambda tx: tx.run(DELETE_TRACKING, number=held.number).consume())
        self._pixels.delete(tracking_id)


def require_one_movie(computed: TrackingRecord, reference: TrackingRecord) -> None:
    """Refuse two trackings of different movies: they cannot be compared.

    Raises:
        InputError: they are.
    """
    if computed.movie_id != reference.movie_id:
        raise InputError(
            f"trackings {computed.id} and {reference.id} are of two movies",
            place=f"movies {computed.movie_id} and {reference.movie_id}",
            remedy="score a tracking against one of the same movie",
        )


def _require_fitting(graph: TrackingGraph, labels: LabelImages | None, movie: MovieRecord) -> None:
    """Refuse what is of another movie, before anything is stored."""
    taken = OWN_PROPERTIES & set(graph.detections.features)
    if taken or "" in graph.detections.features:
        raise InputError(
            f"a feature called {min(taken, default='')!r}", place="detections", remedy="give it another name"
        )
    shape = (movie.frames, movie.height, movie.width)
    if labels is not None and labels.shape != shape:
        raise InputError(
            f"label images of (T, Y, X) = {labels.shape} for a movie of {shape}",
            place=labels.source,
            remedy="give the label images of this movie, one a frame",
        )
    if labels is not None:
        check_count(graph.detections, labels)
    elif len(graph.detections) and int(graph.detections.frame[-1]) >= movie.frames:
        raise InputError(
            f"detections up to frame {int(graph.detections.frame[-1])} of a movie of {movie.frames} frames",
            place=f"movie {movie.name!r}",
            remedy="store the tracking with the movie that it is of",
        )


def _content_id(movie_id: str, graph: TrackingGraph, provenance: Mapping[str, Any]) -> str:
    """The same id for the same tracking of the same movie by the same author, whenever it is written."""
    detections = graph.detections
    digest = hashlib.sha256(json.dumps([movie_id, provenance], sort_keys=True).encode())
    columns = (detections.frame, detections.label, detections.y, detections.x, *detections.features.values())
    for column in (*columns, graph.links, graph.kind):
        digest.update(np.ascontiguousarray(column).data)
    return f"t{digest.hexdigest()[:16]}"


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _found(records: Mapping[str, Found], wanted: str, what: str) -> Found:
    if wanted not in records:
        raise NotFoundError(
            f"no {what} {wanted!r}", place="the store", remedy=f"list the {what}s: `cellkin list`, or GraphQL"
        )
    return records[wanted]
