"""Simulated movies: their ground truth is exact, their lineages valid, their look repeatable."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from ingest.culture import CultureSettings
from ingest.errors import InputError
from ingest.microscope import MicroscopeSettings
from ingest.simulate import SimulatedMovie, SimulationSettings, simulate
from ingest.tracking_graph import BoolArray, IntArray, LinkKind
from ingest.validate import validate

SMALL = SimulationSettings(frames=12, height_um=120.0, width_um=150.0)


@pytest.fixture(scope="module", params=[0, 1])
def simulated(request: pytest.FixtureRequest) -> SimulatedMovie:
    return simulate(seed=request.param)


def test_lineages_are_valid_and_name_every_mask(simulated: SimulatedMovie) -> None:
    validate(simulated.graph, simulated.labels)


def test_the_default_movie_grows_and_divides(simulated: SimulatedMovie) -> None:
    cells = np.bincount(simulated.graph.detections.frame)
    assert simulated.movie.shape[0] == len(cells) == 40
    assert 8 <= cells[0] <= 20
    assert 35 <= cells[-1] <= 90
    assert len(simulated.graph.divisions) >= 10


def test_cells_enter_and_leave_through_the_border_only(simulated: SimulatedMovie) -> None:
    graph, (frames, _, height, width) = simulated.graph, simulated.movie.shape
    cells, tracks = graph.detections, graph.tracks
    mothers = np.unique(tracks.parent[tracks.parent >= 0])
    entering = tracks.first[(tracks.parent < 0) & (tracks.begin > 0)]
    leaving = np.delete(tracks.last, mothers)
    leaving = leaving[cells.frame[leaving] < frames - 1]
    assert len(entering) >= 3
    assert len(leaving) >= 3
    reach = 3 * np.sqrt(cells.features["area"].mean())  # a cell's length and a frame's step
    for rows in (entering, leaving):
        y, x = cells.y[rows], cells.x[rows]
        assert np.minimum.reduce([y, x, height - 1 - y, width - 1 - x]).max() < reach


def test_each_cell_is_one_piece(simulated: SimulatedMovie) -> None:
    for t in (0, 20, 39):
        labels = simulated.labels.frame(t)
        pieces = sum(ndi.label(labels == label, np.ones((3, 3)))[1] for label in np.unique(labels)[1:])
        assert pieces == len(np.unique(labels)) - 1


def test_labels_are_the_numbers_of_the_tracklets(simulated: SimulatedMovie) -> None:
    graph = simulated.graph
    np.testing.assert_array_equal(graph.tracklets.of_detection + 1, graph.detections.label)


def test_daughters_lie_on_opposite_sides_with_half_the_area_each(simulated: SimulatedMovie) -> None:
    graph, cells = simulated.graph, simulated.graph.detections
    links = graph.links[graph.kind == LinkKind.DIVISION]
    pairs = links[np.argsort(links[:, 0], kind="stable")]
    twins = np.flatnonzero(pairs[1:, 0] == pairs[:-1, 0])
    mother, first, second = pairs[twins, 0], pairs[twins, 1], pairs[twins + 1, 1]
    inside = np.all([_off_the_border(simulated, rows) for rows in (mother, first, second)], axis=0)
    mother, first, second = mother[inside], first[inside], second[inside]
    assert len(mother) >= 5
    area = cells.features["area"]
    # the mother was last seen up to a frame before the division, and has shrunk since
    assert np.median((area[first] + area[second]) / area[mother]) == pytest.approx(1, abs=0.25)
    assert np.median(area[first] / area[second]) == pytest.approx(1, abs=0.1)
    towards = [
        np.stack([cells.y[row] - cells.y[mother], cells.x[row] - cells.x[mother]]) for row in (first, second)
    ]
    assert np.median((towards[0] * towards[1]).sum(axis=0)) < 0


def _off_the_border(simulated: SimulatedMovie, rows: IntArray) -> BoolArray:
    """Whether each detection's mask touches no side of its image."""
    box = {name: column[rows] for name, column in simulated.graph.detections.features.items()}
    _, _, height, width = simulated.movie.shape
    within_y: BoolArray = (box["bbox_y0"] > 0) & (box["bbox_y1"] < height)
    within_x: BoolArray = (box["bbox_x0"] > 0) & (box["bbox_x1"] < width)
    return within_y & within_x


