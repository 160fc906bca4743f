"""What the tracker makes of painted scenes; in each, names are cells, and labels are shuffled every frame."""

from dataclasses import replace

import numpy as np
import pytest

from ingest.errors import InputError
from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.simulate import SimulationSettings, simulate
from ingest.tracking_graph import Detections, IntArray, TrackingGraph
from tests.tracker.painting import Frame, Scene, crowd, goes_on, magnified, moved, painted, without
from tracker.config import TrackerConfig
from tracker.track import track

STILL = crowd(20, seed=5)
MOTHER = {"m": (60.0, 90.0, 9.0)}
DAUGHTERS = {"d": (60.0, 82.0, 6.4), "e": (60.0, 98.0, 6.4)}
APART = {"d": (60.0, 80.0, 6.6), "e": (60.0, 100.0, 6.6)}


# 3 frames without cells, then one frame only, then one cell only
@pytest.mark.parametrize(
    "frames", [[{}, {}, {}], [STILL], [{"a": (20, 30, 5)}], [{}, {"a": (20, 30, 5)}, {}]]
)
def test_where_nothing_follows_nothing_is_linked(frames: list[Frame]) -> None:
    assert painted(frames).story() == set()


def test_a_movie_of_no_frames() -> None:
    labels = LabelImages.from_array(np.zeros((0, 9, 14), np.int32))
    none = Detections(
        np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), {"area": np.zeros(0)}
    )
    assert len(track(labels, none).links) == 0


def test_one_cell_alone_goes_on() -> None:
    frames = [{"a": (40.0 + 3 * t, 60.0 - 2 * t, 6.0)} for t in range(5)]
    assert painted(frames).story() == goes_on(frames)


def test_cells_that_wander_go_on() -> None:
    rng = np.random.default_rng(8)
    frames = [STILL]
    for _ in range(6):
        steps = rng.normal(0, 2, (len(STILL), 2))
        frames.append(
            {
                name: (y + dy, x + dx, r)
                for (name, (y, x, r)), (dy, dx) in zip(frames[-1].items(), steps, strict=True)
            }
        )
    assert painted(frames).story() == goes_on(frames)


# m-m < d-d
#       e-e
def test_a_cell_divides() -> None:
    frames = [STILL | MOTHER, STILL | MOTHER, STILL | DAUGHTERS, STILL | APART]
    frames = [without(frame, "R") for frame in frames]  # which stands where the mother does
    assert painted(frames).story() == goes_on(frames) | {"1m<2d", "1m<2e"}


@pytest.mark.parametrize("times", [1, 4])
def test_a_cell_alone_divides_at_any_magnification(times: int) -> None:
    frames = [magnified(frame, times) for frame in (MOTHER, MOTHER, DAUGHTERS, APART)]
    scene = painted(frames, shape=(120 * times, 180 * times))
    assert scene.story() == goes_on(frames) | {"1m<2d", "1m<2e"}


#       d-d
# m-m < e-e
#       f-f
def test_a_cell_divides_into_three() -> None:
    three = {"d": (51.0, 90.0, 5.2), "e": (64.0, 82.0, 5.2), "f": (64.0, 98.0, 5.2)}
    frames = [MOTHER, MOTHER, three, three]
    assert painted(frames).story() == goes_on(frames) | {"1m<2d", "1m<2e", "1m<2f"}


# the daughters stand so far apart that neither is linked at first: one jumps, then the other is her sister
def test_daughters_that_part_widely() -> None:
    far = {"d": (60.0, 78.0, 6.4), "e": (60.0, 103.0, 6.4)}
    frames = [MOTHER, MOTHER, far, far]
    assert painted(frames).story(TrackerConfig(caution=1.0)) == goes_on(frames) | {"1m<2d", "1m<2e"}


def test_a_cell_that_comes_in_at_the_side_is_no_daughter() -> None:
    entering = {"n": (60.0, 112.0, 6.0)}
    frames = [MOTHER, MOTHER, MOTHER | entering, MOTHER | entering]
    assert painted(frames).story() == goes_on(frames)


