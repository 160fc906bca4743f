"""What the Viterbi tracker makes of painted scenes; in each, names are cells."""

from collections.abc import Sequence

import numpy as np
import pytest

from api.choices import Tracker as Option
from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie, simulate
from ingest.tracking_graph import Detections, LinkKind
from ingest.validate import validate
from tests.tracker.painting import Frame, crowd, goes_on, moved, painted, without
from tests.tracker.test_track import APART, DAUGHTERS, MOTHER, places, relabelled
from tracker.config import TRACKERS, TrackerConfig
from tracker.registry import TRACKER_OF
from tracker.viterbi import track_viterbi

STILL = crowd(20, seed=5)


def test_every_tracker_can_be_chosen() -> None:
    assert list(TRACKERS) == list(TRACKER_OF)
    assert ["learned", *TRACKERS] == [option.value for option in Option]


def story(frames: Sequence[Frame], config: TrackerConfig | None = None) -> set[str]:
    return painted(frames).story(config, tracker=track_viterbi)


@pytest.mark.parametrize(
    "frames", [[{}, {}, {}], [STILL], [{"a": (20, 30, 5)}], [{}, {"a": (20, 30, 5)}, {}]]
)
def test_where_nothing_follows_nothing_is_linked(frames: list[Frame]) -> None:
    assert story(frames) == set()


def test_a_movie_of_no_frames() -> None:
    labels = LabelImages.from_array(np.zeros((0, 9, 14), np.int32))
    no, none = np.zeros(0, np.int64), np.zeros(0)
    assert len(track_viterbi(labels, Detections(no, no, none, none, {"area": none})).links) == 0


def test_cells_go_on_while_the_stage_jumps() -> None:
    frames = [STILL, STILL, moved(STILL, 31, 47), moved(STILL, 31, 47)]
    assert painted(frames, shape=(170, 240)).story(tracker=track_viterbi) == goes_on(frames)


# m-m < d-d
#       e-e
def test_a_cell_divides() -> None:
    frames = [MOTHER, MOTHER, DAUGHTERS, APART]
    assert story(frames) == goes_on(frames) | {"1m<2d", "1m<2e"}


def test_a_cell_that_comes_in_at_the_side_is_no_daughter() -> None:
    entering = {"n": (60.0, 112.0, 6.0)}
    frames = [MOTHER, MOTHER, MOTHER | entering, MOTHER | entering]
    assert story(frames) == goes_on(frames)


# a-a . . a-a
@pytest.mark.parametrize(("missed", "sign"), [(1, "~"), (3, "~"), (4, "")])
def test_a_gap_is_closed_if_it_is_short(missed: int, sign: str) -> None:
    frames = [STILL, STILL, *[without(STILL, "C")] * missed, STILL, STILL]
    closed = {f"1C~{missed + 2}C"} if sign else set()
    assert story(frames) == goes_on(frames) | closed


# a . a . a
def test_a_cell_that_is_seen_in_every_second_frame_only() -> None:
    frames = [STILL if t % 2 == 0 else without(STILL, "C") for t in range(5)]
    assert story(frames) == goes_on(frames) | {"0C~2C", "2C~4C"}


def test_an_empty_frame_is_a_gap_of_all_cells() -> None:
    frames = [STILL, STILL, {}, STILL]
    assert story(frames) == goes_on(frames) | {f"1{name}~3{name}" for name in STILL}


@pytest.fixture(scope="module")
def movie() -> SimulatedMovie:
    """40 frames of growing, wandering, dividing cells."""
    return simulate(seed=11)


def test_a_simulated_movie(movie: SimulatedMovie) -> None:
    graph = track_viterbi(movie.labels, movie.graph.detections)
    validate(graph, movie.labels)
    found, true = (set(map(tuple, one.links.tolist())) for one in (graph, movie.graph))
    assert len(found & true) > 0.99 * len(true)
    divisions = [set(one.links[one.kind == LinkKind.DIVISION, 1].tolist()) for one in (graph, movie.graph)]
    assert len(divisions[0] & divisions[1]) > 0.9 * len(divisions[0] | divisions[1])


def test_labels_say_nothing(movie: SimulatedMovie) -> None:
    labels = relabelled(movie.labels, seed=1)
    graph = track_viterbi(labels, measure(labels))
    assert places(graph) == places(track_viterbi(movie.labels, measure(movie.labels)))


def test_no_threshold_is_in_pixels(movie: SimulatedMovie) -> None:
    images = [np.kron(image, np.ones((2, 2), int)) for image in movie.labels]
    larger = LabelImages.from_array(np.stack(images))
    graph = track_viterbi(larger, measure(larger))
    same = track_viterbi(movie.labels, measure(movie.labels))
    np.testing.assert_array_equal(graph.links, same.links)
    np.testing.assert_array_equal(graph.kind, same.kind)
