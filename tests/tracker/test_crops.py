"""Small pictures of cells: where they are cut, what they show, and how bright."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ingest.errors import InputError
from ingest.measure import measure
from ingest.movie import LabelImages, Movie
from tests.tracker.networks import as_movie
from tests.tracker.painting import painted
from tracker.cells import Cells
from tracker.crops import FIELD, SIDE, Light, crops, frame_crops

DIAMETER = SIDE / FIELD
"""Of cells whose crops have the movie's own pixels."""


def square(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> npt.NDArray[np.int32]:
    """(Y, X) label image of boxes y, x, height, width, labelled 1, 2 and so on."""
    labels = np.zeros(shape, np.int32)
    for label, (y, x, height, width) in enumerate(boxes, start=1):
        labels[y : y + height, x : x + width] = label
    return labels


def crop(
    labels: npt.NDArray[np.int32],
    image: npt.NDArray[np.float32] | None,
    place: tuple[float, float],
    diameter: float = DIAMETER,
) -> npt.NDArray[np.float32]:
    """(2, 24, 24) of the cell with label 1, at a place."""
    (found,) = frame_crops(labels, image, np.array([1]), np.array([place]), diameter)
    cut: npt.NDArray[np.float32] = found
    return cut


def test_a_hot_pixel_is_a_number_in_half_precision() -> None:
    labels = square((40, 40), (10, 10, 9, 9))
    frame = np.where(labels > 0, 0.8, 0.1).astype(np.float32)
    frame[14, 14] = 1e6
    images = LabelImages.from_array(labels[np.newaxis])
    detections = measure(images)
    (cut,) = crops(images, as_movie(frame[np.newaxis]), detections, Cells.of(detections))
    assert torch.isfinite(cut.half()).all()
    assert cut[0, 0].max() > 100


def test_the_cell_is_1_others_are_minus_1() -> None:
    labels = square((50, 70), (18, 27, 4, 8), (25, 33, 3, 2), (5, 60, 9, 9))
    mask = crop(labels, None, (19.5, 30.5))[1]
    expected = np.zeros((SIDE, SIDE))
    expected[10:14, 8:16] = 1  # the place is between the crop's middle pixels
    expected[17:20, 14:16] = -1
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (13, 12)])
@pytest.mark.parametrize("block", [2, 5, 60])
def test_of_large_cells_means_are_seen(shape: tuple[int, int], block: int) -> None:
    """Over blocks of pixels, which the last row and column fill where they are cut off."""
    image = np.random.default_rng(block).integers(64_000, 65_536, shape).astype(np.uint16)
    middle = block - 0.5  # of the first two blocks: the crop's pixels lie on the blocks' middles
    (found,) = frame_crops(
        np.ones(shape, np.int32), image, np.array([1]), np.array([[middle, middle]]), block * DIAMETER
    )
    filled = np.pad(image, [(0, -length % block) for length in shape], mode="edge").astype(np.float64)
    means = filled.reshape(len(filled) // block, block, -1, block).mean(axis=(1, 3))
    y, x = (np.clip(np.arange(SIDE) - 11, 0, length - 1) for length in means.shape)
    np.testing.assert_allclose(found[0], means[np.ix_(y, x)], rtol=1e-6)


def test_without_an_image_nothing_is_bright() -> None:
    assert not crop(square((50, 70), (18, 27, 4, 8)), None, (19.5, 30.5))[0].any()


def test_the_image_is_that_of_the_same_place() -> None:
    image = np.arange(50 * 70, dtype=np.float32).reshape(50, 70)
    found = crop(square((50, 70), (18, 27, 4, 8)), image, (19.5, 30.5))[0]
    np.testing.assert_allclose(found, image[8:32, 19:43], rtol=1e-5)


def test_between_pixels_the_image_is_linear() -> None:
    y, x = np.mgrid[:50, :70].astype(np.float32)
    found = crop(square((50, 70), (18, 27, 4, 8)), 3 * y + 7 * x, (19.8, 30.3))[0]
    offset = np.arange(SIDE) - (SIDE - 1) / 2
    plane = 3 * (19.8 + offset)[:, None] + 7 * (30.3 + offset)
    np.testing.assert_allclose(found, plane, rtol=1e-5)


# the cell lies in the upper right corner: most of its crop is beyond the image
def test_a_cell_at_the_border() -> None:
    image = np.full((50, 70), 2.0, np.float32)
    image[0:4, 66:70] = 5.0
    found, mask = crop(square((50, 70), (0, 66, 4, 4)), image, (1.5, 67.5), DIAMETER)
    assert mask.sum() == 16
    assert not mask[:, 14:].any()  # beyond the image is no cell
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0, 20], 5.0)  # what lies at the edge goes on beyond it
    np.testing.assert_allclose(found[20, 2], 2.0)


