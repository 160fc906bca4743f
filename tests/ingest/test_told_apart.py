"""Images that do not give each cell a number of its own are refused as label images, and no others."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ingest.errors import InputError
from ingest.movie import LabelImages, open_labels, open_movie
from ingest.simulate import SimulatedMovie
from ingest.told_apart import require_told_apart


def told_apart(images: npt.NDArray[np.integer]) -> None:
    require_told_apart(LabelImages.from_array(images))


@pytest.mark.parametrize("value", [1, 255])
def test_a_mask_is_no_label_image(dividing: SimulatedMovie, value: int) -> None:
    images = np.stack(list(dividing.labels))
    told_apart(images)
    with pytest.raises(InputError, match=r"frame 15: 1 label in .* regions, .*; give each cell a number"):
        told_apart(np.where(images > 0, value, 0))


def test_a_mask_of_kinds_of_cells_is_none() -> None:
    images = np.zeros((2, 40, 60), np.uint8)
    for k in range(8):
        images[:, 5 * k : 5 * k + 3, 10:20] = 1 + k % 2
    with pytest.raises(InputError, match="2 labels in 8 separate regions"):
        told_apart(images)


def test_pixels_of_a_movie_are_none(dividing: SimulatedMovie) -> None:
    frames = np.stack([dividing.movie.cell_image(t) for t in range(4)])
    for pixels in (frames.astype(np.uint16), (frames / frames.max() * 255).astype(np.uint8)):
        with pytest.raises(InputError, match="of a movie, leave its label images out"):
            told_apart(pixels)


def test_one_cell_is_one_cell() -> None:
    """Also where a frame lacks it, where it has specks beside it, and where it is in two."""
    images = np.zeros((6, 40, 60), np.uint8)
    images[:, 10:20, 10:30] = 7
    images[1] = 0
    images[:, 30, 50] = 7
    images[:, :, 20] = 0
    told_apart(images)
    images[:, 10:20, 40:50] = 7
    with pytest.raises(InputError, match="1 label in 4 separate regions"):
        told_apart(images)


def test_small_cells_are_told_apart() -> None:
    """Points of one pixel, some of which touch, and sheets of cells that all do."""
    points = np.zeros((2, 40, 60), np.int32)
    points.reshape(2, -1)[:, np.random.default_rng(4).choice(2400, 200, replace=False)] = 1 + np.arange(200)
    told_apart(points)
    cells = 1 + np.arange(600).reshape(20, 30)
    for height, width in ((2, 2), (6, 1), (1, 6)):
        told_apart(np.tile(cells.repeat(height, 0).repeat(width, 1), (2, 1, 1)))


def test_specks_of_a_cell_do_not_matter() -> None:
    images = np.zeros((2, 60, 60), np.int32)
    for k in range(9):
        y, x = 20 * (k // 3), 20 * (k % 3)
        images[:, y + 4 : y + 14, x + 4 : x + 14] = 1 + k
        images[:, y + 1, x : x + 20 : 2] = images[:, y + 16, x : x + 20 : 2] = 1 + k
    told_apart(images)


def test_debris_of_one_number_does_not_matter(dividing: SimulatedMovie) -> None:
    images = np.stack(list(dividing.labels))
    images[:, ::9, ::9] = np.where(images[:, ::9, ::9] == 0, images.max() + 1, images[:, ::9, ::9])
    told_apart(images)


def test_nothing_is_refused_of_an_empty_movie() -> None:
    told_apart(np.zeros((2, 9, 9), np.uint8))


@pytest.mark.parametrize("name", ["DIC-C2DH-HeLa", "Fluo-N2DL-HeLa", "PhC-C2DL-PSC"])
def test_real_label_images_are_taken_and_real_movies_are_not(data_folder: Path, name: str) -> None:
    for folder in ("01_GT/TRA", "01_ST/SEG"):
        require_told_apart(open_labels(data_folder / "ctc" / name / folder))
    movie = open_movie(data_folder / "ctc" / name / "01")
    frames = np.stack([movie.cell_image(t) for t in range(2)])
    for pixels in (frames, (frames / frames.max() * 255).astype(np.uint8)):
        with pytest.raises(InputError, match="which are no cells"):
            told_apart(pixels)
