"""Joint histograms of label images."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from graph.scores.overlaps import BLOCK, count_frame, count_overlaps
from ingest.errors import InputError
from ingest.movie import LabelImages

Image = npt.NDArray[np.int32]
labels = hnp.arrays(np.int32, (5, 7), elements=st.sampled_from([0, 0, 1, 2, 40_000, 2**31 - 1]))


@settings(deadline=None)
@given(labels, labels)
def test_frame_counts_each_pair_of_labels_as_a_look_at_every_pixel_does(first: Image, second: Image) -> None:
    expected: dict[tuple[int, int], int] = {}
    for pair in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        if pair != (0, 0):
            expected[pair] = expected.get(pair, 0) + 1
    reference, computed, pixels, _, _ = (column.tolist() for column in count_frame(first, second))
    assert list(zip(zip(reference, computed, strict=True), pixels, strict=True)) == sorted(expected.items())


@settings(deadline=None)
@given(labels, labels)
def test_cells_are_measured_on_the_way(first: Image, second: Image) -> None:
    images = LabelImages.from_array(first[None]), LabelImages.from_array(second[None])
    for image, found in zip((first, second), count_overlaps(*images).detections(), strict=True):
        assert found.label.tolist() == np.unique(image[image > 0]).tolist()
        for row, label in enumerate(found.label):
            y, x = np.nonzero(image == label)
            assert found.features["area"][row] == len(y)
            np.testing.assert_allclose((found.y[row], found.x[row]), (y.mean(), x.mean()))


def test_runs_may_reach_the_last_pixel_and_cross_the_end_of_a_row() -> None:
    first = np.array([[0, 3, 3], [3, 3, 3]], np.uint8)
    second = np.array([[0, 0, 7], [7, 7, 7]], np.uint16)
    columns = [column.tolist() for column in count_frame(first, second)]
    assert columns == [[3, 3], [0, 7], [1, 4], [0, 3 / 4], [1, (2 + 0 + 1 + 2) / 4]]


def test_frame_without_pixels_has_no_pairs() -> None:
    nothing = np.zeros((0, 4), np.int32)
    assert [column.size for column in count_frame(nothing, nothing)] == [0] * 5


def test_large_frame_is_looked_at_in_blocks() -> None:
    height = 3 * BLOCK // 200 + 5
    image = np.zeros((height, 200), np.uint16)
    image[1:-1, 5:195] = 9
    label, _, pixels, y, x = (column.tolist() for column in count_frame(image, image))
    assert (label, pixels, y, x) == ([9], [(height - 2) * 190], [(height - 1) / 2], [99.5])


def test_movie_keeps_the_order_of_its_frames_whatever_the_number_of_workers() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 4, (2, 9, 6, 5), dtype=np.int32)
    first[4] = second[4] = 0
    one = count_overlaps(LabelImages.from_array(first), LabelImages.from_array(second), workers=1)
    four = count_overlaps(LabelImages.from_array(first), LabelImages.from_array(second), workers=4)
    assert np.all(np.diff(one.frame) >= 0)
    assert 4 not in one.frame
    for name in ("frame", "reference", "computed", "pixels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(four, name))


def test_movie_without_frames_is_refused() -> None:
    nothing = LabelImages.from_array(np.zeros((0, 4, 5), np.int32))
    with pytest.raises(InputError, match="no frames"):
        count_overlaps(nothing, nothing)


@pytest.mark.parametrize(
    ("shape", "words"), [((2, 6, 5), "3 frames.*2"), ((3, 6, 4), r"\(6, 5\) pixels.*\(6, 4\)")]
)
def test_movies_of_different_shape_are_refused(shape: tuple[int, int, int], words: str) -> None:
    first = LabelImages.from_array(np.zeros((3, 6, 5), np.int32))
    second = LabelImages.from_array(np.zeros(shape, np.int32))
    with pytest.raises(InputError, match=words):
        count_overlaps(first, second)


@pytest.mark.parametrize("frames", [8, 120])
def test_memory_is_that_of_a_few_frames_whatever_the_length_of_the_movie(frames: int) -> None:
    def draw(t: int) -> npt.NDArray[np.int32]:
        image = np.zeros((400, 500), np.int32)
        image[10 : 20 + t, 10:90] = t + 1
        return image

    images = LabelImages((frames, 400, 500), draw)
    tracemalloc.start()
    try:
        found = count_overlaps(images, images, workers=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.frame) == frames
    assert peak < 10 * 400 * 500 * 4, "two workers, each with two frames and what is looked at of them"
