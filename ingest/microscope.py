"""What a camera sees of simulated cells: exact masks, and an image with blur, background and noise."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from ingest.culture import Cells, CultureSettings, concentration, semi_axes
from ingest.squares import squares_around
from ingest.tracking_graph import FloatArray, IntArray

TEXTURE_SIZE = 256


@dataclass(frozen=True)
class MicroscopeSettings:
    """How the cells are looked at.

    Attributes:
        pixel_size: µm.
        signal: photons in a pixel from a nucleus of mean brightness; less of it means more noise.
        background: photons in a pixel where no cell is.
        gradient: change of the background over the field, as a part of it.
        haze: light from out of focus around each cell, as a part of its light.
        blur_um: standard deviation of the point spread function.
        grain_um: size of the chromatin's structure.
        gain, offset, read_noise: of the camera: counts a photon, counts in the dark, counts.
    """

    pixel_size: float = 0.65
    signal: float = 400.0
    background: float = 60.0
    gradient: float = 0.5
    haze: float = 0.05
    blur_um: float = 0.7
    grain_um: float = 1.0
    gain: float = 2.0
    offset: float = 100.0
    read_noise: float = 4.0


@dataclass(frozen=True, eq=False)
class Silhouettes:
    """The pixels that each of n cells covers; where outlines overlap, the pixel is the nearer cell's.

    Attributes:
        pixel: (P,) index in the flattened image, ascending.
        owner: (P,) row of the cell.
        depth: (P,) 0 at the cell's centre, 1 on its outline.
        along, across: (P,) µm from the centre along the long and the short axis.
        visible: (n,) part of the cell's outline that lies in the field.
    """

    pixel: IntArray
    owner: IntArray
    depth: FloatArray
    along: FloatArray
    across: FloatArray
    visible: FloatArray


def silhouettes(
    cells: Cells, settings: CultureSettings, shape: tuple[int, int], pixel_size: float
) -> Silhouettes:
    """Draw the cells' outlines ρ(θ) = ellipse(θ)·(1 + lobe·cos 3θ) on an image of `shape` (Y, X)."""
    long, short = semi_axes(cells, settings)
    centre_y, centre_x = cells["y"] / pixel_size, cells["x"] / pixel_size
    reach = np.ceil(1.1 * long / pixel_size)
    near = (abs(centre_y - shape[0] / 2) < shape[0] / 2 + reach) & (
        abs(centre_x - shape[1] / 2) < shape[1] / 2 + reach
    )
    owner, y, x = squares_around(centre_y, centre_x, np.where(near, reach, 0).astype(np.int64))  # (W,) each
    dy, dx = (y - centre_y[owner]) * pixel_size, (x - centre_x[owner]) * pixel_size
    cos, sin = np.cos(cells["angle"])[owner], np.sin(cells["angle"])[owner]
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    cos_theta = along / np.maximum(np.hypot(along, across), 1e-9)
    swell = 1 + cells["lobe"][owner] * (4 * cos_theta**3 - 3 * cos_theta)  # 4c³ − 3c = cos 3θ
    depth = np.hypot(along / long[owner], across / short[owner]) / swell
    within = depth < 1
    inside = np.flatnonzero(within & (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1]))
    visible = np.bincount(owner[inside], minlength=len(cells)) / np.bincount(
        owner[within], minlength=len(cells)
    )
    pixel = (y * shape[1] + x)[inside]
    order = np.lexsort((depth[inside], pixel))
    nearest = order[np.diff(pixel[order], prepend=-1) > 0]  # (P,)
    at = inside[nearest]
    return Silhouettes(pixel[nearest], owner[at], depth[at], along[at], across[at], visible)


class Microscope:
    """One field of view under one illumination.

    Args:
        settings: optics and camera.
        shape: (Y, X) of the images, pixels.
        rng: decides the texture of the chromatin and the direction of the gradient.
    """

    def __init__(
        self, settings: MicroscopeSettings, shape: tuple[int, int], rng: np.random.Generator
    ) -> None:
        self.settings = settings
        self._shape = shape
        self._texture = _chromatin(rng)
        y, x = (np.linspace(-0.5, 0.5, length) for length in shape)
        direction = rng.uniform(0, 2 * np.pi)
        slope = np.sin(direction) * y[:, None] + np.cos(direction) * x
        self._background = settings.background * (1 + settings.gradient * slope)  # (Y, X)

    def expose(
        self, cells: Cells, culture: CultureSettings, seen: Silhouettes, rng: np.random.Generator
    ) -> npt.NDArray[np.uint16]:
        """One image of the cells, (Y, X), with photon and camera noise."""
        settings = self.settings
        light = np.zeros(self._shape)
        light.ravel()[seen.pixel] = settings.signal * self._emission(cells, culture, seen)
        blur = settings.blur_um / settings.pixel_size
        photons = self._background + gaussian_filter(light, blur)
        photons += settings.haze * gaussian_filter(light, 15 * blur, truncate=2)
        counts = settings.offset + settings.gain * rng.poisson(photons)
        counts += rng.normal(0, settings.read_noise, self._shape)
        image: npt.NDArray[np.uint16] = np.clip(np.rint(counts), 0, np.iinfo(np.uint16).max).astype(np.uint16)
        return image

    def _emission(self, cells: Cells, culture: CultureSettings, seen: Silhouettes) -> FloatArray:
        """(P,) light of each covered pixel: a lens-shaped nucleus with the cell's own piece of texture."""
        scale = self.settings.grain_um / 4  # µm a texture pixel
        own_y, own_x = (TEXTURE_SIZE * cells[name][seen.owner] for name in ("texture_y", "texture_x"))
        row = (own_y + seen.across / scale).astype(np.int64) % TEXTURE_SIZE
        column = (own_x + seen.along / scale).astype(np.int64) % TEXTURE_SIZE
        brightness = (cells["brightness"] * concentration(cells, culture))[seen.owner]
        thickness = 1.1 - 0.4 * seen.depth**2
        light: FloatArray = brightness * thickness * self._texture[row, column]
        return light


def _chromatin(rng: np.random.Generator) -> FloatArray:
    """A seamless texture of mean 1: grains, and dark round nucleoli."""
    shape = (TEXTURE_SIZE, TEXTURE_SIZE)
    grains = gaussian_filter(rng.normal(size=shape), 3, mode="wrap")
    islands = gaussian_filter(rng.normal(size=shape), 7, mode="wrap")
    texture = 1 + 0.15 * grains / grains.std() - 0.4 * (islands > 1.8 * islands.std())
    bright: FloatArray = np.maximum(texture, 0.1) / texture.mean()
    return bright
