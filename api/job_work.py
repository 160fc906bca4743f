"""What jobs do: the pipeline of the command line, on uploads."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from api.given import given_trackings
from api.pipeline import measure_tracking, track_movie
from api.stored import parameters_of_given, provenance_of_folder, store_tracked, store_tracking
from api.trackers import TrackerChoice
from api.upload_movies import Reading, UploadReader, name_of
from api.uploads import UploadFolder
from graph.job_records import JobKind
from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.errors import CellkinError, InputError
from ingest.formats.ctc import read_tracking
from ingest.formats.trk import is_trk
from ingest.formats.uploaded import FileKind
from ingest.movie import LabelImages, Movie
from ingest.progress import Note, Progress, each
from ingest.segment import SegmentationSettings

Stored = Callable[[str], None]
"""Told the id of each tracking once it is stored."""


@dataclass(frozen=True)
class Work:
    """What a job works with.

    Attributes:
        store: where its trackings go.
        uploads: what it reads.
        scratch: an empty folder of its own.
        progress, note, stored: who is told.
    """

    store: LineageStore
    uploads: UploadFolder
    scratch: Path
    progress: Progress
    note: Note
    stored: Stored

    @property
    def reader(self) -> UploadReader:
        """Opens uploads."""
        return UploadReader(self.uploads, self.scratch, self.progress)


def run_job(kind: JobKind, arguments: Mapping[str, Any], work: Work) -> None:
    """Do what a job is there for.

    Args:
        kind: what to do.
        arguments: what with, as `api.job_fields` hands them in.
        work: where from and where to.

    Raises:
        CellkinError: what its user can mend; places are within the upload.
    """
    with _places_of(work):
        JOBS[kind](arguments, work)


def _track(arguments: Mapping[str, Any], work: Work) -> None:
    reading, reader = _reading(arguments), work.reader
    choice = TrackerChoice(arguments["tracker"], arguments["decision"])
    settings = SegmentationSettings(diameter=arguments.get("diameter"), force=arguments.get("force", False))
    movies = reader.movies(arguments["upload"], reading)
    for (movie, own), progress in each(movies, "Tracking movies", work.progress):
        labels = _labels(arguments, reader, reading, movie, own, alone=len(movies) == 1)
        if settings.diameter is not None:  # in µm, where it is known how long one is
            movie = work.store.calibrated(movie)
        tracked = track_movie(movie, labels, tracker=choice, segmentation=settings, progress=progress)
        _tell_stored(store_tracked(work.store, tracked, progress), movie, arguments, work)
        if tracked.why_none:
            work.note(_as_arguments(tracked.why_none))


def _labels(
    arguments: Mapping[str, Any],
    reader: UploadReader,
    reading: Reading,
    movie: Movie,
    own: LabelImages | None,
    *,
    alone: bool,
) -> LabelImages | None:
    """The label images of a movie that its user gives; None where it is to be segmented."""
    upload = arguments.get("labels")
    if upload is None or (own is not None and upload == arguments["upload"]):
        return None if upload is None else own
    if not alone:
        raise InputError(
            f"one set of label images for several movies, {movie.name} among them",
            place=upload,
            remedy="track them one by one",
        )
    return reader.labels(upload, reading)


def _ingest(arguments: Mapping[str, Any], work: Work) -> None:
    reader, reading = work.reader, _reading(arguments)
    if is_trk(reader.file(arguments["upload"])):
        _ingest_trk(arguments, work)
        return
    tracking = arguments.get("tracking")
    movies = reader.movies(arguments["upload"], reading)
    if tracking is None or len(movies) != 1:
        raise InputError(
            "a movie without a tracking" if tracking is None else f"{len(movies)} movies for one tracking",
            place=arguments["upload"],
            remedy="name the upload of its tracking, a zip of a folder such as 01_GT",
        )
    (movie, _), sequence = movies[0], read_tracking(reader.tracking(tracking), progress=work.progress)
    graph = measure_tracking(sequence.graph, sequence.labels, movie, work.progress)
    provenance = provenance_of_folder(sequence.labels)
    named = None if provenance.source is None else f"{tracking}/{Path(provenance.source).name}"
    record = store_tracking(
        work.store,
        movie,
        graph,
        sequence.labels,
        kind=TrackingKind(arguments["kind"]),
        author=arguments["author"],
        parameters=parameters_of_given(work.store, movie, tracking, arguments.get("curated_from")),
        provenance=replace(provenance, source=named),
        progress=work.progress,
    )
    _tell_stored(record, movie, arguments, work)


def _ingest_trk(arguments: Mapping[str, Any], work: Work) -> None:
    upload = arguments["upload"]
    if "tracking" in arguments or "axes" in arguments:
        raise InputError(
            "a tracking or axes for a file that has its own", place=upload, remedy="leave it out"
        )
    given = given_trackings(
        work.uploads.file(upload),
        None,
        name=arguments.get("name") or name_of(upload),
        pixel_size=arguments.get("pixel_size"),
        minutes_per_frame=arguments.get("minutes_per_frame"),
        progress=work.progress,
        note=work.note,
    )
    curated_from = arguments.get("curated_from")
    parameters = [parameters_of_given(work.store, one.movie, one.source, curated_from) for one in given]
    for (one, progress), its_own in zip(
        each(given, "Storing movies", work.progress), parameters, strict=True
    ):
        record = store_tracking(
            work.store,
            replace(one.movie, source=upload),
            one.graph,
            one.labels,
            kind=TrackingKind(arguments["kind"]),
            author=arguments["author"],
            parameters=its_own,
            progress=progress,
        )
        _tell_stored(record, one.movie, arguments, work)


def _tell_stored(record: TrackingRecord, movie: Movie, arguments: Mapping[str, Any], work: Work) -> None:
    work.stored(record.id)
    known = work.store.movie(record.movie_id).name
    if "name" in arguments and known != movie.name:
        work.note(f"{movie.name}: these frames are stored already as {known}, and keep that name")


JOBS: Mapping[JobKind, Callable[[Mapping[str, Any], Work], None]] = {
    JobKind.TRACK: _track,
    JobKind.INGEST: _ingest,
}


def _reading(arguments: Mapping[str, Any]) -> Reading:
    names = ("name", "axes", "pixel_size", "minutes_per_frame", "channel")
    return Reading(**{name: arguments[name] for name in names if name in arguments})


@contextmanager
def _places_of(work: Work) -> Iterator[None]:
    """Name places as a user knows them: where uploads lie on this machine says nothing to anybody else."""
    try:
        yield
    except CellkinError as error:
        problem, place, remedy = (_shown(one, work) for one in (error.problem, error.place, error.remedy))
        raise type(error)(problem, place=place, remedy=_as_arguments(remedy)) from error


def _shown(text: str, work: Work) -> str:
    kinds = "|".join(re.escape(kind.value) for kind in FileKind)
    text = re.sub(rf"{re.escape(str(work.uploads.folder))}/([^/]+)/\1(?:{kinds})?(?![\w.])", r"\1", text)
    for folder in (work.scratch, work.uploads.folder):
        text = text.replace(f"{folder}/", "")
    return text


def _as_arguments(text: str) -> str:
    """Options that are arguments of a job, as GraphQL has them: `--axes TYX (Python: …)` → `axes: "TYX"`."""
    text = re.sub(r" \(Python: [^)]*\)", "", text)
    text = re.sub(r"(?<![^\s`(])--axes ([A-Z]+)", r'axes: "\1"', text)
    return re.sub(r"(?<![^\s`(])--(axes|channel|decision|diameter|force|labels|tracker)\b", r"\1", text)
