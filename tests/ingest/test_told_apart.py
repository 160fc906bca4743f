"""Masks in which all cells have one number are refused, and one cell is not."""

import numpy as np
import numpy.typing as npt
import pytest

from ingest.errors import InputError
from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from ingest.told_apart import require_told_apart


def told_apart(images: npt.NDArray[np.integer]) -> None:
    labels = LabelImages.from_array(images)
    require_told_apart(measure(labels), labels)


@pytest.mark.parametrize("value", [1, 255])
def test_a_mask_is_no_label_image(dividing: SimulatedMovie, value: int) -> None:
    images = np.stack(list(dividing.labels))
    told_apart(images)
    with pytest.raises(InputError, match=f"one label, {value}, for .* regions .*; give each cell a number"):
        told_apart(np.where(images > 0, value, 0))


def test_one_cell_is_one_cell() -> None:
    """Also where a frame lacks it, where it has specks beside it, and where it is in two."""
    images = np.zeros((6, 40, 60), np.uint8)
    images[:, 10:20, 10:30] = 7
    images[1] = 0
    images[:, 30, 50] = 7
    images[:, :, 20] = 0
    told_apart(images)
    images[:, 10:20, 40:50] = 7
    with pytest.raises(InputError, match="one label, 7, for 3 separate regions"):
        told_apart(images)


def test_nothing_is_refused_of_an_empty_movie() -> None:
    told_apart(np.zeros((2, 9, 9), np.uint8))
