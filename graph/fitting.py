"""What goes together in the store: a tracking with its movie and label images, two trackings of a score."""

from graph.records import MovieRecord, TrackingRecord
from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.tracking_graph import TrackingGraph
from ingest.validate import check_count

OWN_PROPERTIES = frozenset({"id", "frame", "label", "y", "x"})
"""Properties of a Detection that are no measured feature."""


def require_fitting(graph: TrackingGraph, labels: LabelImages | None, movie: MovieRecord) -> None:
    """Refuse a tracking that cannot be stored with this movie, or whose label images are not of it.

    Raises:
        InputError: why not.
    """
    for name in graph.detections.features:
        if not name or name in OWN_PROPERTIES:
            raise InputError(f"a feature called {name!r}", place="detections", remedy="give it another name")
    if labels is not None:
        _require_shape(labels, movie)
        check_count(graph.detections, labels)
    last = int(graph.detections.frame.max(initial=-1))
    if last >= movie.frames:
        raise InputError(
            f"detections up to frame {last} of a movie of {movie.frames} frames",
            place=f"movie {movie.name!r}",
            remedy="store the tracking with the movie that it is of",
        )


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


def _require_shape(labels: LabelImages, movie: MovieRecord) -> None:
    shape = (movie.frames, movie.height, movie.width)
    if labels.shape != shape:
        raise InputError(
            f"label images of (T, Y, X) = {labels.shape} for a movie of {shape}",
            place=labels.source,
            remedy="give the label images of this movie, one a frame",
        )
