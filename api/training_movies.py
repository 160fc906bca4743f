"""The movies that `cellkin train` learns from: from folders, from the store, or simulated."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from api.settings import Settings
from api.stored import open_store
from graph.scores.matching import match_overlaps
from graph.scores.overlaps import count_overlaps
from graph.store import LineageStore
from ingest.culture import CultureSettings
from ingest.errors import InputError
from ingest.formats.ctc import read_tracking
from ingest.formats.trk import is_trk, open_only_trk, read_trk
from ingest.measure import measure
from ingest.microscope import MicroscopeSettings
from ingest.movie import Movie, open_labels, open_movie
from ingest.progress import Note, Progress, silent, unheard
from ingest.segment import SegmentationSettings, segment
from ingest.simulate import SimulationSettings, simulate
from ingest.tracking_graph import TrackingGraph
from ingest.whole_cells import whole_cells
from tracker.dataset import TrainingMovie, contracted, with_flaws
from tracker.lineage import NOBODY


def collect(
    names: Sequence[str],
    stored_trackings: Sequence[str],
    settings: Settings,
    progress: Progress = silent,
    note: Note = unheard,
    *,
    channel: str | None = None,
    axes: str | None = None,
) -> list[TrainingMovie]:
    """The movies that a user names: FRAMES, FRAMES=TRACKING, FILE.trk; and stored ones: ID, ID=FRAMES.

    Args:
        names: of files and folders.
        stored_trackings: ids.
        settings: where the store is.
        progress: told of each frame.
        note: told where masks and lineage of a .trk file differ.
        channel: name or number of the one that shows the cells in each movie; by default the first.
        axes: of the frames, such as "TYX", where their files do not say.

    Raises:
        InputError: none is named; a movie has no such channel; as `sequence`, `with_tracking`, `read_trk`,
            `stored`.
    """
    movies: list[TrainingMovie] = []
    for name in names:
        frames, _, tracking = name.partition("=")
        path = Path(frames)
        if tracking:
            movies.append(with_tracking(path, Path(tracking), progress=progress, axes=axes))
        elif is_trk(path):
            movies += (
                TrainingMovie(one.movie.name, one.movie, one.labels, one.graph)
                for one in read_trk(path, progress=progress, note=note)
            )
        else:
            movies.append(sequence(path, progress, axes=axes))
    if stored_trackings:
        with open_store(settings, progress) as opened:
            for name in stored_trackings:
                tracking, _, frames = name.partition("=")
                movies.append(stored(opened.store, tracking, Path(frames) if frames else None, axes=axes))
    if not movies:
        raise InputError("no movie to learn from", remedy="name folders of frames, or --stored trackings")
    return [replace(one, movie=one.movie and one.movie.with_cells_in(channel)) for one in movies]


def sequence(frames: Path, progress: Progress = silent, *, axes: str | None = None) -> TrainingMovie:
    """A sequence as the Cell Tracking Challenge lays it out: frames `01`, truth `01_GT`, masks `01_ST`.

    Args:
        frames: the folder of the frames. The lineage and markers are read from `…_GT` beside it, and full
            masks from `…_ST/SEG` where there are any.
        progress: told of each frame.
        axes: of the frames, where their files do not say.

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
    return with_tracking(frames, truth, masks if masks.is_dir() else None, progress, axes=axes)


def with_tracking(
    frames: Path,
    tracking: Path,
    masks: Path | None = None,
    progress: Progress = silent,
    *,
    axes: str | None = None,
) -> TrainingMovie:
    """A movie with a tracking in the challenge's format, such as one that was corrected by hand.

    Args:
        frames: a folder of frames or a stack.
        tracking: folder with label images and a track file.
        masks: full masks with the same labels, where the tracking has markers only.
        progress: told of each frame.
        axes: of the frames, where their files do not say.
    """
    movie, given = open_movie(frames, axes=axes), read_tracking(tracking, progress=progress)
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


def with_wrong_cells(
    movies: Sequence[TrainingMovie],
    settings: SegmentationSettings,
    progress: Progress = silent,
    note: Note = unheard,
) -> list[TrainingMovie]:
    """Movies to learn from how segmentations err: each with flaws at random, and as ours shows it.

    Args:
        movies: with true cells.
        settings: of our own segmentation.
        progress: told of each frame.
        note: told of a movie that our own segmentation does not take as it is.

    Raises:
        InputError: the segmentation refuses a movie by settings that are not the usual ones.
    """
    shown = [with_flaws(movie, seed) for seed, movie in enumerate(movies)]
    for movie in movies:
        try:
            shown.append(as_segmented(movie, settings, progress))
        except InputError as error:
            if settings != SegmentationSettings():
                raise
            note(f"{movie.name}: {error.problem}; only flaws at random are learned from it")
    return shown


