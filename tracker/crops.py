"""What a cell looks like: a small picture of it and of its mask, whatever the size of the movie's cells."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ingest.block_means import block_means
from ingest.loops import compiled
from ingest.movie import LabelImages, Movie
from ingest.threads import default_threads
from ingest.tracking_graph import Detections
from tracker.cells import Cells

SIDE = 24
"""Pixels of a crop's side."""
FIELD = 2.5
"""Its side in cell diameters."""
AT_ONCE = 2048
"""Cells that NumPy cuts out together: what it takes is large against their crops."""
SAMPLED = 4
"""Every fourth row and column is enough to know a frame's ground."""
BRIGHT = 95
"""Percentile of the cells' distance from the ground that is called 1."""
FARTHEST = 1000
"""No cell is so far from the ground: what is, such as a hot pixel, would be infinite in half precision."""
Image = npt.NDArray[np.float32]
Labels = npt.NDArray[np.integer]


def crops(labels: LabelImages, movie: Movie | None, detections: Detections, cells: Cells) -> Iterator[Tensor]:
    """The crops of each frame's n cells, in the order of `cells`: (n, 2, 24, 24), see `frame_crops`.

    Their intensities are relative to the frame's `Light`. The frames ahead are read while the network looks
    at those before: `frames_ahead` of them are in memory.

    Raises:
        InputError: a frame that cannot be read.
    """
    diameter = cells.diameter
    place = np.stack([detections.y, detections.x], axis=1)[cells.row]  # not registered: where the pixels are
    label = detections.label[cells.row]

    def one(t: int) -> Image:  # without torch, whose own threads would work against these
        here = cells.in_frame(t)
        if not len(here):
            return np.zeros((0, 2, SIDE, SIDE), np.float32)
        mask = labels.stored_frame(t)
        image = None if movie is None else movie.cell_image(t)
        cut = frame_crops(mask, image, label[here], place[here], diameter)
        if image is not None:
            cut[:, 0] = Light.of(image, mask).relative(cut[:, 0])
        return cut

    ahead = frames_ahead()
    with ThreadPoolExecutor(ahead) as pool:
        waiting: deque[Future[Image]] = deque()
        for t in range(len(labels)):
            waiting.append(pool.submit(one, t))
            if len(waiting) > ahead:
                yield torch.from_numpy(waiting.popleft().result())
        while waiting:
            yield torch.from_numpy(waiting.popleft().result())


