"""Raw frames to label images, for bright cells on a dark ground, such as fluorescent nuclei.

Background, watershed on brightness and on the distance transform, local threshold, size filter. Which
basins make a cell is a choice among all plausible unions: each is outlined at its own threshold, and judged
by how far it is one ellipse of a cell's size without a valley. Every length is a share of the cells'
diameter, which is given or measured from the movie.
"""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.cell_size import typical_diameter
from ingest.contrast import contrast
from ingest.errors import InputError
from ingest.find_cells import find_cells
from ingest.label_runs import LabelRuns
from ingest.merge_tree import Labels
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.ranges import spread
from ingest.threads import default_threads
from ingest.tracking_graph import IntArray

SAMPLED_FRAMES = 5
"""Frames, spread over the movie, on which the diameter and the kind of image are measured."""
SMALLEST_DIAMETER = 4.0
"""Pixels; in smaller cells neither shape nor neck can be seen."""
REFINEMENTS = 2
"""Times that the diameter is measured anew on the cells found with the last one."""
MOST_DARK = 0.03
"""Share of the structure that may be darker than the ground: 0.003 in phase contrast, from 0.07 on in DIC."""


@dataclass(frozen=True)
class SegmentationSettings:
    """How cells are told from the ground and from each other.

    Attributes:
        diameter: typical one of a cell, in µm, or in pixels where their size is unknown; measured if None.
        threshold_noise: a cell is brighter than the ground by at least so many times the noise.
        threshold_share: its edge is where it is as bright as this share of its own mean.
        smallest_share: what is smaller than this share of a typical cell's area is no cell.
        force: segment even a movie that does not look like bright cells on a dark ground.
    """

    diameter: float | None = None
    threshold_noise: float = 5.0
    threshold_share: float = 0.4
    smallest_share: float = 0.1
    force: bool = False

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
    progress: Progress = silent,
) -> LabelImages:
    """Segment every frame of a movie.

    Args:
        movie: bright cells on a dark ground, in the channel that shows them.
        settings: by default all is measured from the movie.
        progress: told of each frame.

    Returns:
        (T, Y, X) label images, held in memory as runs; all empty where the movie shows nothing but noise.

    Raises:
        InputError: cells of a few pixels; an image that is not of this kind.
    """
    settings = settings or SegmentationSettings()
    sample = [movie.cell_image(t) for t in spread(len(movie), SAMPLED_FRAMES)]
    diameter = _diameter_in_pixels(movie, settings, sample)
    frames, _, height, width = movie.shape
    if diameter is None:
        empty = np.zeros((height, width), np.int32)
        return LabelImages((frames, height, width), lambda _: empty)
    with ThreadPoolExecutor(default_threads()) as pool:  # so many frames are in memory
        if not settings.force:
            _require_bright_cells(movie, sample, diameter, settings, pool)
        if settings.diameter is None:
            diameter = _refined(diameter, sample, settings, pool)

        def one(t: int) -> LabelRuns:
            return LabelRuns.of(segment_frame(movie.cell_image(t), diameter, settings))

        runs = list(progress(pool.map(one, range(frames)), "Segmenting", total=frames))
    return LabelImages((frames, height, width), lambda t: runs[t].image())


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


def _diameter_in_pixels(
    movie: Movie, settings: SegmentationSettings, sample: Sequence[npt.NDArray[Any]]
) -> float | None:
    """As given, or as measured; None where there is nothing to measure."""
    if settings.diameter is None:
        diameter, origin, remedy = typical_diameter(sample), "measured", "or the right diameter (--diameter)"
    else:
        diameter, origin, remedy = (
            settings.diameter / (movie.pixel_size or 1.0),
            "given",
            "or a larger diameter",
        )
    if diameter is not None and diameter < SMALLEST_DIAMETER:
        raise InputError(
            f"cells of {diameter:.1f} pixels, as {origin}, are too small to be segmented",
            place=movie.source or movie.name,
            remedy=f"give label images of your own (--labels), {remedy}",
        )
    height, width = movie.shape[2:]
    if diameter is not None and diameter > max(height, width):
        raise InputError(
            f"cells of {diameter:,.0f} pixels, as {origin}, do not fit into frames of {height} × {width}",
            place=movie.source or movie.name,
            remedy="give a smaller diameter: in µm where the pixel size is known, else in pixels",
        )
    return diameter


def _refined(
    diameter: float, sample: Sequence[npt.NDArray[Any]], settings: SegmentationSettings, pool: Executor
) -> float:
    """The diameter of the cells that are found with the measured one, which crowds and blur deceive.

    It is that of the cell in which half of all cells' area is reached: fragments hardly count.
    """
    for _ in range(REFINEMENTS):
        found = pool.map(partial(_areas, diameter=diameter, settings=settings), sample)
        area = np.sort(np.concatenate(list(found)))
        if not area.size:
            break
        half = area[np.searchsorted(np.cumsum(area), area.sum() / 2)]
        diameter = max(SMALLEST_DIAMETER, 2 * sqrt(half / pi))
    return diameter


def _areas(image: npt.NDArray[Any], diameter: float, settings: SegmentationSettings) -> IntArray:
    """(n,) pixels of each cell of a frame."""
    return np.bincount(segment_frame(image, diameter, settings).ravel())[1:]


def _require_bright_cells(
    movie: Movie,
    sample: Sequence[npt.NDArray[Any]],
    diameter: float,
    settings: SegmentationSettings,
    pool: Executor,
) -> None:
    """Refuse images with much that is darker than the ground, as in DIC and bright field."""
    shares = pool.map(partial(_dark_share, diameter=diameter, settings=settings), sample)
    dark = float(np.median(list(shares)))
    if dark > MOST_DARK:
        raise InputError(
            f"{dark:.0%} of the structure is darker than the ground: this is DIC or bright field perhaps, "
            "and not bright cells on a dark ground, which is all that this segmentation is made for",
            place=movie.source or movie.name,
            remedy="segment the movie with a tool made for it and give the label images (--labels), "
            "or take what is brighter for cells all the same (--force)",
        )


def _dark_share(image: npt.NDArray[Any], diameter: float, settings: SegmentationSettings) -> float:
    """Energy of what is surely darker than the ground, of all that surely differs from it."""
    found = contrast(image, diameter)
    sure = np.abs(found.coarse) > settings.threshold_noise * found.noise
    energy = np.where(sure, found.coarse, 0).astype(np.float64) ** 2
    total = float(energy.sum())
    return float(energy[found.coarse < 0].sum()) / total if total else 0.0