def as_segmented(
    given: TrainingMovie, settings: SegmentationSettings | None = None, progress: Progress = silent
) -> TrainingMovie:
    """The movie with the cells that our own segmentation finds, linked as the true cells are that they show.

    A cell that shows two true ones, or more, stands for the larger; what shows none is linked to nothing.

    Args:
        given: with frames.
        settings: of the segmentation; a simulated movie is segmented without them.
        progress: told of each frame.

    Raises:
        InputError: there are no frames; the segmentation refuses them.
    """
    if given.movie is None:
        raise InputError("no frames to segment", place=given.name, remedy="give the movie's frames")
    try:
        labels = segment(given.movie, settings if given.is_real else None, progress=progress)
    except InputError as error:
        raise InputError(
            error.problem,
            place=given.name,
            remedy="give another --diameter, or --force; leave this movie out, or train without --segmented",
        ) from error
    overlaps = count_overlaps(given.labels, labels, progress=progress)
    true, detections = overlaps.detections()
    found = match_overlaps(true, detections, overlaps).of_reference
    order = np.lexsort((-true.features["area"], found))  # of those that one cell shows the larger first
    is_first = np.diff(found[order], prepend=NOBODY) > 0
    row = np.full(len(true), NOBODY, np.int64)
    row[order[is_first]] = found[order[is_first]]
    graph = contracted(given.graph, row, detections)
    return replace(given, name=f"{given.name} as segmented", labels=labels, graph=graph)


def simulated(count: int, seed: int, progress: Progress = silent) -> list[TrainingMovie]:
    """Simulated movies, each of other cells under another microscope: for variety, not for validation.

    Args:
        count: how many.
        seed: of what they are like; the same seed gives the same movies.
        progress: told of each frame.
    """
    movies = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        cycle, speed = float(rng.uniform(200, 600)), float(rng.uniform(5, 25))
        step_um = float(rng.uniform(1, 6))  # half a nucleus at most: beyond that nobody could tell who is who
        settings = SimulationSettings(
            frames=36,
            minutes_per_frame=min(60 * step_um / speed, cycle / 15),
            culture=CultureSettings(
                count=int(rng.integers(25, 100)),
                cycle_minutes=cycle,
                mitosis_minutes=min(60.0, cycle / 8),
                speed_um_per_hour=speed,
                elongation=float(rng.uniform(1.2, 1.8)),
                gap_um=float(rng.uniform(0, 1)),
            ),
            microscope=MicroscopeSettings(signal=float(np.exp(rng.uniform(np.log(100), np.log(800))))),
        )
        made = simulate(settings, seed=seed + number, progress=progress)
        movies.append(TrainingMovie(made.movie.name, made.movie, made.labels, made.graph, is_real=False))
    return movies


def stored(
    store: LineageStore, tracking_id: str, frames: Path | None = None, *, axes: str | None = None
) -> TrainingMovie:
    """A tracking in the database, such as a ground truth or a curated one, with the frames of its movie.

    Args:
        store: where it is.
        tracking_id: its id.
        frames: where its movie is now; by default where it was when it was stored.
        axes: of the frames, where their files do not say.

    Raises:
        NotFoundError: there is no such tracking, or it was stored without label images.
        InputError: the frames are not there any more, or are others.
    """
    record = store.movie(store.tracking(tracking_id).movie_id)
    path = frames or (Path(record.source) if record.source else None)
    movie = None if path is None else _movie_at(path, axes)
    if movie is None:
        raise InputError(
            f"no frames of the movie {record.name!r} at {path}",
            place=f"tracking {tracking_id}",
            remedy="give them: TRACKING=FRAMES",
        )
    if frames is None and movie.fingerprint() != record.fingerprint:
        raise InputError(
            f"other frames at {path} than those of the movie {record.name!r}",
            place=f"tracking {tracking_id}",
            remedy="give its frames: TRACKING=FRAMES",
        )
    graph, labels = store.tracking_graph(tracking_id), store.labels(tracking_id)
    return TrainingMovie(record.name, movie, labels, graph)


def _movie_at(path: Path, axes: str | None) -> Movie | None:
    """The movie that is there, if any is."""
    if is_trk(path):
        return open_only_trk(path).movie
    return open_movie(path, axes=axes) if path.exists() else None
