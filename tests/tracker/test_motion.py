import numpy as np
import pytest

from ingest.tracking_graph import FloatArray
from tracker.cells import Cells
from tracker.motion import measure_motion, mutual_nearest

DIAMETER = 10.0


def field(count: int, seed: int = 0) -> FloatArray:
    """(count, 2) cells that do not touch, in a field wider than high."""
    lattice = (
        np.stack(np.meshgrid(np.arange(20), np.arange(30), indexing="ij"), axis=-1).reshape(-1, 2) * 16.0
    )
    rng = np.random.default_rng(seed)
    return rng.permutation(lattice)[:count] + rng.uniform(-3, 3, (count, 2))


def walked(places: FloatArray, step: float, seed: int = 1) -> FloatArray:
    return places + np.random.default_rng(seed).normal(0, step, places.shape)


def two_frames(before: FloatArray, after: FloatArray, diameter: float = DIAMETER) -> Cells:
    """Cells at these places in frame 0 and in frame 1."""
    place = np.concatenate([before, after])
    frame = np.repeat([0, 1], [len(before), len(after)])
    return Cells(np.arange(len(place)), frame, place, np.full(len(place), np.pi * diameter**2 / 4))


def field_shift(before: FloatArray, after: FloatArray, diameter: float = DIAMETER) -> FloatArray:
    """(2,) how far the field is found to stand off in the second frame."""
    moved: FloatArray = measure_motion(two_frames(before, after, diameter), 2).shift[1]
    return moved


def test_a_slow_drift_is_the_median_of_the_steps() -> None:
    before = field(200)
    after = walked(before, 0.5) + np.array([1.5, -0.7])
    np.testing.assert_allclose(field_shift(before, after), [1.5, -0.7], atol=0.15)


@pytest.mark.parametrize("jump", [(70.0, -40.0), (-9.0, 130.0), (13.0, 8.0)])
def test_a_jump_of_the_stage_is_found(jump: tuple[float, float]) -> None:
    before = field(150)
    after = walked(before, 0.8)[20:] + jump  # and 20 cells are gone
    np.testing.assert_allclose(field_shift(before, after), jump, atol=0.5)


def test_cells_that_wander_each_on_their_own_are_no_drift() -> None:
    before = field(300)
    np.testing.assert_array_equal(field_shift(before, walked(before, 2.0)), [0, 0])


def test_cells_that_are_all_new_are_no_jump() -> None:
    np.testing.assert_array_equal(field_shift(field(40, seed=3), field(40, seed=4) + 500, 2.0), [0, 0])


def test_few_cells_that_move_are_no_drift() -> None:
    before = field(4)
    np.testing.assert_array_equal(field_shift(before, before + np.array([30, 3])), [0, 0])
    np.testing.assert_array_equal(field_shift(before[:0], before), [0, 0])


def test_mutual_nearest_neighbours() -> None:
    before = np.array([[0.0, 0.0], [0.0, 10.0], [50.0, 0.0]])
    after = np.array([[0.0, 4.0], [49.0, 0.0]])
    source, target = mutual_nearest(two_frames(before, after), np.zeros((2, 2)))
    assert source.tolist() == [0, 2]
    assert target.tolist() == [3, 4]


def test_nearest_neighbours_are_those_of_the_next_frame() -> None:
    """Each two frames have a move of their own; where a frame has no cells, those before it go nowhere."""
    places = field(60)
    drift = np.array([[4.0, 0.0], [0.0, -5.0], [0.0, 0.0], [0.0, 0.0], [900.0, 900.0]])
    frames = [places, places + drift[0], places + drift[0] + drift[1], places[:0], places]
    cells = Cells(
        np.arange(240),
        np.repeat(np.arange(5), [len(frame) for frame in frames]),
        np.concatenate(frames),
        np.ones(240),
    )
    source, target = mutual_nearest(cells, drift)
    np.testing.assert_array_equal(source, np.arange(120))
    np.testing.assert_array_equal(target, np.arange(60, 180))


def test_cells_before_and_after_a_frame_without_any_have_no_nearest() -> None:
    places = field(60)
    cells = Cells(np.arange(120), np.repeat([0, 2], 60), np.concatenate([places, places]), np.ones(120))
    source, target = mutual_nearest(cells, np.zeros((3, 2)))
    assert (len(source), len(target)) == (0, 0)


def test_each_two_frames_jump_on_their_own() -> None:
    """By the quorum of their own cells: few in the first two frames, many in the others."""
    few, many = field(12), field(200, seed=5)
    move = np.array([70.0, -40.0])
    frames = [few, few + move, many, many + move, many + move]
    cells = Cells(
        np.arange(sum(map(len, frames))),
        np.repeat(np.arange(5), [len(frame) for frame in frames]),
        np.concatenate(frames),
        np.full(sum(map(len, frames)), np.pi * DIAMETER**2 / 4),
    )
    shift = np.diff(measure_motion(cells, 5).shift, axis=0)
    np.testing.assert_allclose(shift[[0, 2, 3]], np.stack([move, move, 0 * move]), atol=0.5)


def test_a_drift_is_the_middle_of_an_even_number_of_steps() -> None:
    before = field(6)
    step = np.array([2.0, 2.0, 2.0, 2.2, 2.2, 2.2])
    after = before + np.stack([step, np.zeros(6)], axis=1)
    np.testing.assert_allclose(field_shift(before, after), [2.1, 0])


def test_scales_of_a_movie() -> None:
    places = field(250)
    frames = [places, walked(places, 1.0, 1) + np.array([3, 0]), walked(places, 1.0, 2) + np.array([8, -2])]
    cells = Cells(np.arange(750), np.repeat([0, 1, 2], 250), np.concatenate(frames), np.full(750, np.pi * 25))
    motion = measure_motion(cells, 4)
    assert motion.diameter == pytest.approx(10)
    np.testing.assert_allclose(motion.shift, [[0, 0], [3, 0], [8, -2], [8, -2]], atol=0.3)
    # steps of 1.0 and of 1.0·√2 in either direction: the 95th percentile of such distances
    rayleigh = np.random.default_rng(0).rayleigh(np.repeat([1.0, np.sqrt(2)], 10_000))
    assert motion.step == pytest.approx(np.percentile(rayleigh, 95), rel=0.1)


def test_a_movie_without_cells_has_no_scales() -> None:
    none = Cells(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0))
    motion = measure_motion(none, 3)
    assert (motion.step, motion.diameter) == (0, 0)
    np.testing.assert_array_equal(motion.shift, np.zeros((3, 2)))
