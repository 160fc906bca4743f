"""Label images to detections: all cells of a frame at once, over the foreground pixels only."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.movie import LabelImages, Movie
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, FloatArray, IntArray

Features = dict[str, FloatArray]

THREADS, PIXELS = 4, 8_000_000
"""Frames in work, and so in memory, at once, and how many pixels they may have together.

Reading and decoding let go of the interpreter.
"""

CALIBRATED = {"y": ("y_um", 1), "x": ("x_um", 1), "area": ("area_um2", 2), "perimeter": ("perimeter_um", 1)}
"""Column in pixels → (column in µm, power of the pixel size)."""


def measure(labels: LabelImages, movie: Movie | None = None, *, progress: Progress = silent) -> Detections:
    """Measure every cell of every frame; the features are those of docs/glossary.md.

    Args:
        labels: the cells' masks, (T, Y, X).
        movie: gives the intensities of each channel and the pixel size; without it only shapes are measured.
        progress: told of each frame.

    Raises:
        InputError: the movie and the label images differ in frames or in size.
    """
    if movie is not None:
        _require_same_shape(labels, movie)

    def one(frame: int) -> tuple[IntArray, Features]:
        return measure_frame(labels.stored_frame(frame), None if movie is None else movie.frame(frame))

    _, height, width = labels.shape
    threads = min(THREADS, max(1, PIXELS // max(height * width, 1)))
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
    cells = _Foreground.of(labels)
    y, x = cells.means(cells.y), cells.means(cells.x)
    features = {
        "y": y,
        "x": x,
        "area": cells.area,
        "perimeter": _perimeter(cells),
        "eccentricity": _eccentricity(cells, y, x),
        **_bounding_box(cells),
    }
    for number, channel in enumerate(() if image is None else image):
        values = channel.ravel().take(cells.flat).astype(np.float64)  # (P,)
        mean = cells.means(values)
        features[f"mean_{number}"] = mean
        features[f"sd_{number}"] = np.sqrt(cells.means((values - mean[cells.owner]) ** 2))
    return cells.label, features


@dataclass(frozen=True, eq=False)
class _Foreground:
    """The P pixels of the n cells of one frame, in raster order.

    Attributes:
        flat: (P,) index of each pixel in the label image, flattened.
        y, x: (P,) its position there.
        label: (n,) the cells' labels, ascending.
        owner: (P,) row in `label` of the cell that each pixel belongs to.
        area: (n,) pixels of each cell.
        border: (B,) rows of the pixels with anything but their own cell beside them: background, another
            cell, no image.
        code: (B,) 1 + 2·(border pixels of the same cell beside it) + 10·(those at its corners).
    """

    flat: IntArray
    y: FloatArray
    x: FloatArray
    label: IntArray
    owner: IntArray
    area: FloatArray
    border: IntArray
    code: IntArray

    @classmethod
    def of(cls, labels: npt.NDArray[np.integer]) -> "_Foreground":
        flat = np.flatnonzero(labels != 0)  # by far faster than of the labels themselves
        y, x = np.divmod(flat, labels.shape[1])
        value = labels.ravel().take(flat).astype(np.int32, copy=False)
        label, owner, area = _owners(value)
        border, code = _border(labels, (y, x), value)
        return cls(
            flat, y.astype(np.float64), x.astype(np.float64), label, owner, area.astype(np.float64),
            border, code,
        )  # fmt: skip

    def sums(self, values: npt.NDArray[np.number]) -> FloatArray:
        """(P,) values → (n,) sums over each cell."""
        return _sums(self.owner, values, len(self.label))

    def means(self, values: npt.NDArray[np.number]) -> FloatArray:
        """(P,) values → (n,) means over each cell."""
        return self.sums(values) / self.area


def _eccentricity(cells: _Foreground, y: FloatArray, x: FloatArray) -> FloatArray:
    """√(1 − λ₂/λ₁) of the eigenvalues λ₁ ≥ λ₂ of each cell's second central moments; 0 for one pixel.

    With m = (μ₂₀ + μ₀₂)/2 and d = √(((μ₂₀ − μ₀₂)/2)² + μ₁₁²), λ = m ± d: hence √(2d/(m + d)).
    """
    dy, dx = cells.y - y[cells.owner], cells.x - x[cells.owner]
    yy, xx, yx = cells.means(dy * dy), cells.means(dx * dx), cells.means(dy * dx)
    m, d = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    squared: FloatArray = np.divide(2 * d, m + d, out=np.zeros_like(m), where=m > 0)
    return np.sqrt(squared)


def _bounding_box(cells: _Foreground) -> Features:
    """The smallest box around each cell, its end exclusive; its outermost pixels lie on its border."""
    box: Features = {}
    owner = cells.owner[cells.border]
    for axis, place in (("y", cells.y), ("x", cells.x)):
        at = place[cells.border]
        low, high = np.full(len(cells.label), np.inf), np.zeros(len(cells.label))
        np.minimum.at(low, owner, at)
        np.maximum.at(high, owner, at + 1)
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


def _perimeter(cells: _Foreground) -> FloatArray:
    """Length of each cell's outline: Benkrid & Crookes 2000, as in `skimage.measure.perimeter`."""
    return _sums(cells.owner[cells.border], PERIMETER_WEIGHTS[cells.code], len(cells.label))


def _sums(owner: IntArray, values: npt.NDArray[np.number], count: int) -> FloatArray:
    """(count,) sums of the values of each owner."""
    # NumPy's stubs know no weights: the sums are floats already.
    return np.bincount(owner, values, count).astype(np.float64, copy=False)


def _owners(value: npt.NDArray[np.int32]) -> tuple[IntArray, IntArray, IntArray]:
    """(n,) labels that occur, ascending; (P,) the row of each pixel's among them; (n,) pixels of each."""
    if value.max(initial=0) > 8 * value.size:  # a table of all labels would be large
        known, owner, area = np.unique(value, return_inverse=True, return_counts=True)
        return known.astype(np.int64), owner, area.astype(np.int64)
    pixels = np.bincount(value)
    label = np.flatnonzero(pixels)
    row = np.zeros(len(pixels), np.int64)
    row[label] = np.arange(len(label))
    return label, row.take(value), pixels[label].astype(np.int64, copy=False)


def _border(
    labels: npt.NDArray[np.integer], place: tuple[IntArray, IntArray], value: npt.NDArray[np.int32]
) -> tuple[IntArray, IntArray]:
    """`border` and `code` of `_Foreground`.

    Args:
        labels: (Y, X) label image.
        place: (P,) y and x of each pixel of a cell.
        value: (P,) its label.
    """
    framed, width = np.pad(labels, 1).ravel(), labels.shape[1] + 2
    at = (place[0] + 1) * width + place[1] + 1
    beside, corners = (-width, -1, 1, width), (-width - 1, -width + 1, width - 1, width + 1)
    is_border = np.zeros(len(at), bool)
    for step in beside:
        is_border |= framed.take(at + step) != value
    border = np.flatnonzero(is_border)
    at, value = at[border], value[border]
    outline = np.zeros_like(framed)
    outline[at] = value
    code = np.ones(len(at), np.int64)
    for weight, steps in ((2, beside), (10, corners)):
        for step in steps:
            code += weight * (outline.take(at + step) == value)
    return border, code


def _require_same_shape(labels: LabelImages, movie: Movie) -> None:
    frames, _, height, width = movie.shape
    if labels.shape != (frames, height, width):
        raise InputError(
            f"the label images are {labels.shape} (T, Y, X), the movie is {(frames, height, width)}",
            place=movie.source or movie.name,
            remedy="give one label image for each frame of the movie, of the same size",
        )
