"""Measured features against scikit-image, which measures one cell at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from skimage.measure import regionprops

from ingest.errors import InputError
from ingest.measure import measure, measure_frame
from ingest.movie import LabelImages, Movie, open_labels, open_movie

T = TypeVar("T")
Labels = npt.NDArray[np.int32]


def crowd(*, seed: int, cells: int = 40) -> Labels:
    """Random ellipses that overlap, touch and leave the image, with gaps between their numbers."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:90, :130]
    labels = np.zeros(y.shape, np.int32)
    for number in rng.permutation(np.arange(5, 5 + 3 * cells, 3)):
        (cy, cx), (ry, rx), angle = rng.random(2) * y.shape, rng.uniform(2, 13, 2), rng.random() * np.pi
        along, across = np.cos(angle), np.sin(angle)
        u, v = along * (x - cx) + across * (y - cy), along * (y - cy) - across * (x - cx)
        labels[np.hypot(u / rx, v / ry) < 1] = number
    return labels


def assert_agrees(labels: Labels, image: npt.NDArray[np.float64]) -> None:
    """Every feature of every cell equals what `regionprops` says of it."""
    found, features = measure_frame(labels, image)
    cells = regionprops(labels, np.moveaxis(image, 0, -1))  # type: ignore[no-untyped-call]
    np.testing.assert_array_equal(found, [cell.label for cell in cells])
    exact = {
        "area": [cell.area for cell in cells],
        **{
            f"bbox_{side}": [cell.bbox[corner] for cell in cells]
            for corner, side in enumerate(("y0", "x0", "y1", "x1"))
        },
    }
    for name, expected in exact.items():
        np.testing.assert_array_equal(features[name], expected, err_msg=name)
    close = {
        "y": [cell.centroid[0] for cell in cells],
        "x": [cell.centroid[1] for cell in cells],
        "perimeter": [cell.perimeter for cell in cells],
        "eccentricity": [cell.eccentricity for cell in cells],
        **{f"mean_{c}": [cell.intensity_mean[c] for cell in cells] for c in range(len(image))},
        **{f"sd_{c}": [cell.intensity_std[c] for cell in cells] for c in range(len(image))},
    }
    for name, expected in close.items():
        np.testing.assert_allclose(features[name], expected, atol=1e-6, err_msg=name)
    assert features.keys() == exact.keys() | close.keys()


@pytest.mark.parametrize("seed", range(5))
def test_touching_cells_and_cells_at_the_edge_agree_with_regionprops(seed: int) -> None:
    labels = crowd(seed=seed)
    image = np.random.default_rng(seed).normal(1000, 30, (2, *labels.shape))
    assert (labels[0] > 0).any()
    assert (labels[:, -1] > 0).any()
    assert_agrees(labels, image)


def test_an_image_that_one_cell_fills_agrees_with_regionprops() -> None:
    assert_agrees(np.full((7, 11), 3, np.int32), np.arange(77.0).reshape(1, 7, 11))


def test_a_pixel_a_line_and_a_cell_in_two_pieces_agree_with_regionprops() -> None:
    labels = np.zeros((12, 20), np.int32)
    labels[3, 4], labels[6, 2:17], labels[8:11, 1:4], labels[8:11, 9:15] = 900_000, 2, 7, 7
    assert_agrees(labels, np.ones((1, 12, 20)))


@pytest.mark.parametrize("shape", [(1, 90), (90, 1), (1, 1)])
def test_frames_a_pixel_high_or_wide_agree_with_regionprops(shape: tuple[int, int]) -> None:
    labels = crowd(seed=4)[: shape[0], : shape[1]]
    assert_agrees(np.where(labels > 0, labels, 3), np.random.default_rng(0).normal(9, 1, (1, *shape)))


def test_labels_lie_in_memory_as_they_like() -> None:
    labels = crowd(seed=1)
    expected = measure_frame(labels, None)[1]
    for same in (np.asfortranarray(labels), labels[::-1].copy()[::-1], np.repeat(labels, 2, 1)[:, ::2]):
        for name, column in measure_frame(same, None)[1].items():
            np.testing.assert_array_equal(column, expected[name], err_msg=name)


