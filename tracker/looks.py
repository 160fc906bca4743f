"""What the crops of cells tell at once: how bright they are, and which way they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
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
    def of(cls, crops: Tensor, *, has_image: bool) -> "Looks":
        """Measured on (N, 2, 24, 24) crops."""
        own = (crops[:, 1] > 0).float().flatten(1)  # (N, 576)
        moments = own @ MONOMIALS  # (N, 6)
        area = moments[:, 0].clamp(min=1)
        inside = crops[:, 0].flatten(1) * own
        mean = inside.sum(1) / area
        square = inside.square_().sum(1) / area
        axis = _long_axis(moments[:, 1:] / area[:, None])
        return cls(_double(mean), _double((square - mean**2).clamp(min=0).sqrt()), _double(axis), has_image)

    @classmethod
    def joined(cls, parts: Sequence["Looks"]) -> "Looks":
        """Of all cells of all parts, in their order."""
        return cls(
            np.concatenate([np.zeros(0), *(part.mean for part in parts)]),
            np.concatenate([np.zeros(0), *(part.sd for part in parts)]),
            np.concatenate([np.zeros((0, 2)), *(part.axis for part in parts)]),
            any(part.has_image for part in parts),
        )


def _double(column: Tensor) -> FloatArray:
    values: FloatArray = column.double().numpy()
    return values


def _long_axis(moments: Tensor) -> Tensor:
    """(N, 2) direction y, x of the long axis times 1 − short/long, by (N, 5) means of y, x, yy, xx, yx."""
    mean_y, mean_x, yy, xx, yx = moments.unbind(1)
    yy, xx, yx = yy - mean_y**2, xx - mean_x**2, yx - mean_y * mean_x
    half, spread = (yy + xx) / 2, torch.hypot((yy - xx) / 2, yx)
    share = 1 - ((half - spread).clamp(min=1e-6) / (half + spread).clamp(min=1e-6)).sqrt()
    angle = torch.atan2(2 * yx, yy - xx) / 2  # of the long axis, from y
    return share[:, None] * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
