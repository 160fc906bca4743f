"""Raw frames to label images, for bright cells on a dark ground, such as fluorescent nuclei.

Background, local threshold, distance transform, watershed, size filter; every length is a share of the cells'
diameter, which is given or measured from the movie.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.measure import block_reduce
from skimage.segmentation import relabel_sequential, watershed
from skimage.transform import resize

from ingest.errors import InputError
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import FloatArray

Image = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]

THREADS = 2
SAMPLED_FRAMES = 5
"""Frames, spread over the movie, that the diameter and the kind of image are measured on."""
HALF_CORRELATION = 0.4
"""Discs of diameter 1 are half as alike to themselves when shifted by so much."""
SMALLEST_DIAMETER = 4.0
"""Pixels; in smaller cells neither shape nor neck can be seen."""
DARKEST = 0.05
"""Share of the structure that may be darker than the ground; DIC has far more."""


@dataclass(frozen=True)
class SegmentationSettings:
    """How cells are told from the ground and from each other.

    Attributes:
        diameter: typical one of a cell, in µm, or in pixels where their size is unknown; measured if None.
        threshold_noise: a cell is brighter than the ground by at least so many times the noise.
        threshold_share: its edge is where it is as bright as this share of the brightest nearby.
        smoothing: of the image before it is thresholded, in diameters.
        apart: the centres of two cells are at least so far apart, in diameters.
        brightness_weight: what tells touching cells apart: 1 brightness alone, 0 the outline's shape alone.
        smallest_share: what is smaller than this share of a typical cell's area is no cell.
    """

    diameter: float | None = None
    threshold_noise: float = 5.0
    threshold_share: float = 0.4
    smoothing: float = 1 / 16
    apart: float = 0.25
    brightness_weight: float = 0.8
    smallest_share: float = 0.15

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if number is not None and not 0 <= number < float("inf"):
                raise InputError(
                    f"{name} is {number}", place="segmentation settings", remedy="give a number from 0 on"
                )


@dataclass(frozen=True, eq=False)
class Foreground:
    """One frame without its background.

    Attributes:
        signal: (Y, X) smoothed brightness above the ground.
        noise: standard deviation of `signal` where there is nothing.
    """

    signal: Image
    noise: float


def segment(
    movie: Movie,
    settings: SegmentationSettings | None = None,
    *,
    channel: int = 0,
    progress: Progress = silent,
) -> LabelImages:
    """Segment every frame of a movie.

    Args:
        movie: bright cells on a dark ground.
        settings: by default all is measured from the movie.
        channel: the channel to segment.
        progress: told of each frame.

    Returns:
        (T, Y, X) label images in memory; all empty where the movie shows nothing but noise.

    Raises:
        InputError: no such channel; cells of a few pixels; an image that is not of this kind.
    """
    settings = settings or SegmentationSettings()
    _require_channel(movie, channel)
    sample = [_plane(movie, t, channel) for t in _sampled(len(movie))]
    diameter = _diameter_in_pixels(movie, settings, sample)
    if diameter is None:
        return LabelImages.from_array(np.zeros((len(movie), *movie.shape[2:]), np.uint8))
    _require_bright_cells(movie, sample, diameter, settings)

    def one(t: int) -> Labels:
        return segment_frame(_plane(movie, t, channel), diameter, settings)

    with ThreadPoolExecutor(THREADS) as pool:
        frames = list(progress(pool.map(one, range(len(movie))), "Segmenting", total=len(movie)))
    largest = max(int(frame.max(initial=0)) for frame in frames)
    return LabelImages.from_array(np.stack(frames).astype(np.min_scalar_type(largest), copy=False))


def segment_frame(
    image: npt.NDArray[Any], diameter: float, settings: SegmentationSettings | None = None
) -> Labels:
    """Label the cells of one frame.

    Args:
        image: (Y, X) intensities.
        diameter: typical diameter of a cell, pixels.
        settings: `diameter` in them is not used.

    Returns:
        (Y, X) labels from 1 on, 0 for the ground.
    """
    settings = settings or SegmentationSettings()
    found = foreground(image, diameter, settings)
    signal = ndimage.gaussian_filter(found.signal, 0.12 * diameter, truncate=3)
    brightest = ndimage.maximum_filter(signal, size=int(0.75 * diameter) | 1)
    brightest = np.maximum(ndimage.gaussian_filter(brightest, 0.15 * diameter, truncate=3), found.noise)
    mask = (found.signal > settings.threshold_noise * found.noise) & (
        found.signal > settings.threshold_share * brightest
    )
    mask = ndimage.binary_opening(mask, iterations=max(1, round(0.04 * diameter)))
    mask = ndimage.binary_fill_holes(mask)
    labels = _split(mask, signal / brightest, diameter, settings)
    small = np.bincount(labels.ravel()) < settings.smallest_share * pi / 4 * diameter**2
    kept, _, _ = relabel_sequential(np.where(small[labels], 0, labels))
    return np.asarray(kept, np.int32)


def foreground(image: npt.NDArray[Any], diameter: float, settings: SegmentationSettings) -> Foreground:
    """A frame smoothed, its background taken off; the noise is read from what is darker than the ground."""
    smooth = ndimage.gaussian_filter(image.astype(np.float32), settings.smoothing * diameter, truncate=3)
    signal = smooth - background(smooth, diameter, white_noise(image))
    below = signal[signal < 0]
    noise = 1.4826 * float(np.median(-below)) if below.size else 0.0
    return Foreground(signal, max(noise, float(np.finfo(np.float32).tiny)))


def background(smooth: Image, diameter: float, noise: float) -> Image:
    """The ground under the cells: a smooth surface through what is not brighter than it.

    It begins as a low envelope over some diameters; then, again and again, what lies above by more than the
    noise is left out of the next, smoother surface.

    Args:
        smooth: (Y, X) smoothed image.
        diameter: of a cell, pixels.
        noise: standard deviation of a pixel of the unsmoothed image.

    Returns:
        (Y, X) brightness of the ground.
    """
    block = max(1, round(diameter / 4))
    small = block_reduce(smooth, block, np.mean, cval=float(np.median(smooth)))
    cell = diameter / block
    size = int(4 * cell) | 1
    envelope = ndimage.percentile_filter(small, 5, size=size, mode="nearest")
    envelope = ndimage.gaussian_filter(envelope, size / 4, mode="nearest")
    slope = _plane_through(envelope)
    small, envelope = small - slope, envelope - slope
    surface = envelope
    for _ in range(6):
        below = surface - small
        spread = 1.4826 * float(np.median(below[below > 0])) if np.any(below > 0) else 0.0
        limit = 3 * float(np.clip(spread, 0, 2 * noise / block)) + 1e-6
        is_ground = (small - surface < limit).astype(np.float32)
        near, far = (_weighted_mean(small, is_ground, width * cell) for width in (1.5, 4.0))
        weight = near[1] + 0.05 * far[1] + 1e-4
        surface = (near[0] + 0.05 * far[0] + 1e-4 * envelope) / weight
    shape = (small.shape[0] * block, small.shape[1] * block)
    whole = resize(surface + slope, shape, order=1, mode="edge", preserve_range=True)
    ground: Image = whole[: smooth.shape[0], : smooth.shape[1]].astype(np.float32)
    return ground


def white_noise(image: npt.NDArray[Any]) -> float:
    """Standard deviation of the noise that differs from pixel to pixel: of a 2×2 checkerboard's contrast."""
    pixels = image.astype(np.float32)
    checker = (pixels[1:, 1:] - pixels[1:, :-1] - pixels[:-1, 1:] + pixels[:-1, :-1]) / 2
    return 1.4826 * float(np.median(np.abs(checker - np.median(checker))))


