"""Brightness and direction of cells, from their crops."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tracker.looks import Looks, crop_sums


def crop_of(mask: np.ndarray, image: np.ndarray | None = None) -> Tensor:
    """(1, 2, 24, 24) crop."""
    bright = np.zeros_like(mask, float) if image is None else image
    return torch.from_numpy(np.stack([bright, mask])[None].astype(np.float32))


def looks_of(crops: Tensor) -> Looks:
    return Looks.of(crop_sums(crops), has_image=True)


def bar(angle: float, half_length: float = 9.0, half_width: float = 3.0) -> np.ndarray:
    """(24, 24) ellipse whose long axis is turned by `angle` from y towards x."""
    y, x = np.mgrid[:24, :24] - 11.5
    along, across = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    inside: np.ndarray = ((along / half_length) ** 2 + (across / half_width) ** 2 <= 1).astype(float)
    return inside


def test_mean_and_spread_within_the_cell_alone() -> None:
    mask, image = np.zeros((24, 24)), np.full((24, 24), 50.0)
    mask[2:4, 5:8], mask[10:12, 5:8] = 1, -1
    image[2:4, 5:8] = [[1, 2, 3], [4, 5, 9]]
    looks = looks_of(crop_of(mask, image))
    assert looks.mean == pytest.approx([4.0])
    assert looks.sd == pytest.approx([np.std([1, 2, 3, 4, 5, 9])], rel=1e-4)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1, np.pi / 2, 2.5])
def test_the_long_axis(angle: float) -> None:
    (axis,) = looks_of(crop_of(bar(angle))).axis
    share = np.linalg.norm(axis)
    assert share == pytest.approx(1 - 3 / 9, abs=0.05)
    assert abs(axis @ [np.cos(angle), np.sin(angle)]) == pytest.approx(share, abs=0.02)


def test_a_disc_has_no_direction() -> None:
    (axis,) = looks_of(crop_of(bar(0.3, 7.0, 7.0))).axis
    assert np.linalg.norm(axis) < 0.02


def test_a_cell_of_one_pixel_or_of_none() -> None:
    one = np.zeros((24, 24))
    one[4, 7] = 1
    looks = looks_of(torch.cat([crop_of(one), crop_of(np.zeros((24, 24)))]))
    for column in (looks.mean, looks.sd, looks.axis):
        assert np.isfinite(column).all()
    assert not looks.axis[0].any()


def test_of_no_cells() -> None:
    nothing = looks_of(torch.zeros(0, 2, 24, 24))
    assert (nothing.mean.shape, nothing.sd.shape, nothing.axis.shape) == ((0,), (0,), (0, 2))
