"""What `cellkin train` learns from: movies with their true lineages, from folders or from the store."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from graph.store import LineageStore
from ingest.errors import InputError
from ingest.formats.ctc import read_tracking
from ingest.measure import measure
from ingest.movie import open_labels, open_movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import TrackingGraph
from ingest.whole_cells import whole_cells
from tracker.dataset import TrainingMovie


def sequence(frames: Path, progress: Progress = silent) -> TrainingMovie:
    """A sequence in the Cell Tracking Challenge's layout: frames in `01`, its truth in `01_GT`, masks in `01_ST`.

    Args:
        frames: the folder of the frames. The lineage and markers are read from `…_GT` beside it, and full masks from
            `…_ST/SEG` where there are any.
        progress: told of each frame.

    Raises:
        InputError: there is no ground truth beside the frames; a file that cannot be read.
    """
    truth, masks = frames.with_name(f"{frames.name}_GT"), frames.with_name(f"{frames.name}_ST") / "SEG"
    if not truth.is_dir():
        raise InputError(
            f"no ground truth {truth.name} beside the frames",
            place=str(frames),
            remedy="give FRAMES=TRACKING, where TRACKING is a folder in the challenge's format",
        )
    return with_tracking(frames, truth, masks if masks.is_dir() else None, progress)


def with_tracking(
    frames: Path, tracking: Path, masks: Path | None = None, progress: Progress = silent
) -> TrainingMovie:
    """A movie with a tracking in the Cell Tracking Challenge's format, such as one that was corrected by hand.

    Args:
        frames: a folder of frames or a stack.
        tracking: folder with label images and a track file.
        masks: full masks with the same labels, where the tracking has markers only.
        progress: told of each frame.
    """
    movie, given = open_movie(frames), read_tracking(tracking, progress=progress)
    labels = given.labels if masks is None else whole_cells(given.labels, open_labels(masks))
    detections = measure(labels, progress=progress)
    if len(detections) != len(given.graph.detections):
        raise InputError(
            f"{len(detections)} cells in the masks, {len(given.graph.detections)} in the tracking",
            place=str(masks or tracking),
            remedy="give masks in which no cell covers another's marker entirely",
        )
    graph = TrackingGraph(detections, given.graph.links, given.graph.kind)
    return TrainingMovie(movie.name, movie, labels, graph)


def stored(store: LineageStore, tracking_id: str, frames: Path | None = None) -> TrainingMovie:
    """A tracking in the database, such as a ground truth or a curated one, with the frames of its movie.

    Args:
        store: where it is.
        tracking_id: its id.
        frames: where its movie is now; by default where it was when it was stored.

    Raises:
        NotFoundError: there is no such tracking, or it was stored without label images.
        InputError: the frames are not there any more.
    """
    record = store.movie(store.tracking(tracking_id).movie_id)
    path = frames or (Path(record.source) if record.source else None)
    if path is None or not path.exists():
        raise InputError(
            f"no frames of the movie {record.name!r} at {path}",
            place=f"tracking {tracking_id}",
            remedy="give them: TRACKING=FRAMES",
        )
    graph, labels = store.tracking_graph(tracking_id), store.labels(tracking_id)
    return TrainingMovie(record.name, open_movie(path), labels, graph)