def typical_diameter(images: Sequence[npt.NDArray[Any]]) -> float | None:
    """Diameter of the things in some images, from how far their brightness is alike.

    The radial mean of the autocorrelation falls to its half at `HALF_CORRELATION` of a disc's diameter.

    Returns:
        Pixels; None where neighbouring pixels have nothing in common: noise, or a flat image.
    """
    profile = np.mean([_autocorrelation(image) for image in images], axis=0)
    variance = np.mean([_flattened(image).var() for image in images])
    if not profile[1] > 0.05 * variance:  # a flat image has neither
        return None
    below = np.flatnonzero(profile[1:] < 0.5 * profile[1])
    if len(below) == 0:
        return None
    k = int(below[0]) + 1
    step = profile[k - 1] - profile[k]
    half = k - 1 + (profile[k - 1] - 0.5 * profile[1]) / step
    return float(half / HALF_CORRELATION)


def _split(
    mask: npt.NDArray[np.bool_], share: Image, diameter: float, settings: SegmentationSettings
) -> Labels:
    """Cut what touches where both the outline has a neck and the brightness a valley."""
    depth = ndimage.distance_transform_edt(mask) / (diameter / 2)
    weight = settings.brightness_weight
    land = ndimage.gaussian_filter((1 - weight) * depth + weight * share, 0.05 * diameter, truncate=3)
    centres = peak_local_max(
        land,
        min_distance=max(1, round(settings.apart * diameter)),
        labels=mask.astype(np.int32),
        exclude_border=False,
    )
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(centres.T)] = np.arange(1, len(centres) + 1)
    labels: Labels = watershed(-land, markers, mask=mask)
    return labels


