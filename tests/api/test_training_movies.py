"""What `cellkin train` learns from: movies of folders and of the store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from api import training_movies
from api.settings import Settings
from api.stored import store_tracking
from api.training_movies import (
    as_segmented,
    collect,
    sequence,
    simulated,
    stored,
    with_wrong_cells,
)
from graph.records import TrackingKind
from graph.store import LineageStore
from ingest.errors import InputError, NotFoundError
from ingest.formats.ctc import write_ground_truth
from ingest.formats.ome_tiff import write_movie
from ingest.measure import measure
from ingest.movie import LabelImages, Movie, open_movie
from ingest.progress import Progress
from ingest.segment import SegmentationSettings
from ingest.simulate import SimulatedMovie, SimulationSettings, simulate
from ingest.tracking_graph import LinkKind, TrackingGraph
from ingest.validate import validate
from tests.api.learning import markers, write_challenge, write_frames
from tests.graph.stored import movie_of
from tests.lineages import Cell, Drawing, drawn
from tests.tracker.networks import to_learn_from
from tracker.dataset import TrainingMovie
from tracker.train import TrainingConfig, train

ONE_STEP = TrainingConfig(steps=1, cells=60, variations=1)


@pytest.fixture
def challenge(dividing: SimulatedMovie, tmp_path: Path) -> Path:
    return write_challenge(dividing, tmp_path / "Simulated" / "01")


def test_a_sequence_of_the_challenge(challenge: Path, dividing: SimulatedMovie) -> None:
    movie = sequence(challenge)
    assert movie.name == "Simulated/01"
    np.testing.assert_array_equal(movie.labels.frame(9), dividing.labels.frame(9))
    np.testing.assert_array_equal(movie.graph.links, dividing.graph.links)
    np.testing.assert_array_equal(
        movie.graph.detections.features["area"], dividing.graph.detections.features["area"]
    )
    assert movie.movie is not None
    np.testing.assert_array_equal(movie.movie.frame(9), dividing.movie.frame(9))


def test_markers_where_there_are_no_masks(challenge: Path) -> None:
    (challenge.with_name("01_ST")).rename(challenge.with_name("02_ST"))
    assert sequence(challenge).graph.detections.features["area"].max() == 4


def test_frames_and_a_tracking_elsewhere(challenge: Path, dividing: SimulatedMovie, tmp_path: Path) -> None:
    write_ground_truth(dividing.graph, dividing.labels, tmp_path / "corrected")
    (movie,) = collect([f"{challenge}={tmp_path / 'corrected'}"], [], Settings())
    np.testing.assert_array_equal(movie.graph.links, dividing.graph.links)


def test_no_ground_truth_beside_the_frames(dividing: SimulatedMovie, tmp_path: Path) -> None:
    frames = write_frames(dividing, tmp_path / "01")
    with pytest.raises(InputError, match="no ground truth 01_GT beside the frames; give FRAMES=TRACKING"):
        sequence(frames)


def test_nothing_is_named() -> None:
    with pytest.raises(InputError, match="no movie to learn from; name folders of frames, or --stored"):
        collect([], [], Settings())


def test_the_tracking_of_another_movie(challenge: Path, dividing: SimulatedMovie) -> None:
    (challenge / "t015.tif").unlink()
    with pytest.raises(
        InputError,
        match=r"label images are 16 frames .* the movie is 15 frames .* label images of .*01, one a frame",
    ):
        sequence(challenge)


def test_a_marker_that_covers_another_cell(challenge: Path, dividing: SimulatedMovie) -> None:
    cells = dividing.graph.detections
    here = cells.frame_slice(4)
    kept, gone = cells.label[here][:2]
    masks = challenge.with_name("01_ST") / "SEG" / "man_seg004.tif"
    image = tifffile.imread(masks)
    marker = markers(dividing).frame(4)
    image[image == gone], image[image == kept] = 0, 0
    image[marker == gone] = kept  # the mask of one lies wholly under the other's marker
    tifffile.imwrite(masks, image)
    with pytest.raises(
        InputError, match=rf"{len(cells) - 1} cells in the masks, {len(cells)} in the tracking"
    ):
        sequence(challenge)


def test_simulated_movies_differ_and_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def shorter(settings: SimulationSettings, *, seed: int, progress: Progress) -> SimulatedMovie:
        return simulate(replace(settings, frames=2), seed=seed, progress=progress)

    monkeypatch.setattr(training_movies, "simulate", shorter)
    one, other = simulated(2, seed=3)
    (again,) = simulated(1, seed=3)
    assert not one.is_real
    assert one.name != other.name
    assert len(one.graph.links) > 10
    assert len(one.graph.detections) != len(other.graph.detections)
    np.testing.assert_array_equal(one.graph.detections.y, again.graph.detections.y)


# true 1-1-1-1    found 1-1-1-1    in frame 1 the smaller cell is shown as one with the larger;
#      2-2-2-2          2 · 2-2    what is found besides stands for nobody
def test_cells_as_a_segmentation_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    true = drawn(4, [Cell(1, 0, 3, x=4, width=8), Cell(2, 0, 3, x=12, width=6)])
    found = drawn(4, [Cell(1, 0, 3, x=4, width=8), Cell(2, 0, 3, x=12, width=6), Cell(5, 0, 3, x=30)])
    found.labels[1][found.labels[1] == 2] = 1
    monkeypatch.setattr(training_movies, "segment", lambda *_, **__: LabelImages.from_array(found.labels))
    given = TrainingMovie("drawn", movie_of(true), LabelImages.from_array(true.labels), measured(true))
    movie = as_segmented(given)
    validate(movie.graph, movie.labels)
    cells = movie.graph.detections
    named = [(int(cells.label[row]), int(cells.frame[row])) for row in movie.graph.links.ravel()]
    links = {
        (a, b, LinkKind(kind).name)
        for a, b, kind in zip(named[::2], named[1::2], movie.graph.kind, strict=True)
    }
    assert links == {
        ((1, 0), (1, 1), "NEXT"), ((1, 1), (1, 2), "NEXT"), ((1, 2), (1, 3), "NEXT"),
        ((2, 0), (2, 2), "GAP"), ((2, 2), (2, 3), "NEXT"),
    }  # fmt: skip
    assert movie.name == "drawn as segmented"


def test_what_our_own_segmentation_finds_is_learned_from(dividing: SimulatedMovie) -> None:
    movie = as_segmented(to_learn_from(dividing))
    validate(movie.graph, movie.labels)
    assert (movie.graph.kind == LinkKind.DIVISION).sum() > 10
    assert train([movie], ONE_STEP).record["movies"] == ["simulated as segmented"]


def test_settings_of_the_segmentation_are_for_real_movies(dividing: SimulatedMovie) -> None:
    simulated_movie = to_learn_from(dividing)
    real = replace(simulated_movie, is_real=True)
    tiny = SegmentationSettings(diameter=0.5)
    assert len(as_segmented(replace(simulated_movie, is_real=False), tiny).graph.detections)
    with pytest.raises(InputError, match="too small") as refused:
        as_segmented(real, tiny)
    assert "--diameter" in refused.value.remedy
    assert "--labels" not in refused.value.remedy


def test_a_movie_that_our_segmentation_refuses_teaches_flaws_at_random(dividing: SimulatedMovie) -> None:
    blind = replace(to_learn_from(dividing), name="blind", movie=None)
    notes: list[str] = []
    shown = with_wrong_cells([to_learn_from(dividing), blind], SegmentationSettings(), note=notes.append)
    assert [movie.name for movie in shown] == [
        "simulated with flaws",
        "blind with flaws",
        "simulated as segmented",
    ]
    assert notes == ["blind: no frames to segment; only flaws at random are learned from it"]
    assert not np.array_equal(shown[0].graph.detections.y, shown[1].graph.detections.y)
    with pytest.raises(InputError, match="blind: no frames to segment"):
        with_wrong_cells([blind], SegmentationSettings(diameter=20))


def test_without_frames_there_is_nothing_to_segment() -> None:
    true = drawn(2, [Cell(1, 0, 1)])
    with pytest.raises(InputError, match="blind: no frames to segment"):
        as_segmented(TrainingMovie("blind", None, LabelImages.from_array(true.labels), true.graph))


def measured(drawing: Drawing) -> TrackingGraph:
    return replace(drawing.graph, detections=measure(LabelImages.from_array(drawing.labels)))


@pytest.mark.neo4j
def test_a_stored_tracking_is_learned_from(
    store: LineageStore, dividing: SimulatedMovie, tmp_path: Path
) -> None:
    path = write_movie(dividing.movie, tmp_path / "movie.ome.tif")
    record = store_truth(store, dividing, path)
    movie = stored(store, record, None)
    np.testing.assert_array_equal(movie.graph.links, dividing.graph.links)
    np.testing.assert_array_equal(movie.labels.frame(9), dividing.labels.frame(9))
    assert movie.movie is not None
    np.testing.assert_array_equal(movie.movie.frame(9), dividing.movie.frame(9))
    trained = train([movie], ONE_STEP)
    assert trained.record["movies"] == [movie.name]
    path.rename(tmp_path / "moved.ome.tif")
    with pytest.raises(InputError, match=rf"tracking {record}: no frames of the movie .* TRACKING=FRAMES"):
        stored(store, record, None)
    assert stored(store, record, tmp_path / "moved.ome.tif").movie is not None
    with pytest.raises(NotFoundError):
        stored(store, "t0000000000000000", None)


def test_a_stored_tracking_is_not_learned_from_with_other_frames(
    store: LineageStore, dividing: SimulatedMovie, tmp_path: Path
) -> None:
    path = write_movie(dividing.movie, tmp_path / "movie.ome.tif")
    record = store_truth(store, dividing, path)
    brighter = np.stack([dividing.movie.frame(t) for t in range(len(dividing.movie))]) + 1
    path.unlink()
    write_movie(Movie.from_array(brighter, name="other", axes="TCYX"), path)
    with pytest.raises(InputError, match=r"other frames at .*TRACKING=FRAMES"):
        stored(store, record, None)


def store_truth(store: LineageStore, dividing: SimulatedMovie, path: Path) -> str:
    return store_tracking(
        store,
        open_movie(path),
        dividing.graph,
        dividing.labels,
        kind=TrackingKind.GROUND_TRUTH,
        author="A. Curator",
        parameters={},
    ).id
