"""Trackings that exist already, in files, with their movies: what `cellkin ingest` stores."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from api.pipeline import measure_tracking
from ingest.errors import InputError
from ingest.formats.ctc import read_tracking
from ingest.formats.trk import is_trk, read_trk
from ingest.movie import LabelImages, Movie, open_movie
from ingest.progress import Note, Progress, silent, unheard
from ingest.tracking_graph import TrackingGraph


@dataclass(frozen=True, eq=False)
class GivenTracking:
    """A movie and a tracking of it, every cell measured.

    Attributes:
        movie: the frames.
        labels: (T, Y, X) the masks.
        graph: the tracking.
        source: name of the folder or file that the tracking comes from.
    """

    movie: Movie
    labels: LabelImages
    graph: TrackingGraph
    source: str


def given_trackings(
    movie: Path,
    tracking: Path | None,
    *,
    name: str | None = None,
    axes: str | None = None,
    pixel_size: float | None = None,
    minutes_per_frame: float | None = None,
    progress: Progress = silent,
    note: Note = unheard,
) -> Sequence[GivenTracking]:
    """A movie with the tracking of a folder, or all movies of a .trk or .trks file; nothing is stored yet.

    Args:
        movie: frames, or a .trk or .trks file, or a movie in one (`cells.trks#3`).
        tracking: Cell Tracking Challenge folder; None for a file that holds the tracking.
        name: of the movie; by default that of its file.
        axes: of frames, where they do not say.
        pixel_size: µm; by default as the file says.
        minutes_per_frame: likewise.
        progress: told of each frame.
        note: told what a user should know of the files.

    Raises:
        InputError: what cannot be read, or does not belong together.
        LineageError: what is no valid lineage.
    """
    if is_trk(movie):
        if tracking is not None or axes is not None:
            raise InputError(
                f"{'axes' if tracking is None else 'a tracking'} for a file that has its own",
                place=str(movie),
                remedy="name the file alone",
            )
        found = read_trk(
            movie,
            name=name,
            pixel_size=pixel_size,
            minutes_per_frame=minutes_per_frame,
            progress=progress,
            note=note,
        )
        return [GivenTracking(one.movie, one.labels, one.graph, Path(one.movie.source).name) for one in found]
    if tracking is None:
        raise InputError(
            "a movie without a tracking", place=str(movie), remedy="name its folder, such as 01_GT"
        )
    opened = open_movie(
        movie, axes=axes, pixel_size=pixel_size, minutes_per_frame=minutes_per_frame, name=name
    )
    sequence = read_tracking(tracking, progress=progress)
    graph = measure_tracking(sequence.graph, sequence.labels, opened, progress)
    return [GivenTracking(opened, sequence.labels, graph, tracking.name)]
