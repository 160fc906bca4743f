"""Raw frames to label images, for bright cells on a dark ground, such as fluorescent nuclei.

Background, local threshold, watershed on brightness and on the distance transform, size filter. Which basins make a
cell is a choice among all plausible unions: each is outlined at its own local threshold, and judged by how far it is
one ellipse of a cell's size without a valley. Every length is a share of the cells' diameter, which is given or
measured from the movie.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.cell_size import typical_diameter
from ingest.contrast import contrast
from ingest.errors import InputError
from ingest.find_cells import Labels, ellipse_likeness, find_cells, moments_of
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import IntArray

THREADS = min(4, os.cpu_count() or 1)
"""Frames in work, and so in memory, at once."""
SAMPLED_FRAMES = 5
"""Frames, spread over the movie, on which the diameter and the kind of image are measured."""
SMALLEST_DIAMETER = 4.0
"""Pixels; in smaller cells neither shape nor neck can be seen."""
DARKEST = 0.02
"""Light below the ground over light above it, as energies, from which an image is of another kind."""
ROUNDEST = 0.92
"""Likeness to ellipses, on the mean, from which things are cells: fluorescent nuclei 0.97, DIC 0.9 and less."""


@dataclass(frozen=True)
class SegmentationSettings:
    """How cells are told from the ground and from each other.

    Attributes:
        diameter: typical one of a cell, in µm, or in pixels where their size is unknown; measured if None.
        threshold_noise: a cell is brighter than the ground by at least so many times the noise.
        threshold_share: its edge is where it is as bright as this share of its own mean.
        smallest_share: what is smaller than this share of a typical cell's area is no cell.
    """

    diameter: float | None = None
    threshold_noise: float = 5.0
    threshold_share: float = 0.4
    smallest_share: float = 0.1

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if number is not None and not 0 <= number < float("inf"):
                raise InputError(
                    f"{name} is {number}", place="segmentation settings", remedy="give a number from 0 on"
                )


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
        (T, Y, X) label images, held in memory as runs; all empty where the movie shows nothing but noise.

    Raises:
        InputError: no such channel; cells of a few pixels; an image that is not of this kind.
    """
    settings = settings or SegmentationSettings()
    _require_channel(movie, channel)
    sample = [movie.frame(t)[channel] for t in _sampled(len(movie))]
    diameter = _diameter_in_pixels(movie, settings, sample)
    frames, _, height, width = movie.shape
    if diameter is None:
        empty = np.zeros((height, width), np.int32)
        return LabelImages.from_function(lambda _: empty, (frames, height, width))
    _require_bright_cells(movie, sample, diameter, settings)

    def one(t: int) -> _Runs:
        return _Runs.of(segment_frame(movie.frame(t)[channel], diameter, settings))

    with ThreadPoolExecutor(THREADS) as pool:
        runs = list(progress(pool.map(one, range(frames)), "Segmenting", total=frames))
    return LabelImages.from_function(lambda t: runs[t].labels(), (frames, height, width))


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
    return find_cells(
        contrast(image, diameter),
        diameter,
        settings.threshold_noise,
        settings.threshold_share,
        settings.smallest_share,
    )


@dataclass(frozen=True, eq=False)
class _Runs:
    """A label image as runs of equal labels: a hundredth of its size.

    Attributes:
        shape: (Y, X).
        value, length: (runs,) label and pixels of each run, in raster order.
    """

    shape: tuple[int, ...]
    value: npt.NDArray[np.int32]
    length: IntArray

    @classmethod
    def of(cls, labels: Labels) -> "_Runs":
        flat = labels.ravel()
        start = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
        return cls(labels.shape, flat[start], np.diff(start, append=flat.size))

    def labels(self) -> Labels:
        return np.repeat(self.value, self.length).reshape(self.shape)


def _sampled(frames: int) -> IntArray:
    return np.unique(np.linspace(0, frames - 1, SAMPLED_FRAMES).astype(np.int64))


def _diameter_in_pixels(
    movie: Movie, settings: SegmentationSettings, sample: Sequence[npt.NDArray[Any]]
) -> float | None:
    """As given, or as measured; None where there is nothing to measure."""
    given = settings.diameter is not None
    diameter = (
        settings.diameter / (movie.pixel_size or 1.0)
        if settings.diameter is not None
        else typical_diameter(sample)
    )
    if diameter is not None and diameter < SMALLEST_DIAMETER:
        raise InputError(
            f"cells of {diameter:.1f} pixels, {'as given' if given else 'as measured'}, are too small to outline",
            place=movie.source or movie.name,
            remedy="give label images of your own (--labels)" if not given else "give a larger diameter",
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
    """Refuse images with much that is darker than the ground, and things that are no cells by their shape."""
    dark, likeness = np.median([_kind(image, diameter, settings) for image in sample], axis=0)
    if dark < DARKEST and likeness > ROUNDEST:
        return
    raise InputError(
        f"this does not look like bright cells on a dark ground, which is all that this segmentation is made for: "
        f"what is darker than the ground has {dark:.0%} of the energy of what is brighter (up to {DARKEST:.0%} is "
        f"usual), and what was found is {likeness:.0%} like ellipses ({ROUNDEST:.0%} or more is usual); "
        "is it phase contrast or DIC?",
        place=movie.source or movie.name,
        remedy="segment the movie with a tool made for it and give the label images (--labels)",
    )


def _kind(
    image: npt.NDArray[Any], diameter: float, settings: SegmentationSettings
) -> tuple[float, float]:
    """Energy of what is darker than the ground over that of what is brighter; likeness of what is found to ellipses."""
    found = contrast(image, diameter)
    sure = np.abs(found.coarse) > settings.threshold_noise * found.noise
    energy = np.where(sure, found.coarse, 0.0) ** 2
    bright = float(energy[found.coarse > 0].sum())
    dark = float(energy.sum()) - bright
    sums = moments_of(segment_frame(image, diameter, settings))
    area = sums[:, 0]
    likeness = float((ellipse_likeness(sums) * area).sum() / area.sum()) if area.any() else 1.0
    return (dark / bright if bright else 0.0), likeness