def _plane_through(image: Image) -> Image:
    """The slanted plane that fits an image best: what is left of it needs no steep surface."""
    y, x = np.indices(image.shape)
    terms = np.stack((np.ones(image.size), y.ravel(), x.ravel()), axis=1)
    factors = np.linalg.lstsq(terms, image.ravel().astype(np.float64), rcond=None)[0]
    plane: Image = (terms @ factors).reshape(image.shape).astype(np.float32)
    return plane


def _weighted_mean(image: Image, weight: Image, width: float) -> tuple[Image, Image]:
    """Sums of `weight · image` and of `weight` under a Gaussian of this width, in pixels."""
    return (
        ndimage.gaussian_filter(weight * image, width, mode="nearest"),
        ndimage.gaussian_filter(weight, width, mode="nearest"),
    )


def _flattened(image: npt.NDArray[Any]) -> FloatArray:
    """Without outliers and without what changes over a sixth of the image."""
    pixels = image.astype(np.float64)
    pixels = np.clip(pixels, *np.percentile(pixels, [1, 99.5]))
    return pixels - ndimage.gaussian_filter(pixels, min(pixels.shape) / 6, mode="nearest")


def _autocorrelation(image: npt.NDArray[Any]) -> FloatArray:
    """Radial mean of the autocovariance, for lags of 0 to a third of the image, pixels."""
    flat = _flattened(image)
    flat = flat - flat.mean()
    shape = (2 * flat.shape[0], 2 * flat.shape[1])  # no wrapping round
    covariance = np.fft.irfft2(np.abs(np.fft.rfft2(flat, shape)) ** 2, shape)
    pairs = np.fft.irfft2(np.abs(np.fft.rfft2(np.ones_like(flat), shape)) ** 2, shape)
    reach = max(min(flat.shape) // 3, 3)
    quadrant = (covariance[:reach, :reach] / np.maximum(pairs[:reach, :reach], 1)).ravel()
    radius = np.hypot(*np.indices((reach, reach))).astype(np.int64).ravel()
    return (np.bincount(radius, quadrant) / np.bincount(radius))[:reach]


def _plane(movie: Movie, t: int, channel: int) -> npt.NDArray[Any]:
    plane: npt.NDArray[Any] = movie.frame(t)[channel]  # (Y, X)
    return plane


def _sampled(frames: int) -> list[int]:
    return sorted({round(t) for t in np.linspace(0, frames - 1, SAMPLED_FRAMES)})


def _diameter_in_pixels(
    movie: Movie, settings: SegmentationSettings, sample: Sequence[npt.NDArray[Any]]
) -> float | None:
    """The diameter that was given, else as measured; None where there is nothing to measure."""
    if settings.diameter is not None:
        diameter: float | None = settings.diameter / (movie.pixel_size or 1.0)
    else:
        diameter = typical_diameter(sample)
    if diameter is not None and diameter < SMALLEST_DIAMETER:
        raise InputError(
            f"cells {diameter:.1f} pixels wide are too small to be segmented",
            place=movie.source or movie.name,
            remedy="give label images of your own (--labels)",
        )
    return diameter


def _require_channel(movie: Movie, channel: int) -> None:
    if not 0 <= channel < movie.shape[1]:
        raise InputError(
            f"there is no channel {channel}",
            place=movie.source or movie.name,
            remedy=f"choose one of {', '.join(map(str, range(movie.shape[1])))}",
        )


def _require_bright_cells(
    movie: Movie, sample: Sequence[npt.NDArray[Any]], diameter: float, settings: SegmentationSettings
) -> None:
    """Refuse images with much that is darker than the ground, as in DIC."""
    dark = float(np.median([_dark_share(image, diameter, settings) for image in sample]))
    if dark > DARKEST:
        raise InputError(
            f"{dark:.0%} of the structure is darker than the ground: this is DIC perhaps, "
            "and not bright cells on a dark ground, which is all that this segmentation is made for",
            place=movie.source or movie.name,
            remedy="segment the movie with a tool made for it and give the label images (--labels)",
        )


def _dark_share(image: npt.NDArray[Any], diameter: float, settings: SegmentationSettings) -> float:
    """Energy of what is significantly darker than the ground, of all that differs significantly from it."""
    found = foreground(image, diameter, settings)
    limit = settings.threshold_noise * max(found.noise, 0.1 * white_noise(image))
    dark = float((found.signal[found.signal < -limit].astype(np.float64) ** 2).sum())
    bright = float((found.signal[found.signal > limit].astype(np.float64) ** 2).sum())
    return dark / (dark + bright) if dark + bright else 0.0