def test_a_neighbour_of_another_size_is_no_daughter() -> None:
    frames = [MOTHER, MOTHER, {"m": (60.0, 87.0, 9.0), "n": (60.0, 99.5, 2.5)}, {"m": (60.0, 87.0, 9.0)}]
    assert painted(frames).story() == goes_on(frames)


# a-a . . a-a
@pytest.mark.parametrize(("missed", "sign"), [(1, "~"), (3, "~"), (4, "")])
def test_a_gap_is_closed_if_it_is_short(missed: int, sign: str) -> None:
    frames = [STILL, STILL, *[without(STILL, "C")] * missed, STILL, STILL]
    closed = {f"1C~{missed + 2}C"} if sign else set()
    assert painted(frames).story() == goes_on(frames) | closed


def test_gaps_can_be_left_open() -> None:
    frames = [STILL, without(STILL, "C"), STILL]
    assert painted(frames).story(TrackerConfig(max_missed_frames=0)) == goes_on(frames)


# a moves farther in two steps than it could in one
def test_a_gap_leaves_time_to_go_farther() -> None:
    there = {"a": (40.0, 40.0, 8.0)}
    far, in_reaches = {"a": (40.0, 40.0 + 16 * 1.4, 8.0)}, TrackerConfig(reach_in_steps=0)
    assert painted([there, there, {}, far]).story(in_reaches) == {"0a-1a", "1a~3a"}
    assert painted([there, there, far]).story(in_reaches) == {"0a-1a"}


# m-m . m    n begins beside m where m was missed: it is no daughter
#     n n
def test_a_cell_that_was_missed_does_not_divide_meanwhile() -> None:
    beside = {"n": (60.0, 107.0, 8.6)}
    frames = [MOTHER, MOTHER, beside, MOTHER | beside]
    assert painted(frames).story(TrackerConfig(reach_in_steps=0)) == {"0m-1m", "1m~3m", "2n-3n"}


# x-x   x    both are missed once, in turn: each comes back, neither becomes the other
# y   y y
def test_cells_that_are_missed_in_turn_are_not_mistaken_for_each_other() -> None:
    x, y = {"x": (50.0, 60.0, 6.0)}, {"y": (50.0, 74.5, 6.0)}
    frames = [x | y, x, y, x | y]
    far_reaching = TrackerConfig(reach_in_steps=0, reach_in_diameters=2.0)
    assert painted(frames).story(far_reaching) == {"0x-1x", "1x~3x", "0y~2y", "2y-3y"}


def test_an_empty_frame_is_a_gap_of_all_cells() -> None:
    frames = [STILL, STILL, {}, STILL]
    assert painted(frames).story() == goes_on(frames) | {f"1{name}~3{name}" for name in STILL}


def test_a_cell_that_jumps_is_found_where_no_other_can_be_meant() -> None:
    y, x, radius = STILL["H"]
    frames = [without(STILL, "I"), without(STILL, "I", "H") | {"H": (y, x + 17, radius)}]
    assert painted(frames).story() == goes_on(frames)


def test_the_stage_drifts() -> None:
    frames = [moved(STILL, 2 * t, -3 * t) for t in range(5)]
    assert painted(frames, shape=(140, 200)).story() == goes_on(frames)


def test_the_stage_jumps_farther_than_cells_stand_apart() -> None:
    frames = [STILL, STILL, moved(STILL, 31, 47), moved(STILL, 31, 47), STILL]
    assert painted(frames, shape=(170, 240)).story() == goes_on(frames)


# a-a-h-a   where h and i are halves of a, in one frame only
#     i
@pytest.mark.parametrize("first", ["h", "i"])
def test_a_cell_cut_in_two_for_a_frame_does_not_divide(first: str) -> None:
    half = {"h": (60.0, 85.4, 5.6), "i": (60.0, 94.6, 5.8)}
    frames = [MOTHER, MOTHER, {first: half[first]} | half, MOTHER, MOTHER]
    graph = painted(frames).tracked()
    assert len(graph.divisions) == 0
    assert len(graph.tracks) == 2
    assert (graph.tracks.end - graph.tracks.begin).max() == 4


