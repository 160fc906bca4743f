"""What the crops of cells tell at once: how bright they are, and which way they lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ingest.tracking_graph import FloatArray
from tracker.crops import SIDE


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
        own = (crops[:, 1] > 0).float()  # (N, 24, 24)
        area = own.sum((1, 2)).clamp(min=1)
        mean = (crops[:, 0] * own).sum((1, 2)) / area
        square = (crops[:, 0] ** 2 * own).sum((1, 2)) / area
        axis = _long_axis(own, area)
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


def _long_axis(own: Tensor, area: Tensor) -> Tensor:
    """(N, 2) direction y, x of the long axis of (N, 24, 24) masks, times 1 − short/long."""
    offset = torch.arange(SIDE, dtype=torch.float32) - (SIDE - 1) / 2
    y, x = offset[None, :, None], offset[None, None, :]
    mean_y, mean_x = (own * y).sum((1, 2)) / area, (own * x).sum((1, 2)) / area
    yy = (own * y * y).sum((1, 2)) / area - mean_y**2
    xx = (own * x * x).sum((1, 2)) / area - mean_x**2
    yx = (own * y * x).sum((1, 2)) / area - mean_y * mean_x
    half, spread = (yy + xx) / 2, torch.hypot((yy - xx) / 2, yx)
    share = 1 - ((half - spread).clamp(min=1e-6) / (half + spread).clamp(min=1e-6)).sqrt()
    angle = torch.atan2(2 * yx, yy - xx) / 2  # of the long axis, from y
    return share[:, None] * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
