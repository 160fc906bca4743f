"""What the crops of cells tell at once: how bright they are, and which way they lie."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ingest.tracking_graph import FloatArray
from tracker.crops import SIDE


def _monomials() -> Tensor:
    """(576, 6) of each pixel of a crop, from its middle: 1, y, x, yy, xx, yx."""
    offset = torch.arange(SIDE, dtype=torch.float32) - (SIDE - 1) / 2
    y, x = (axis.flatten() for axis in torch.meshgrid(offset, offset, indexing="ij"))
    return torch.stack([torch.ones_like(y), y, x, y * y, x * x, y * x], dim=1)


MONOMIALS = _monomials()
SUMS = 8
"""Columns of `crop_sums`."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What the crops tell of N cells.

    Attributes:
        mean, sd: (N,) intensity within the cell; 0 without an image.
        axis: (N, 2) direction y, x of the long axis times its share, 1 − short/long; 0 for a disc.
        has_image: whether there was an image.
    """

    mean: FloatArray
    sd: FloatArray
    axis: FloatArray
    has_image: bool

    @classmethod
    def of(cls, sums: Tensor, *, has_image: bool) -> "Looks":
        """Of the `crop_sums` of N cells."""
        area = sums[:, :1].clamp(min=1)
        mean, square, *moments = (sums[:, 1:] / area).unbind(1)
        deviation = (square - mean**2).clamp(min=0).sqrt()
        return cls(_double(mean), _double(deviation), _double(_long_axis(*moments)), has_image)


def crop_sums(crops: Tensor) -> Tensor:
    """(N, 2, 24, 24) crops → (N, 8) sums over each cell's pixels.

    Of 1, of their intensity and of its square, and of y, x, yy, xx and yx from the middle of the crop.
    """
    own = (crops[:, 1] > 0).float().flatten(1)  # (N, 576)
    place = own @ MONOMIALS  # (N, 6)
    inside = crops[:, 0].flatten(1) * own
    intensity = inside.sum(1, keepdim=True)
    return torch.cat([place[:, :1], intensity, inside.square_().sum(1, keepdim=True), place[:, 1:]], dim=1)


def _double(column: Tensor) -> FloatArray:
    values: FloatArray = column.double().numpy()
    return values


def _long_axis(y: Tensor, x: Tensor, yy: Tensor, xx: Tensor, yx: Tensor) -> Tensor:
    """(N, 2) direction y, x of the long axis times 1 − short/long, by (N,) means of y, x, yy, xx, yx."""
    yy, xx, yx = yy - y**2, xx - x**2, yx - y * x
    half, spread = (yy + xx) / 2, torch.hypot((yy - xx) / 2, yx)
    share = 1 - ((half - spread).clamp(min=1e-6) / (half + spread).clamp(min=1e-6)).sqrt()
    angle = torch.atan2(2 * yx, yy - xx) / 2  # of the long axis, from y
    return share[:, None] * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