# a-a<h-h    where i is lost after a frame, and h stays as small as it was: no half of a cell; or h is lost
#     i
@pytest.mark.parametrize("lost", ["h", "i"])
def test_a_daughter_that_is_lost_at_once_was_one(lost: str) -> None:
    daughters = {"h": (60.0, 83.0, 5.6), "i": (60.0, 97.0, 5.6)}
    frames = [MOTHER, MOTHER, daughters, without(daughters, lost), without(daughters, lost)]
    graph = painted(frames).tracked()
    assert len(graph.divisions) == 1
    assert len(graph.tracks) == 3


@pytest.fixture(scope="module")
def simulated() -> Scene:
    """A movie of growing, wandering, dividing cells, 40 frames."""
    movie = simulate(SimulationSettings(), seed=11)
    return Scene(movie.labels, movie.graph.detections, ())


def places(graph: TrackingGraph) -> set[tuple[float, ...]]:
    """The links and their kinds by where they lie, whatever the labels are."""
    d = graph.detections
    ends = np.stack([d.frame, d.y, d.x], axis=1)[graph.links].reshape(-1, 6)
    return {(*end, kind) for end, kind in zip(ends.round(6).tolist(), graph.kind.tolist(), strict=True)}


def relabelled(labels: LabelImages, seed: int) -> LabelImages:
    """The same cells under other labels, shuffled anew in each frame."""
    rng = np.random.default_rng(seed)
    images = []
    for image in labels:
        lookup: IntArray = np.zeros(image.max() + 1, np.int64)
        present = np.unique(image[image > 0])
        lookup[present] = rng.permutation(len(present)) * 3 + 7
        images.append(lookup[image])
    return LabelImages.from_array(np.stack(images))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_say_nothing(simulated: Scene, seed: int) -> None:
    labels = relabelled(simulated.labels, seed)
    graph = track(labels, measure(labels))
    assert places(graph) == places(simulated.tracked())


# a . c . b   where c is as near to a as to b, across and upright
def test_labels_say_nothing_where_two_choices_are_equally_good() -> None:
    pairs = {"a": (30.0, 30.0, 6.0), "b": (46.0, 30.0, 6.0), "d": (30.0, 90.0, 6.0), "e": (30.0, 106.0, 6.0)}
    between = {"c": (38.0, 30.0, 6.0), "f": (30.0, 98.0, 6.0)}
    stories = [painted([pairs, between], seed=seed).story() for seed in range(8)]
    assert len(stories[0]) == 2
    assert all(story == stories[0] for story in stories)


def test_the_same_movie_gives_the_same_tracking(simulated: Scene) -> None:
    one, other = simulated.tracked(), simulated.tracked()
    np.testing.assert_array_equal(one.links, other.links)
    np.testing.assert_array_equal(one.kind, other.kind)


def test_no_threshold_is_in_pixels(simulated: Scene) -> None:
    larger = LabelImages.from_array(
        np.stack([np.kron(image, np.ones((2, 2), int)) for image in simulated.labels])
    )
    graph = track(larger, measure(larger))
    np.testing.assert_array_equal(graph.links, simulated.tracked().links)
    np.testing.assert_array_equal(graph.kind, simulated.tracked().kind)


def test_detections_without_areas_are_refused() -> None:
    scene = painted([STILL, STILL])
    bare = replace(scene.detections, features={})
    with pytest.raises(InputError, match="detections without areas"):
        track(scene.labels, bare)


def test_detections_beyond_the_label_images_are_refused() -> None:
    scene = painted([STILL, STILL, STILL])
    two = LabelImages.from_array(np.stack(list(scene.labels))[:2])
    with pytest.raises(InputError, match="detections up to frame 2, but 2 label images"):
        track(two, scene.detections)