def frames_ahead() -> int:
    """Frames that are read and cut at once, by half of the threads: others draft, and run the network."""
    return max(1, default_threads() // 2)


@dataclass(frozen=True)
class Light:
    """How a frame is lit.

    Attributes:
        ground: intensity between the cells.
        scale: how far from it most of the cells' pixels stay; 1 where there is no contrast.
    """

    ground: float
    scale: float

    @classmethod
    def of(cls, image: npt.NDArray[np.generic], labels: Labels) -> "Light":
        """Measured on the (Y, X) intensities and label image of a frame."""
        sample, is_cell = image[::SAMPLED, ::SAMPLED], labels[::SAMPLED, ::SAMPLED] > 0
        ground = _median(sample[~is_cell]) if not is_cell.all() else float(sample.min())
        inside = (sample[is_cell] if is_cell.any() else image[labels > 0]).astype(np.float32)
        scale = float(np.percentile(np.abs(inside - np.float32(ground)), BRIGHT)) if inside.size else 0.0
        return cls(ground, scale if scale > 0 else 1.0)

    def relative(self, intensity: Image) -> Image:
        """0 at the ground, within ±1 for most of the cells: so exposure, gain and offset do not matter."""
        relative = intensity - np.float32(self.ground)
        relative /= np.float32(self.scale)
        return relative.clip(-FARTHEST, FARTHEST, out=relative)


def _median(values: npt.NDArray[np.generic]) -> float:
    """As `np.median` of some numbers, which looks for NaN besides and takes six times as long."""
    half = len(values) // 2
    sorted_there = np.partition(values, half)
    upper = float(sorted_there[half])
    return upper if len(values) % 2 else (float(sorted_there[:half].max()) + upper) / 2


def frame_crops(
    labels: Labels,
    image: npt.NDArray[np.generic] | None,
    label: npt.NDArray[np.int64],
    place: npt.NDArray[np.float64],
    diameter: float,
) -> Image:
    """Crops around the n cells of one frame.

    Args:
        labels: (Y, X) label image.
        image: (Y, X) intensities, or None.
        label: (n,) of each cell.
        place: (n, 2) centroids y, x, pixels.
        diameter: typical one of a cell, pixels.

    Returns:
        (n, 2, 24, 24): the intensities (0 without an image); the mask, 1 for the cell, −1 for others.
    """
    step = max(FIELD * diameter / SIDE, 1e-3)  # pixels of the movie from one of the crop to the next
    block = max(1, round(step))  # where cells are large, means over blocks of pixels are seen
    cut = np.zeros((len(label), 2, SIDE, SIDE), np.float32)
    loops = compiled()
    if loops is not None:
        loops.crop_masks(labels, label, place, step, cut)
        if image is not None:
            loops.crop_images(loops.block_means(image, block), block, place, step, cut)
        return cut
    pixels = None if image is None else block_means(image, block, np.float32)
    offset = (np.arange(SIDE) - (SIDE - 1) / 2) * step
    for start in range(0, len(label), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        y, x = (place[some, axis, None] + offset for axis in (0, 1))  # (n, 24) each
        cut[some, 1] = _sample_mask(labels, label[some], y, x)
        if pixels is not None:
            cut[some, 0] = _sample_image(pixels, y, x, block)
    return cut


def _sample_mask(
    labels: Labels,
    label: npt.NDArray[np.int64],
    y: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> npt.NDArray[np.int8]:
    """(n, 24, 24) 1 where the nearest pixel is the cell's, −1 another's, 0 ground or beyond the image."""
    row, column = np.rint(y).astype(np.int64), np.rint(x).astype(np.int64)
    height, width = labels.shape
    inside_y, inside_x = (row >= 0) & (row < height), (column >= 0) & (column < width)
    row, column = np.clip(row, 0, height - 1) * width, np.clip(column, 0, width - 1)
    found = labels.ravel().take(row[:, :, None] + column[:, None, :])  # (n, 24, 24)
    own = (found == label[:, None, None]).view(np.int8)
    mask: npt.NDArray[np.int8] = (found > 0).view(np.int8)
    np.negative(mask, out=mask)
    mask += 2 * own
    mask *= (inside_y[:, :, None] & inside_x[:, None, :]).view(np.int8)
    return mask


def _sample_image(pixels: Image, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], block: int) -> Image:
    """(n, 24, 24) intensities, linear between the means of blocks of pixels."""
    row, below = _between(y, block, pixels.shape[0])  # (n, 24) each
    column, right = _between(x, block, pixels.shape[1])
    framed = np.pad(pixels, ((0, 1), (0, 1)), mode="edge")  # so that there is a next pixel
    flat, width = framed.ravel(), framed.shape[1]
    at = row[:, :, None] * width + column[:, None, :]  # (n, 24, 24)
    upper = _blended(flat.take(at), flat[1:].take(at), right[:, None, :])
    lower = _blended(flat[width:].take(at), flat[width + 1 :].take(at), right[:, None, :])
    return _blended(upper, lower, below[:, :, None])


def _blended(one: Image, other: Image, share: Image) -> Image:
    """`one`, with a share of the other; both are overwritten."""
    other -= one
    other *= share
    one += other
    return one


def _between(place: npt.NDArray[np.float64], block: int, length: int) -> tuple[npt.NDArray[np.int64], Image]:
    """The block before each place, and how far the place is from its middle to the next one's, 0 … 1."""
    position = np.clip((place + 0.5) / block - 0.5, 0, length - 1)
    before = position.astype(np.int64)
    return before, (position - before).astype(np.float32)
