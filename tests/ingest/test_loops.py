"""The loops in C against the NumPy that stands in for them."""

import shutil
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ingest.compile_loops import COMPILERS
from ingest.label_runs import cell_runs
from ingest.loops import compiled
from ingest.measure import measure_frame
from tracker.crops import SIDE, frame_crops

LABELS = st.tuples(st.integers(1, 9), st.integers(1, 150)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 3))
)
TYPES = st.sampled_from(["u1", "u2", ">u2", "i4", "u4", "i8", "u8"])
PIXELS = st.sampled_from(["u1", "u2", ">u2", "i2", "i4", "f4", "f8"])
BY_NUMPY = "ingest.measure.compiled", "ingest.label_runs.compiled", "tracker.crops.compiled"

pytestmark = pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C compiler")


def test_the_loops_were_compiled_when_cellkin_was_installed() -> None:
    assert compiled() is not None, "make install"


def random_image(shape: tuple[int, int], dtype: str, seed: int) -> npt.NDArray[np.generic]:
    return np.random.default_rng(seed).uniform(3, 250, shape).astype(dtype)


@given(labels=LABELS, dtype=TYPES, pixel=PIXELS, seed=st.integers(0, 99))
def test_cells_are_measured_alike_to_the_last_bit(
    labels: npt.NDArray[np.uint8], dtype: str, pixel: str, seed: int
) -> None:
    labels, image = labels.astype(dtype), random_image(labels.shape, pixel, seed)
    found, features = measure_frame(labels, image[np.newaxis])
    with patch(BY_NUMPY[0], lambda: None), patch(BY_NUMPY[1], lambda: None):
        expected, as_expected = measure_frame(labels, image[np.newaxis])
    np.testing.assert_array_equal(found, expected)
    for name, column in as_expected.items():
        np.testing.assert_array_equal(features[name], column, err_msg=name, strict=True)


@given(
    labels=LABELS,
    dtype=TYPES,
    pixel=PIXELS,
    diameter=st.floats(0.1, 90),
    place=arrays(np.float64, (5, 2), elements=st.floats(-9, 40)),
)
def test_crops_are_cut_alike_to_the_last_bit(
    labels: npt.NDArray[np.uint8], dtype: str, pixel: str, diameter: float, place: npt.NDArray[np.float64]
) -> None:
    labels, image = labels.astype(dtype), random_image(labels.shape, pixel, seed=4)
    label = np.arange(1, 6)
    cut = frame_crops(labels, image, label, place, diameter)
    with patch(BY_NUMPY[2], lambda: None):
        expected = frame_crops(labels, image, label, place, diameter)
    assert cut.shape == (5, 2, SIDE, SIDE)
    np.testing.assert_array_equal(cut, expected, strict=True)


def test_more_runs_than_were_expected() -> None:
    labels = np.arange(1, 1 + 60 * 80, dtype=np.uint16).reshape(60, 80)  # each pixel is a cell
    begin, end = cell_runs(labels)
    np.testing.assert_array_equal(begin, np.arange(labels.size))
    np.testing.assert_array_equal(end, begin + 1)


def test_a_label_that_the_image_cannot_hold_is_not_in_it() -> None:
    labels = np.full((5, 7), 44, np.uint8)
    (cut,) = frame_crops(labels, None, np.array([300]), np.array([[2.0, 3.0]]), 9.6)
    assert set(np.unique(cut[1])) == {-1, 0}


def test_an_image_smaller_than_the_labels_is_refused() -> None:
    loops = compiled()
    assert loops is not None
    labels = np.ones((30, 40), np.uint8)
    begin, end = loops.runs(labels)
    with pytest.raises(AssertionError, match="smaller than the labels"):
        loops.intensities(labels[:9], begin, end, np.zeros(len(begin), np.int64), np.array([1200.0]))


def test_cells_of_any_number_are_cut_alike() -> None:
    """NumPy cuts some thousand at a time."""
    rng = np.random.default_rng(0)
    labels, label = rng.integers(0, 900, (64, 80)), rng.integers(1, 900, 3000)
    place, image = rng.uniform(0, 80, (3000, 2)), random_image(labels.shape, "u2", seed=1)
    cut = frame_crops(labels, image, label, place, 11.0)
    with patch(BY_NUMPY[2], lambda: None):
        np.testing.assert_array_equal(cut, frame_crops(labels, image, label, place, 11.0))
