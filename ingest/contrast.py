"""What is brighter than the ground, by how much, and how sure that is."""

from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from ingest.block_means import block_means
from ingest.tracking_graph import FloatArray

Image = npt.NDArray[np.float32]

FINE, COARSE = 1 / 24, 1 / 10
"""Standard deviations of the smoothing, in diameters: for outlines, and for finding cells."""
TRUSTED = 30.0
"""Light over the noise of the coarse image from which the fine one alone is trusted."""
TINY = 1e-20
"""Light, where there is none at all."""
BLOCK = 1 / 4
"""Side of the blocks on which the ground is estimated, in diameters."""
WINDOW = 5
"""Side of the windows in which the ground is the darkest part, in diameters."""
DARKEST = 5.0
"""Percent of a window's blocks that are darker than its low envelope."""
BELOW = 0.315
"""Median depth below the `DARKEST` quantile of a normal distribution, in standard deviations."""
GROUND_REACHES = 4.1
"""Standard deviations of the noise that the ground reaches above its low envelope; its mean is 1.65 above."""
BRIGHT = 99.9
"""Percentile of the light that stands for the bright cells of a frame."""
BOWL_ROUNDS, BOWL_ABOVE = 8, 0.1
"""Fits of the bowl, and the weight in them of what is brighter than it."""
LEAST_NOISE, MOST_NOISE = 5e-4, 1e-2
"""Bounds of the noise, as shares of the bright light; a crowd leaves no ground to read it from."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """One frame without its background.

    Attributes:
        light: (Y, X) brightness above the ground, smoothed the less the brighter it is.
        coarse: (Y, X) the same, smoothed evenly.
        noise: (Y, X) standard deviation of `coarse` where there is nothing.
    """

    light: Image
    coarse: Image
    noise: Image

    @cached_property
    def usual_noise(self) -> float:
        """The median of `noise`."""
        return float(np.median(self.noise))


def contrast(image: npt.NDArray[Any], diameter: float) -> Contrast:
    """Take the ground off a (Y, X) image of cells of this diameter in pixels."""
    pixels = image.astype(np.float32)
    fine, coarse = (ndi.gaussian_filter(pixels, width * diameter, truncate=3) for width in (FINE, COARSE))
    ground = _ground(fine, diameter)
    fine, coarse = fine - ground, coarse - ground
    white = _white_noise(pixels) / (2 * sqrt(pi) * max(COARSE * diameter, 0.5))  # what the smoothing leaves
    noise = _noise(coarse, diameter, white)
    trust = np.clip(coarse / (TRUSTED * noise), 0, 1)
    return Contrast(coarse + trust * (fine - coarse), coarse, noise)


def _ground(image: Image, diameter: float) -> Image:
    """Brightness of the ground under the cells: the mean of the blocks that belong to it, near and far."""
    block = max(1, round(diameter * BLOCK))
    cell = diameter / block  # a diameter in blocks
    small = block_means(image, block, np.float64)
    envelope = bowl(small)
    envelope = envelope + _envelope(small - envelope, cell)
    above = small - envelope
    below = -above[above < 0]
    spread = float(np.median(below)) / BELOW if below.size else 0.0
    is_ground = (above <= GROUND_REACHES * spread).astype(np.float64)
    total = np.zeros_like(above)
    weight = np.full_like(above, 1e-4)  # of the envelope itself, where no ground is near
    for reach, share in ((1.5 * cell, 1.0), (4 * cell, 0.05)):
        total = total + share * ndi.gaussian_filter(is_ground * above, reach, mode="nearest")
        weight = weight + share * ndi.gaussian_filter(is_ground, reach, mode="nearest")
    return _unblocked(envelope + total / weight, block, image.shape)


def _envelope(small: FloatArray, cell: float) -> FloatArray:
    """A smooth surface below all but the `DARKEST` blocks of each window; thrice, to follow slopes."""
    step, half = max(1, round(cell)), max(1, round(WINDOW * cell / 2))
    centres = [np.arange(step // 2, length + step - 1, step) for length in small.shape]
    back = np.meshgrid(*((np.arange(n) - step // 2) / step for n in small.shape), indexing="ij")
    envelope = np.zeros_like(small)
    for _ in range(3):
        padded = np.pad(small - envelope, [(half, half + step)] * 2, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * half + 1, 2 * half + 1))
        windows = windows[centres[0][:, None], centres[1]]
        lowest = np.percentile(windows.reshape(*windows.shape[:2], -1), DARKEST, axis=2)
        lowest = ndi.gaussian_filter(lowest, WINDOW / 4, mode="nearest")
        envelope = envelope + ndi.map_coordinates(lowest, back, order=1, mode="nearest")
    return envelope


def _noise(light: Image, diameter: float, white: float) -> Image:
    """Local standard deviation of what is darker than the ground, E|x| = σ·√(2/π), within reason.

    Args:
        light: (Y, X) brightness above the ground.
        diameter: of a cell, pixels.
        white: what is left in `light` of the noise that differs from pixel to pixel.
    """
    block = max(1, round(diameter * BLOCK))
    reach = 4 * diameter / block
    depth, is_dark = (
        ndi.gaussian_filter(block_means(part, block, np.float64), reach, mode="nearest")
        for part in (np.maximum(-light, 0), light < 0)
    )
    local = sqrt(pi / 2) * depth / np.maximum(is_dark, 1e-6)
    bright = max(float(np.percentile(light, BRIGHT)), TINY)
    noise = np.clip(local, LEAST_NOISE * bright, max(MOST_NOISE * bright, white))
    return _unblocked(noise, block, light.shape)


def bowl(image: FloatArray) -> FloatArray:
    """The quadratic surface under a (Y, X) image, uneven illumination, which bright things hardly lift."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in image.shape), indexing="ij")
    terms = np.stack([np.ones_like(y), y, x, y * y, x * x, y * x], axis=-1).reshape(-1, 6)
    sparse = slice(None, None, max(1, len(terms) // 10_000))
    some, value = terms[sparse], image.ravel()[sparse]
    weight = np.ones(len(value))
    for _ in range(BOWL_ROUNDS):
        factors = np.linalg.lstsq(some * weight[:, None], value * weight, rcond=None)[0]
        weight = np.where(value > some @ factors, BOWL_ABOVE, 1.0)
    surface: FloatArray = (terms @ factors).reshape(image.shape)
    return surface


def _white_noise(pixels: Image) -> float:
    """Standard deviation of the noise that differs from pixel to pixel: of a 2×2 checkerboard's contrast."""
    checker = (pixels[1:, 1:] - pixels[1:, :-1] - pixels[:-1, 1:] + pixels[:-1, :-1]) / 2
    return 1.4826 * float(np.median(np.abs(checker)))


def _unblocked(small: FloatArray, block: int, shape: tuple[int, ...]) -> Image:
    """The inverse of `block_means`, linear between the squares' centres."""
    whole = ndi.zoom(small.astype(np.float32), block, order=1, mode="nearest", grid_mode=True)
    image: Image = whole[: shape[0], : shape[1]]
    return image