def test_cells_grow_while_they_live_and_brighten_before_they_divide() -> None:
    still = CultureSettings(speed_um_per_hour=0.1)
    simulated = simulate(SimulationSettings(frames=40, culture=still), seed=5)
    graph, cells = simulated.graph, simulated.graph.detections
    tracks = graph.tracks
    whole = np.flatnonzero((tracks.parent >= 0) & np.isin(np.arange(len(tracks)), graph.divisions))
    whole = whole[_off_the_border(simulated, tracks.last[whole])]
    assert len(whole) >= 5
    middle = cells.rows((tracks.begin[whole] + tracks.end[whole]) // 2, cells.label[tracks.first[whole]])
    area, mean = cells.features["area"], cells.features["mean_0"]
    assert np.median(area[middle] / area[tracks.first[whole]]) > 1.5
    assert np.median(mean[tracks.last[whole]] / mean[middle]) > 1.15


def test_cells_are_brighter_than_the_background_and_the_background_is_not_flat() -> None:
    simulated = simulate(SMALL, seed=1)
    image, labels = simulated.movie.frame(0)[0].astype(float), simulated.labels.frame(0)
    background = image[ndi.binary_dilation(labels > 0, iterations=8) == 0]
    assert image[labels > 0].mean() > background.mean() + 5 * background.std()
    expected = np.sqrt(4.0 * MicroscopeSettings.background + MicroscopeSettings.read_noise**2)
    assert background.std() > 1.2 * expected


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_movie() -> None:
    first, again, other = simulate(SMALL, seed=7), simulate(SMALL, seed=7), simulate(SMALL, seed=8)
    assert first.movie.fingerprint() == again.movie.fingerprint() != other.movie.fingerprint()
    np.testing.assert_array_equal(first.graph.links, again.graph.links)
    for name, column in first.graph.detections.features.items():
        np.testing.assert_array_equal(column, again.graph.detections.features[name])


def test_settings_are_physical() -> None:
    settings = replace(SMALL, frames=3, microscope=MicroscopeSettings(pixel_size=0.325))
    fine, coarse = simulate(settings, seed=2), simulate(replace(SMALL, frames=3), seed=2)
    assert fine.movie.shape == (3, 1, 369, 462)
    assert (fine.movie.pixel_size, fine.movie.minutes_per_frame) == (0.325, 30.0)
    areas = [s.graph.detections.features["area_um2"].mean() for s in (fine, coarse)]
    assert areas[0] == pytest.approx(areas[1], rel=0.05)


def test_a_crowded_field_has_no_overlaps_and_valid_lineages() -> None:
    crowded = replace(SMALL, frames=6, culture=CultureSettings(count=60))
    simulated = simulate(crowded, seed=3)
    validate(simulated.graph, simulated.labels)
    assert (simulated.labels.frame(5) > 0).mean() > 0.4


def test_a_field_without_cells() -> None:
    simulated = simulate(replace(SMALL, frames=3, culture=CultureSettings(count=0)), seed=4)
    assert len(simulated.graph.detections) == 0
    assert simulated.labels.frame(2).max() == 0
    validate(simulated.graph, simulated.labels)


@pytest.mark.parametrize("setting", [{"frames": 0}, {"width_um": 0.0}, {"minutes_per_frame": -1.0}])
def test_no_frames_no_field_and_no_time_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"is [-0]"):
        SimulationSettings(**setting)  # type: ignore[arg-type]