@pytest.mark.parametrize("times", [2, 3, 5])
def test_large_cells_look_like_small_ones(times: int) -> None:
    """Noise is averaged over what one pixel of the crop covers, so it does not alias."""
    labels = square((50, 70), (18, 27, 4, 8))
    image = (np.random.default_rng(2).normal(0, 1, labels.shape) + 9 * labels).astype(np.float32)
    y, x = 19.5, 30.5
    large_place = times * y + (times - 1) / 2, times * x + (times - 1) / 2
    grown = np.kron(image, np.ones((times, times), np.float32))
    found = crop(np.kron(labels, np.ones((times, times), np.int32)), grown, large_place, times * DIAMETER)
    np.testing.assert_array_equal(found[1], crop(labels, image, (y, x))[1])
    np.testing.assert_allclose(found[0], crop(labels, image, (y, x))[0], atol=1e-3)


def lit(image: npt.NDArray[np.generic], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """(Y, X) intensities, relative to the frame's light."""
    return Light.of(image, labels).relative(image.astype(np.float32))


def test_intensities_are_relative_to_the_ground() -> None:
    labels = square((60, 80), (8, 12, 20, 24), (40, 40, 12, 16))
    image = np.full(labels.shape, 130, np.uint16)
    image[labels == 1], image[labels == 2] = 330, 30
    relative = lit(image, labels)
    np.testing.assert_allclose(relative[labels == 0], 0)
    np.testing.assert_allclose(relative[labels == 1], 1)
    np.testing.assert_allclose(relative[labels == 2], -0.5)


def test_one_in_twenty_pixels_of_the_cells_is_brighter_than_1() -> None:
    labels = square((240, 320), (10, 10, 200, 300))
    image = np.where(labels > 0, np.random.default_rng(3).integers(1, 60_000, labels.shape), 0)
    share = (lit(image.astype(np.uint16), labels)[labels == 1] > 1).mean()
    assert share == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("pixels", [1, 2, 7, 8])
def test_the_ground_is_the_median_between_the_cells(pixels: int) -> None:
    image = np.zeros((4, 4 * (pixels + 1)), np.float32)
    image[0, ::4] = np.random.default_rng(pixels).permutation(pixels + 1) ** 2  # those that are sampled
    labels = square(image.shape, (0, 0, 1, 1))
    assert Light.of(image, labels).ground == np.median(image[0, 4::4])


def test_a_frame_full_of_cells_and_one_without_contrast() -> None:
    full = np.ones((20, 24), np.int32)
    assert lit(np.linspace(3, 9, 480).reshape(20, 24), full).min() == 0
    assert not lit(np.full((20, 24), 7), square((20, 24), (4, 4, 6, 7))).any()


def test_cells_too_small_to_be_sampled() -> None:
    """Three pixels that lie between those which are looked at: they are bright all the same."""
    labels = square((40, 44), (5, 9, 3, 1))
    relative = lit(np.where(labels, 5000, 1000).astype(np.uint16), labels)
    np.testing.assert_allclose(relative[labels == 1], 1)


def test_each_frame_in_the_order_of_the_cells() -> None:
    frames = [{"a": (60.0, 40.0, 7.0), "b": (20.0, 90.0, 8.0)}, {}, {"c": (30.0, 50.0, 6.0)}]
    scene = painted(frames, seed=3)
    movie = as_movie(np.stack([np.where(image, 40 * (t + 1), 10) for t, image in enumerate(scene.labels)]))
    found = list(crops(scene.labels, movie, scene.detections, Cells.of(scene.detections)))
    assert [tuple(part.shape) for part in found] == [(2, 2, 24, 24), (0, 2, 24, 24), (1, 2, 24, 24)]
    own = [(part[:, 1] > 0).sum((1, 2)).tolist() for part in found]
    assert own[0][0] > own[0][1]  # b, which lies above a, is larger
    torch.testing.assert_close(found[0][:, 0, 12, 12], torch.ones(2))


def test_crops_are_of_the_channel_that_shows_the_cells() -> None:
    scene = painted([{"a": (60.0, 40.0, 7.0)}])
    pixels = np.random.default_rng(0).integers(0, 200, (1, 2, 120, 180))
    movie = Movie.from_array(pixels, name="two", axes="TCYX").with_cells_in("1")
    alone = Movie.from_array(pixels[:, 1], name="one")
    found, expected = (
        next(crops(scene.labels, shown, scene.detections, Cells.of(scene.detections)))
        for shown in (movie, alone)
    )
    torch.testing.assert_close(found, expected)


def test_a_frame_that_cannot_be_read_says_so() -> None:
    scene = painted([{"a": (60.0, 40.0, 7.0)}] * 4)
    frames = np.zeros((4, 120, 180))
    frames[2, 5, 5] = np.nan
    found = crops(scene.labels, as_movie(frames), scene.detections, Cells.of(scene.detections))
    with pytest.raises(InputError, match=r"made, frame 2: pixels that are NaN"):
        list(found)


def test_no_frames() -> None:
    labels = LabelImages.from_array(np.zeros((3, 12, 15), np.int32))
    nothing = painted([{}]).detections
    assert sum(len(part) for part in crops(labels, None, nothing, Cells.of(nothing))) == 0
