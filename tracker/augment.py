"""Seeing a batch as it might have been: turned, brighter, noisier, without frames, with features missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tracker.model import Batch, LineageModel, Standardise

FROM_IMAGE = {
    "cell": ("mean", "sd"),
    "pair": ("brighter", "change_of_brightness", "change_of_texture"),
    "triple": ("unequally_bright", "unequally_textured", "brightness"),
}
"""Features that are intensities, and so scale with them."""
SIGNED = {"mean", "brighter", "brightness"}
"""Those of them that change their sign where the frames are inverted."""


@dataclass(frozen=True)
class Augmentation:
    """How much a batch is changed.

    Attributes:
        noise: added to features, in their standard deviations.
        dropped: share of the features that are set to their mean, for a whole batch.
        gain: standard deviation of the logarithm of what intensities are multiplied by.
        offset: standard deviation of what is added to them, where 1 is a bright cell.
        grain: most noise added to crops.
        blind: share of the batches that are seen without their frames.
        inverted: share of the batches whose frames are inverted: cells may be darker than the ground.
    """

    noise: float = 0.05
    dropped: float = 0.1
    gain: float = 0.25
    offset: float = 0.1
    grain: float = 0.1
    blind: float = 0.1
    inverted: float = 0.1


def augmented(
    batch: Batch,
    model: LineageModel,
    names: Mapping[str, Sequence[str]],
    rng: np.random.Generator,
    config: Augmentation,
) -> Batch:
    """A batch, changed at random.

    Args:
        batch: with crops.
        model: knows what its features are like.
        names: of the columns of the features.
        rng: decides; torch's own generator adds the noise.
        config: how much.
    """
    columns = {kind: getattr(batch, kind).clone() for kind in FROM_IMAGE}
    image, mask = _turned(batch.crops.float(), int(rng.integers(8))).unbind(dim=1)
    has_image = columns["cell"][:, names["cell"].index("has_image")]  # a view
    if rng.random() < config.blind or not has_image.any():
        gain, image = 0.0, torch.zeros_like(image)
        has_image.zero_()
    else:
        gain = float(np.exp(rng.normal(0, config.gain))) * (-1 if rng.random() < config.inverted else 1)
        offset = float(rng.normal(0, config.offset))
        grain = float(rng.uniform(0, config.grain))
        image = gain * image + offset + grain * torch.randn_like(image)
        columns["cell"][:, names["cell"].index("mean")] += offset / gain
    for kind, of_image in FROM_IMAGE.items():
        for name in of_image:
            columns[kind][:, names[kind].index(name)] *= gain if name in SIGNED else abs(gain)
        columns[kind] = _noisy(columns[kind], getattr(model, f"standard_{kind}"), config)
    return replace(batch, crops=torch.stack([image, mask], dim=1), **columns)


def _turned(crops: Tensor, turn: int) -> Tensor:
    """(N, 2, 24, 24) crops in one of the eight ways to lay a square down."""
    if turn & 1:
        crops = crops.flip(2)
    if turn & 2:
        crops = crops.flip(3)
    return crops.transpose(2, 3) if turn & 4 else crops


def _noisy(features: Tensor, standard: Standardise, config: Augmentation) -> Tensor:
    """(rows, columns) features with noise, and some columns at their mean."""
    mean, scale = standard.mean.cpu(), standard.scale.cpu()
    features = features + config.noise * scale * torch.randn_like(features)
    dropped = torch.rand(features.shape[1]) < config.dropped
    return torch.where(dropped, mean, features)
