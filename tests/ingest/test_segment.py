from pathlib import Path

import numpy as np
import pytest

from graph.scores.matching import match_overlaps
from graph.scores.overlaps import count_overlaps
from graph.scores.report import score
from ingest.culture import CultureSettings
from ingest.errors import InputError
from ingest.formats.ctc import read_tracking
from ingest.movie import LabelImages, Movie, open_movie
from ingest.segment import SegmentationSettings, segment
from ingest.simulate import SimulatedMovie, SimulationSettings, simulate
from ingest.tracking_graph import TrackingGraph
from tests.ingest.painting import discs


@pytest.fixture(scope="module")
def simulated() -> SimulatedMovie:
    return simulate(SimulationSettings(frames=6), seed=11)


def det(truth: TrackingGraph, labels: LabelImages, found: LabelImages) -> float:
    """DET of label images that belong to no tracking yet."""
    overlaps = count_overlaps(labels, found)
    cells = overlaps.detections()[1]
    computed = TrackingGraph(cells, np.empty((0, 2), np.int64), np.empty(0, np.uint8))
    value = score(truth, computed, match_overlaps(truth.detections, cells, overlaps)).aogm.det
    assert value is not None
    return value


def test_simulated_nuclei_are_found(simulated: SimulatedMovie) -> None:
    found = segment(simulated.movie)
    assert found.shape == simulated.labels.shape
    assert det(simulated.graph, simulated.labels, found) > 0.95


def test_the_same_movie_gives_the_same_labels(simulated: SimulatedMovie) -> None:
    two_frames = Movie.from_array(np.stack([simulated.movie.frame(t)[0] for t in range(2)]), name="m")
    one, other = segment(two_frames), segment(two_frames)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("flat", [np.zeros((3, 60, 70), np.uint16), np.full((2, 50, 40), 7.5, np.float32)])
def test_a_flat_movie_has_no_cells(flat: np.ndarray) -> None:
    assert not np.any([frame.any() for frame in segment(Movie.from_array(flat, name="flat"))])


def test_noise_has_no_cells() -> None:
    noise = np.random.default_rng(2).normal(500, 20, (3, 120, 150)).astype(np.float32)
    assert not np.any([frame.any() for frame in segment(Movie.from_array(noise, name="noise"))])


def test_a_blank_frame_among_others_has_no_cells() -> None:
    frames = np.stack([discs((30, 30), (60, 80)), np.full((90, 120), 100.0), discs((30, 30))])
    found = segment(Movie.from_array(frames, name="m"))
    assert [int(labels.max()) for labels in found] == [2, 0, 1]


def test_a_crowd_is_not_cut_to_pieces() -> None:
    """Its cells keep their distance, so the autocorrelation takes them for smaller ones than they are."""
    crowd = simulate(SimulationSettings(frames=1, culture=CultureSettings(count=200, gap_um=0)), seed=3)
    assert det(crowd.graph, crowd.labels, segment(crowd.movie)) > 0.95


def test_a_float_movie_gives_what_its_integers_give() -> None:
    image = discs((30, 30), (60, 80)).round()
    whole = Movie.from_array(image[np.newaxis].astype(np.uint16), name="m")
    floating = Movie.from_array(image[np.newaxis].astype(np.float32), name="m")
    assert np.array_equal(segment(whole).frame(0), segment(floating).frame(0))


def test_a_diameter_in_micrometres_follows_the_pixel_size() -> None:
    image = discs((30, 30), (60, 80))[np.newaxis].astype(np.float32)
    in_pixels = segment(Movie.from_array(image, name="m"), SegmentationSettings(diameter=18))
    in_um = segment(Movie.from_array(image, name="m", pixel_size=0.5), SegmentationSettings(diameter=9))
    assert np.array_equal(in_pixels.frame(0), in_um.frame(0))


def test_cells_of_a_few_pixels_are_refused() -> None:
    movie = Movie.from_array(discs((30, 30))[np.newaxis], name="m")
    with pytest.raises(InputError, match="too small"):
        segment(movie, SegmentationSettings(diameter=3))


def test_cells_that_do_not_fit_into_a_frame_are_refused() -> None:
    image = discs((30, 30), (60, 80))[np.newaxis]
    movie = Movie.from_array(image, name="m", pixel_size=0.5)
    side = max(image.shape) * 0.5  # µm
    segment(movie, SegmentationSettings(diameter=side, force=True))
    for diameter in (side + 0.5, 1e9):
        with pytest.raises(InputError, match="do not fit"):
            segment(movie, SegmentationSettings(diameter=diameter, force=True))


def test_cells_are_looked_for_in_the_channel_that_shows_them() -> None:
    cells, ground = discs((30, 30), (60, 80)), discs()
    both = Movie.from_array(np.stack([ground, cells])[np.newaxis], name="m", axes="TCYX")
    assert not segment(both).frame(0).any()
    found, alone = segment(both.with_cells_in("1")), segment(Movie.from_array(cells[np.newaxis], name="m"))
    assert alone.frame(0).max() == 2
    np.testing.assert_array_equal(found.frame(0), alone.frame(0))


def test_a_setting_must_be_a_number() -> None:
    with pytest.raises(InputError, match="threshold_noise"):
        SegmentationSettings(threshold_noise=float("nan"))


@pytest.mark.data
def test_real_nuclei_are_found(data_folder: Path) -> None:
    folder = data_folder / "ctc" / "Fluo-N2DL-HeLa"
    movie, truth = open_movie(folder / "01"), read_tracking(folder / "01_GT")
    shown = range(3, 92, 44)
    frames = np.stack([movie.frame(t)[0] for t in shown])
    found = segment(Movie.from_array(frames, name="some frames"))
    markers = LabelImages.from_array(np.stack([truth.labels.frame(t) for t in shown]))
    cells = count_overlaps(markers, markers).detections()[0]
    unlinked = TrackingGraph(cells, np.empty((0, 2), np.int64), np.empty(0, np.uint8))
    assert det(unlinked, markers, found) > 0.96


@pytest.mark.data
def test_bright_cells_in_phase_contrast_are_found(data_folder: Path) -> None:
    folder = data_folder / "ctc" / "PhC-C2DL-PSC"
    movie, truth = open_movie(folder / "01"), read_tracking(folder / "01_GT")
    shown = [10, 75]
    found = segment(Movie.from_array(np.stack([movie.frame(t)[0] for t in shown]), name="some frames"))
    markers = LabelImages.from_array(np.stack([truth.labels.frame(t) for t in shown]))
    cells = count_overlaps(markers, markers).detections()[0]
    unlinked = TrackingGraph(cells, np.empty((0, 2), np.int64), np.empty(0, np.uint8))
    assert det(unlinked, markers, found) > 0.908  # .904 with the diameter as first measured


def test_dark_cells_are_refused_unless_forced(simulated: SimulatedMovie) -> None:
    dark = Movie.from_array(9000 - simulated.movie.frame(0).astype(np.float32), name="dark")
    with pytest.raises(InputError, match=r"dark: .*darker than the ground.*--labels.*--force"):
        segment(dark)
    assert segment(dark, SegmentationSettings(force=True)).shape == (1, *dark.shape[2:])


@pytest.mark.data
def test_interference_contrast_is_refused(data_folder: Path) -> None:
    with pytest.raises(InputError, match=r"darker than the ground.*--labels"):
        segment(open_movie(data_folder / "ctc" / "DIC-C2DH-HeLa" / "01"))
