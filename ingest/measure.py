"""Label images to detections: all cells of a frame at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.label_runs import cell_runs
from ingest.loops import compiled
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.ranges import expanded
from ingest.threads import default_threads
from ingest.tracking_graph import Detections, FloatArray, IntArray

Features = dict[str, FloatArray]

PIXELS = 8_000_000
"""Of all frames in work, and so in memory, at once."""

CALIBRATED = {"y": ("y_um", 1), "x": ("x_um", 1), "area": ("area_um2", 2), "perimeter": ("perimeter_um", 1)}
"""Column in pixels → its calibrated column, and the power of the pixel size between them."""


def measure(labels: LabelImages, movie: Movie | None = None, *, progress: Progress = silent) -> Detections:
    """Measure every cell of every frame; the features are those of docs/glossary.md.

    Args:
        labels: the cells' masks, (T, Y, X).
        movie: gives the intensities of each channel and the pixel size; without it only shapes are measured.
        progress: told of each frame.

    Raises:
        InputError: the movie and the label images differ in frames or in size.
    """
    if not len(labels):
        raise InputError("no label images", place=labels.source, remedy="give one for each frame")
    if movie is not None:
        require_same_shape(labels, movie)

    def one(frame: int) -> tuple[IntArray, Features]:
        return measure_frame(labels.stored_frame(frame), None if movie is None else movie.frame(frame))

    _, height, width = labels.shape
    threads = min(max(2, default_threads()), max(1, PIXELS // (height * width)))  # of two, one may read
    with ThreadPoolExecutor(threads) as pool:
        measured = list(progress(pool.map(one, range(len(labels))), "Measuring", total=len(labels)))
    counts = [len(label) for label, _ in measured]
    columns = {name: np.concatenate([features[name] for _, features in measured]) for name in measured[0][1]}
    if movie is not None and movie.pixel_size is not None:
        columns |= {um: columns[px] * movie.pixel_size**power for px, (um, power) in CALIBRATED.items()}
    return Detections(
        frame=np.repeat(np.arange(len(labels)), counts),
        label=np.concatenate([label for label, _ in measured]),
        y=columns.pop("y"),
        x=columns.pop("x"),
        features=columns,
    )


def measure_frame(
    labels: npt.NDArray[np.integer], image: npt.NDArray[np.generic] | None
) -> tuple[IntArray, Features]:
    """Measure all cells of one frame, lengths in pixels.

    Args:
        labels: (Y, X) label image.
        image: (C, Y, X) intensities, or None to measure shapes only.

    Returns:
        (n,) labels, ascending, and the columns y, x, area, perimeter, eccentricity, bbox_y0 …, mean_0, sd_0 …
    """
    cells = _Runs.of(labels)
    y, x = cells.means(cells.y), cells.means(cells.x)
    features = {
        "y": y,
        "x": x,
        "area": cells.area,
        "perimeter": _perimeter(cells, labels),
        "eccentricity": _eccentricity(cells, y, x),
        **_bounding_box(cells),
    }
    for number, channel in enumerate(() if image is None else image):
        features[f"mean_{number}"], features[f"sd_{number}"] = _intensities(cells, channel)
    return cells.label, features


@dataclass(frozen=True, eq=False)
class _Runs:
    """The n cells of one frame as R runs, each of pixels of one cell beside each other in one row.

    They are far fewer than pixels, and the sums of a run's coordinates have a closed form.

    Attributes:
        start: (R,) index of the first pixel of each in the label image, flattened; ascending.
        length: (R,) its pixels.
        y, x: (R,) the place of its middle.
        label: (n,) the cells' labels, ascending.
        owner: (R,) row in `label` of the cell that each belongs to.
        area: (n,) pixels of each cell.
    """

    start: IntArray
    length: IntArray
    y: FloatArray
    x: FloatArray
    label: IntArray
    owner: IntArray
    area: FloatArray

    @classmethod
    def of(cls, labels: npt.NDArray[np.integer]) -> "_Runs":
        start, end = cell_runs(labels)
        length, y = end - start, start // labels.shape[1]
        x = start - y * labels.shape[1]
        label, owner = np.unique(labels.ravel().take(start).astype(np.int64), return_inverse=True)
        area = _sums(owner, length, len(label))
        return cls(start, length, y.astype(np.float64), x + (length - 1) / 2, label, owner, area)

    @property
    def end(self) -> IntArray:
        """(R,) the pixel after the last of each."""
        return self.start + self.length

    def means(self, values: FloatArray) -> FloatArray:
        """(R,) means over each run → (n,) means over each cell."""
        return _sums(self.owner, values * self.length, len(self.label)) / self.area

    @cached_property
    def pixels(self) -> tuple[IntArray, IntArray]:
        """(P,) index of the pixels of all runs, as of `start`, ascending; (P,) whose they are, as `owner`."""
        run, at = expanded(self.start, self.length)
        return at, self.owner[run]


def _intensities(cells: _Runs, channel: npt.NDArray[np.generic]) -> tuple[FloatArray, FloatArray]:
    """(n,) mean and (n,) standard deviation of a (Y, X) image within each cell."""
    loops = compiled()
    if loops is not None:
        return loops.intensities(channel, cells.start, cells.end, cells.owner, cells.area)
    pixel, owner = cells.pixels
    values = channel.ravel().take(pixel).astype(np.float64)  # (P,)
    mean = _sums(owner, values, len(cells.area)) / cells.area
    off = values - mean[owner]
    return mean, np.sqrt(_sums(owner, off * off, len(cells.area)) / cells.area)


def _eccentricity(cells: _Runs, y: FloatArray, x: FloatArray) -> FloatArray:
    """√(1 − λ₂/λ₁) of the eigenvalues λ₁ ≥ λ₂ of each cell's second central moments; 0 for one pixel.

    With m = (μ₂₀ + μ₀₂)/2 and d = √(((μ₂₀ − μ₀₂)/2)² + μ₁₁²), λ = m ± d: hence √(2d/(m + d)).
    A run of l pixels has a variance of (l² − 1)/12 of its own.
    """
    dy, dx = cells.y - y[cells.owner], cells.x - x[cells.owner]
    own = (cells.length**2 - 1) / 12
    yy, xx, yx = cells.means(dy * dy), cells.means(dx * dx + own), cells.means(dy * dx)
    m, d = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    squared: FloatArray = np.divide(2 * d, m + d, out=np.zeros_like(m), where=m > 0)
    return np.sqrt(squared)


def _bounding_box(cells: _Runs) -> Features:
    """The smallest box around each cell, its end exclusive."""
    box: Features = {}
    half = (cells.length - 1) / 2
    for axis, first, last in (("y", cells.y, cells.y), ("x", cells.x - half, cells.x + half)):
        low, high = np.full(len(cells.label), np.inf), np.zeros(len(cells.label))
        np.minimum.at(low, cells.owner, first)
        np.maximum.at(high, cells.owner, last + 1)
        box |= {f"bbox_{axis}0": low, f"bbox_{axis}1": high}
    return box


def _perimeter_weights() -> FloatArray:
    """Length that a border pixel adds, by 1 + 2·(border pixels beside it) + 10·(those at its corners)."""
    weights = np.zeros(50)
    weights[[5, 7, 15, 17, 25, 27]] = 1
    weights[[21, 33]] = sqrt(2)
    weights[[13, 23]] = (1 + sqrt(2)) / 2
    return weights


PERIMETER_WEIGHTS = _perimeter_weights()


def _perimeter(cells: _Runs, labels: npt.NDArray[np.integer]) -> FloatArray:
    """Length of each cell's outline: Benkrid & Crookes 2000, as in `skimage.measure.perimeter`."""
    loops = compiled()
    if loops is not None:
        return loops.perimeters(
            labels, cells.start, cells.end, cells.owner, len(cells.label), PERIMETER_WEIGHTS
        )
    border = _border(labels)
    value = labels.ravel().take(border)  # (B,)
    width = labels.shape[1] + 2
    at = border + 2 * (border // labels.shape[1]) + width + 1  # with a frame around the image
    outline = np.zeros((labels.shape[0] + 2) * width, labels.dtype)
    outline[at] = value
    code = np.ones(len(at), np.int64)
    beside, corners = (-width, -1, 1, width), (-width - 1, -width + 1, width - 1, width + 1)
    for weight, steps in ((2, beside), (10, corners)):
        for step in steps:
            code += weight * (outline.take(at + step) == value)
    return _sums(np.searchsorted(cells.label, value), PERIMETER_WEIGHTS[code], len(cells.label))


def _border(labels: npt.NDArray[np.integer]) -> IntArray:
    """(B,) each pixel with anything but its own cell beside it: background, another cell, no image."""
    inside = np.zeros(labels.shape, bool)
    inside[1:-1, 1:-1] = True
    for axis in (0, 1):
        moved, within = np.moveaxis(labels, axis, 0), np.moveaxis(inside, axis, 0)
        is_same = moved[1:] == moved[:-1]
        within[1:] &= is_same
        within[:-1] &= is_same
    return np.flatnonzero((labels != 0) & ~inside)


def _sums(owner: IntArray, values: npt.NDArray[np.number], count: int) -> FloatArray:
    """(count,) sums of the values of each owner."""
    # NumPy's stubs know no weights: the sums are floats already.
    return np.bincount(owner, values, count).astype(np.float64, copy=False)


def require_same_shape(labels: LabelImages, movie: Movie) -> None:
    """Refuse label images that are not those of a movie's frames.

    Raises:
        InputError: they differ in number or in size.
    """
    frames, _, *size = movie.shape
    if labels.shape != (frames, *size):
        raise InputError(
            f"the label images are {_size(*labels.shape)}, the movie is {_size(frames, *size)}",
            place=labels.source,
            remedy=f"give the label images of {movie.source or movie.name}, one a frame",
        )


def _size(frames: int, height: int, width: int) -> str:
    return f"{frames} frames of {height}×{width}"
