"""Painted images for the tests of the segmentation."""

import numpy as np


def discs(
    *centres: tuple[int, int],
    radius: int = 9,
    height: float = 120.0,
    noise: float = 4.0,
    ground: np.ndarray | float = 100.0,
) -> np.ndarray:
    """An image of 90×120 pixels with sharp discs on a ground, under white noise."""
    y, x = np.indices((90, 120))
    image = np.zeros(y.shape)
    for cy, cx in centres:
        image[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = height
    return ground + image + np.random.default_rng(1).normal(0, noise, image.shape)
