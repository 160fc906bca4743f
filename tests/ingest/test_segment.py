from pathlib import Path

import numpy as np
import pytest

from graph.scores.matching import match_overlaps
from graph.scores.overlaps import count_overlaps
from graph.scores.report import score
from ingest.errors import InputError
from ingest.formats.ctc import read_tracking
from ingest.movie import LabelImages, Movie, open_movie
from ingest.segment import SegmentationSettings, segment, segment_frame, typical_diameter
from ingest.simulate import SimulatedMovie, SimulationSettings, simulate
from ingest.tracking_graph import TrackingGraph


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


def discs(*centres: tuple[int, int], radius: int = 9, noise: float = 4.0) -> np.ndarray:
    y, x = np.indices((90, 120))
    image = np.full(y.shape, 100.0)
    for cy, cx in centres:
        image[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = 220
    return image + np.random.default_rng(1).normal(0, noise, image.shape)


def test_simulated_nuclei_are_found(simulated: SimulatedMovie) -> None:
    found = segment(simulated.movie)
    assert found.shape == simulated.labels.shape
    assert det(simulated.graph, simulated.labels, found) > 0.95


def test_the_same_movie_gives_the_same_labels(simulated: SimulatedMovie) -> None:
    one, other = segment(simulated.movie), segment(simulated.movie)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_diameter_is_measured_in_what_the_image_shows() -> None:
    measured = typical_diameter([discs((30, 30), (60, 80), (25, 95))])
    assert measured == pytest.approx(18, rel=0.25)


def test_touching_cells_are_told_apart() -> None:
    labels = segment_frame(discs((45, 40), (45, 57)), diameter=18)
    assert labels.max() == 2
    assert labels[45, 38] != labels[45, 59]


def test_labels_count_from_one_and_small_specks_are_left_out() -> None:
    image = discs((30, 30), (60, 80))
    image[10:12, 100:102] = 250
    labels = segment_frame(image, diameter=18)
    assert np.unique(labels).tolist() == [0, 1, 2]
    assert labels[10, 100] == 0


def test_cells_on_a_slanted_ground_are_found() -> None:
    slope = np.linspace(0, 20, 120)
    labels = segment_frame(discs((30, 30), (60, 90)) + slope, diameter=18)
    assert labels.max() == 2


@pytest.mark.parametrize("flat", [np.zeros((3, 60, 70), np.uint16), np.full((2, 50, 40), 7.5, np.float32)])
def test_a_flat_movie_has_no_cells(flat: np.ndarray) -> None:
    assert not np.any([frame.any() for frame in segment(Movie.from_array(flat, name="flat"))])


def test_noise_has_no_cells() -> None:
    noise = np.random.default_rng(2).normal(500, 20, (3, 120, 150)).astype(np.float32)
    assert not np.any([frame.any() for frame in segment(Movie.from_array(noise, name="noise"))])


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


def test_an_unknown_channel_is_refused(simulated: SimulatedMovie) -> None:
    with pytest.raises(InputError, match="channel 1"):
        segment(simulated.movie, channel=1)


def test_a_setting_must_be_a_number() -> None:
    with pytest.raises(InputError, match="threshold_noise"):
        SegmentationSettings(threshold_noise=float("nan"))


@pytest.mark.data
def test_real_nuclei_are_found(data_folder: Path) -> None:
    folder = data_folder / "ctc" / "Fluo-N2DL-HeLa"
    movie, truth = open_movie(folder / "01"), read_tracking(folder / "01_GT")
    shown = range(3, 92, 11)
    frames = np.stack([movie.frame(t)[0] for t in shown])
    found = segment(Movie.from_array(frames, name="some frames"))
    markers = LabelImages.from_array(np.stack([truth.labels.frame(t) for t in shown]))
    cells = count_overlaps(markers, markers).detections()[0]
    unlinked = TrackingGraph(cells, np.empty((0, 2), np.int64), np.empty(0, np.uint8))
    assert det(unlinked, markers, found) > 0.96


@pytest.mark.data
def test_interference_contrast_is_refused(data_folder: Path) -> None:
    with pytest.raises(InputError, match=r"darker than the ground.*--labels"):
        segment(open_movie(data_folder / "ctc" / "DIC-C2DH-HeLa" / "01"))
