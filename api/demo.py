"""The demo: a movie of dividing cells from nothing, the whole way to scored lineages in the database."""

from dataclasses import dataclass
from pathlib import Path

from api.export import draw_lineages
from api.pipeline import TrackedMovie, measure_tracking, track_movie
from api.scoring import score_stored
from api.stored import store_tracked, store_tracking
from graph.records import ScoreRecord, TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.formats.ome_tiff import write_movie
from ingest.movie import open_movie
from ingest.progress import Progress, silent
from ingest.simulate import simulate

MOVIE_NAME = "demo"


@dataclass(frozen=True)
class Demo:
    """What the demo made.

    Attributes:
        tracked: the tracked movie.
        computed, reference: the stored tracking and the stored ground truth.
        score: of the one against the other.
        movie_file, picture: the simulated movie (OME-TIFF) and its lineage trees as tracked (PNG).
    """

    tracked: TrackedMovie
    computed: TrackingRecord
    reference: TrackingRecord
    score: ScoreRecord
    movie_file: Path
    picture: Path


def run_demo(store: LineageStore, folder: Path, *, seed: int, progress: Progress = silent) -> Demo:
    """Simulate, segment, track, store and score; the tracker sees the movie's file and nothing else.

    Args:
        store: where the tracking and the ground truth go.
        folder: for the movie's file and the picture.
        seed: of the simulation; the same seed gives the same movie.
        progress: told of each step.
    """
    simulated = simulate(seed=seed, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    movie_file = write_movie(simulated.movie, folder / f"{MOVIE_NAME}-{seed}.ome.tif", progress=progress)
    tracked = track_movie(open_movie(movie_file), progress=progress)
    truth = measure_tracking(simulated.graph, simulated.labels, tracked.movie, progress)
    reference = store_tracking(
        store,
        tracked.movie,
        truth,
        simulated.labels,
        kind=TrackingKind.GROUND_TRUTH,
        author="simulation",
        parameters={"seed": seed},
        progress=progress,
    )
    computed = store_tracked(store, tracked, progress)
    score = score_stored(store, computed.id, reference.id, progress=progress)
    picture = folder / f"{MOVIE_NAME}-{seed}-lineages.png"
    draw_lineages(tracked.graph, picture, minutes_per_frame=tracked.movie.minutes_per_frame)
    return Demo(tracked, computed, reference, score, movie_file, picture)
