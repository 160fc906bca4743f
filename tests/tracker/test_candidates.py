import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ingest.errors import LineageError
from ingest.measure import measure
from ingest.movie import LabelImages
from tests.tracker.painting import crowd, moved, painted
from tracker.candidates import Candidates, CellRuns, frame_candidates, near_pairs, shared_pixels
from tracker.cells import Cells

LabelImage = npt.NDArray[np.int32]
SMALL = arrays(np.int32, (5, 7), elements=st.integers(0, 3))


def counted(before: LabelImage, after: LabelImage, dy: int, dx: int) -> dict[tuple[int, int], int]:
    """Shared pixels, one pixel at a time."""
    counts: dict[tuple[int, int], int] = {}
    height, width = before.shape
    for y in range(height):
        for x in range(width):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                pair = int(before[y, x]), int(after[y + dy, x + dx])
                counts[pair] = counts.get(pair, 0) + 1
    return {pair: count for pair, count in counts.items() if all(pair)}


@given(before=SMALL, after=SMALL, dy=st.integers(-6, 6), dx=st.integers(-8, 8))
def test_shared_pixels_are_those_that_a_plain_look_counts(
    before: LabelImage, after: LabelImage, dy: int, dx: int
) -> None:
    first, second, pixels = shared_pixels(CellRuns.of(before), CellRuns.of(after).moved(np.array([-dy, -dx])))
    sums: dict[tuple[int, int], int] = {}
    for a, b, count in zip(first.tolist(), second.tolist(), pixels.tolist(), strict=True):
        sums[a, b] = sums.get((a, b), 0) + count
    assert sums == counted(before, after, dy, dx)


def test_near_pairs_are_all_within_the_radius_and_no_others() -> None:
    rng = np.random.default_rng(1)
    cells = Cells(np.arange(60), np.repeat([0, 1], [35, 25]), rng.uniform(0, 50, (60, 2)), np.ones(60))
    pairs = near_pairs(cells, cells.in_frame(0), cells.in_frame(1), 12.5)
    distance = np.linalg.norm(cells.position[:35, None] - cells.position[None, 35:], axis=2)
    source, target = np.nonzero(distance <= 12.5)
    np.testing.assert_array_equal(pairs.source, source)
    np.testing.assert_array_equal(pairs.target, target + 35)
    np.testing.assert_allclose(pairs.distance, distance[source, target])


def test_the_overlap_of_pairs_that_are_too_far_apart_goes_to_no_other() -> None:
    """Long cells share pixels, though their centroids are farther apart than the radius."""
    images = np.zeros((2, 30, 90), np.int32)
    images[0, 2:4, 5:65], images[0, 20:26, 40:46] = 1, 2
    images[1, 2:4, 25:85], images[1, 20:26, 42:48] = 1, 2  # 20 and 2 pixels farther
    labels = LabelImages.from_array(images)
    detections = measure(labels)
    (found,) = frame_candidates(labels, detections, Cells.of(detections), np.zeros((2, 2)), 10.0)
    assert (len(found), found.distance.tolist(), found.overlap.tolist()) == (1, [2.0], [24.0])


@pytest.mark.parametrize("dtype", ["u1", ">u2", "u4", "i8", "u8"])
def test_label_images_of_any_type_overlap_alike(dtype: str) -> None:
    still = crowd(12, seed=2)
    scene = painted([still, moved(still, 2, 3)], shape=(120, 200))
    cells, shift = Cells.of(scene.detections), np.zeros((2, 2))
    labels = LabelImages.from_array(np.stack(list(scene.labels)).astype(dtype))
    (found,) = frame_candidates(labels, scene.detections, cells, shift, 9.0)
    (expected,) = frame_candidates(scene.labels, scene.detections, cells, shift, 9.0)
    np.testing.assert_array_equal(found.overlap, expected.overlap)


def test_overlap_and_distance_leave_out_the_move_of_the_field() -> None:
    still = crowd(12, seed=2)
    scene = painted([still, moved(still, -9, 14)], shape=(120, 200))
    cells, shift = Cells.of(scene.detections), np.array([[0.0, 0.0], [-9.0, 14.0]])
    (pairs,) = frame_candidates(scene.labels, scene.detections, cells.registered(shift), shift, 5.0)
    assert len(pairs) == 12
    np.testing.assert_allclose(pairs.distance, 0, atol=1e-9)
    np.testing.assert_array_equal(pairs.overlap, cells.area[pairs.source])


@pytest.mark.parametrize("at_once", [1, 12, 25, 36])
def test_near_cells_of_some_frames_together_are_those_of_each(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = crowd(12, seed=2)
    scene = painted([{}, still, moved(still, 1, 2), {}, still, still], shape=(120, 200))
    cells, shift = Cells.of(scene.detections), np.zeros((6, 2))
    expected = list(frame_candidates(scene.labels, scene.detections, cells, shift, 40.0))
    monkeypatch.setattr("tracker.candidates.AT_ONCE", at_once)
    found = list(frame_candidates(scene.labels, scene.detections, cells, shift, 40.0))
    assert [len(pairs) > 0 for pairs in found] == [False, True, False, False, True]
    for pairs, others in zip(found, expected, strict=True):
        np.testing.assert_array_equal(pairs.source, others.source)
        np.testing.assert_array_equal(pairs.target, others.target)
        np.testing.assert_array_equal(pairs.overlap, others.overlap)
        assert (cells.frame[pairs.target] == cells.frame[pairs.source] + 1).all()


def test_a_cell_that_is_no_detection_is_named() -> None:
    images = np.zeros((2, 6, 8), np.int32)
    images[:, 1:4, 1:4] = 5
    known = measure(LabelImages.from_array(images))
    images[1, 2:4, 3:6] = 7
    changed = LabelImages.from_array(images)
    with pytest.raises(LineageError, match="frame 1: label 7 is in the label image, but no detection"):
        list(frame_candidates(changed, known, Cells.of(known), np.zeros((2, 2)), 4.0))


def test_joined_candidates_keep_their_order() -> None:
    one = Candidates(np.array([4]), np.array([9]), np.array([1.5]), np.array([3.0]))
    other = Candidates(np.array([2, 3]), np.array([8, 7]), np.array([2.5, 0.5]), np.array([0.0, 6.0]))
    joined = Candidates.joined([one, other])
    assert joined.source.tolist() == [4, 2, 3]
    assert joined.where(np.array([True, False, True])).overlap.tolist() == [3.0, 6.0]
    assert len(Candidates.joined([])) == 0