def test_large_values_lose_no_precision() -> None:
    labels = crowd(seed=3)
    assert_agrees(labels, np.random.default_rng(0).normal(60_000, 1e-2, (1, *labels.shape)))


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        ("u1", 1),
        ("u2", 500),
        (">u2", 500),
        ("i2", 250),
        *((dtype, 15_000_000) for dtype in ("u4", "i8", "u8")),
    ],
)
def test_labels_of_any_type_and_size_are_measured_alike(dtype: str, scale: int) -> None:
    found, features = measure_frame(crowd(seed=1).astype(dtype) * np.array(scale, dtype), None)
    expected, as_expected = measure_frame(crowd(seed=1), None)
    np.testing.assert_array_equal(found, expected * scale)
    for name, column in features.items():
        np.testing.assert_array_equal(column, as_expected[name], err_msg=name)


def test_no_label_images_are_refused() -> None:
    with pytest.raises(InputError, match="no label images"):
        measure(LabelImages.from_array(np.zeros((0, 5, 9), np.int32)))


def test_a_frame_without_cells_has_every_column_empty() -> None:
    found, features = measure_frame(np.zeros((5, 9), np.int32), np.ones((2, 5, 9), np.uint16))
    assert found.shape == (0,)
    assert {"y", "area", "bbox_x1", "mean_1", "sd_1"} <= features.keys()
    assert all(column.shape == (0,) for column in features.values())


def test_a_movie_gives_rows_by_frame_and_label_in_pixels_and_micrometres() -> None:
    masks = np.stack([crowd(seed=1), np.zeros((90, 130), np.int32), crowd(seed=2)])
    image = np.random.default_rng(0).integers(0, 4000, (3, 2, 90, 130), np.uint16)
    movie = Movie.from_array(image, name="crowd", axes="TCYX", pixel_size=0.5)

    detections = measure(LabelImages.from_array(masks), movie)

    assert set(detections.frame) == {0, 2}
    label, features = measure_frame(masks[2], image[2])
    rows = detections.frame_slice(2)
    np.testing.assert_array_equal(detections.label[rows], label)
    np.testing.assert_array_equal(detections.y[rows], features["y"])
    np.testing.assert_array_equal(detections.features["mean_1"][rows], features["mean_1"])
    np.testing.assert_array_equal(detections.features["y_um"], detections.y * 0.5)
    np.testing.assert_array_equal(detections.features["area_um2"], detections.features["area"] * 0.25)
    np.testing.assert_array_equal(detections.features["perimeter_um"], detections.features["perimeter"] * 0.5)


def test_without_a_movie_only_shapes_are_measured() -> None:
    detections = measure(LabelImages.from_array(crowd(seed=1)[np.newaxis]))
    assert set(detections.features) == {
        *("area", "perimeter", "eccentricity"),
        *("bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"),
    }


def test_without_a_pixel_size_there_are_no_micrometres() -> None:
    movie = Movie.from_array(np.ones((1, 90, 130), np.uint8), name="uncalibrated")
    detections = measure(LabelImages.from_array(crowd(seed=1)[np.newaxis]), movie)
    assert not [name for name in detections.features if "um" in name]


class Listener:
    """A `Progress` that remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int | None]] = []

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        self.heard.append((description, total))
        return iter(items)


def test_progress_hears_of_the_frames() -> None:
    listener = Listener()
    measure(LabelImages.from_array(np.stack([crowd(seed=1)] * 3)), progress=listener)
    assert listener.heard == [("Measuring", 3)]


@pytest.mark.parametrize("shape", [(2, 90, 130), (1, 90, 131)])
def test_a_movie_of_another_shape_is_refused(shape: tuple[int, int, int]) -> None:
    movie = Movie.from_array(np.zeros(shape, np.uint8), name="other movie")
    with pytest.raises(
        InputError, match=f"1 frames of 90×130.*{shape[0]} frames of {shape[1]}×{shape[2]}; .* of other movie"
    ):
        measure(LabelImages.from_array(crowd(seed=1)[np.newaxis]), movie)


@pytest.mark.data
def test_real_nuclei_agree_with_regionprops(data_folder: Path) -> None:
    movie = open_movie(data_folder / "ctc/Fluo-N2DL-HeLa/01")
    labels = open_labels(data_folder / "ctc/Fluo-N2DL-HeLa/01_ST/SEG")
    assert_agrees(labels.frame(91), movie.frame(91).astype(np.float64))
