"""What a cell looks like: a small picture of it and of its mask, whatever the size of the movie's cells."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ingest.errors import InputError
from ingest.movie import LabelImages, Movie
from ingest.tracking_graph import Detections
from tracker.draft import Draft

SIDE = 24
"""Pixels of a crop's side."""
FIELD = 2.5
"""Its side in cell diameters."""
AHEAD = 2
"""Frames that are looked at at once."""
SAMPLED = 4
"""Every so manieth row and column is enough to know a frame's ground."""
BRIGHT = 95
"""Percentile of the cells' distance from the ground that is called 1."""
Image = npt.NDArray[np.float32]


def crops(
    labels: LabelImages, movie: Movie | None, detections: Detections, draft: Draft, channel: int = 0
) -> Iterator[Tensor]:
    """The crops of each frame's n cells, in the order of `draft.cells`: (n, 2, 24, 24), see `frame_crops`.

    The frames ahead are read while the network looks at those before: `AHEAD` of them are in memory.

    Raises:
        InputError: there is no such channel; a frame that cannot be read.
    """
    if movie is not None and not 0 <= channel < movie.shape[1]:
        raise InputError(
            f"there is no channel {channel}", place=movie.name, remedy=f"choose one below {movie.shape[1]}"
        )
    cells = draft.cells
    place = np.stack([detections.y, detections.x], axis=1)[cells.row]  # not registered: where the pixels are
    label = detections.label[cells.row]

    def one(t: int) -> Tensor:
        here = cells.in_frame(t)
        if not len(here):
            return torch.zeros(0, 2, SIDE, SIDE)
        mask = labels.frame(t)
        image = None if movie is None else relative_to_ground(movie.frame(t)[channel], mask)
        return frame_crops(mask, image, label[here], place[here], draft.motion.diameter)

    with ThreadPoolExecutor(AHEAD) as pool:
        waiting: deque[Future[Tensor]] = deque()
        for t in range(len(labels)):
            waiting.append(pool.submit(one, t))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def relative_to_ground(image: npt.NDArray[np.generic], labels: npt.NDArray[np.int32]) -> Image:
    """(Y, X) intensities, 0 the ground between the cells and ±1 what most of the cells' pixels stay within.

    So a frame's exposure, gain and offset do not matter.
    """
    pixels = image.astype(np.float32)
    sample, is_cell = pixels[::SAMPLED, ::SAMPLED], labels[::SAMPLED, ::SAMPLED] > 0
    ground = float(np.median(sample[~is_cell])) if not is_cell.all() else float(sample.min())
    inside = np.abs((sample[is_cell] if is_cell.any() else pixels[labels > 0]) - ground)
    scale = float(np.percentile(inside, BRIGHT)) if inside.size else 0.0
    return (pixels - ground) / (scale if scale > 0 else 1.0)


def frame_crops(
    labels: npt.NDArray[np.int32],
    image: Image | None,
    label: npt.NDArray[np.int64],
    place: npt.NDArray[np.float64],
    diameter: float,
) -> Tensor:
    """Crops around the n cells of one frame.

    Args:
        labels: (Y, X) label image.
        image: (Y, X) intensities relative to the ground, or None.
        label: (n,) of each cell.
        place: (n, 2) centroids y, x, pixels.
        diameter: typical one of a cell, pixels.

    Returns:
        (n, 2, 24, 24): the intensities (0 without an image); the mask, 1 for the cell, −1 for others.
    """
    step = max(FIELD * diameter / SIDE, 1e-3)  # pixels of the movie from one of the crop to the next
    offset = (np.arange(SIDE) - (SIDE - 1) / 2) * step
    y, x = (place[:, axis, None] + offset for axis in (0, 1))  # (n, 24) each
    mask = _sample_mask(labels, label, y, x)
    if image is None:
        return torch.stack([torch.zeros_like(mask), mask], dim=1)
    return torch.stack([_sample_image(image, y, x, step), mask], dim=1)


def _sample_mask(
    labels: npt.NDArray[np.int32],
    label: npt.NDArray[np.int64],
    y: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
) -> Tensor:
    """(n, 24, 24) 1 where the nearest pixel is the cell's, −1 another's, 0 ground or beyond the image."""
    row, column = np.rint(y).astype(np.int64), np.rint(x).astype(np.int64)
    inside_y, inside_x = (row >= 0) & (row < labels.shape[0]), (column >= 0) & (column < labels.shape[1])
    row, column = np.clip(row, 0, labels.shape[0] - 1), np.clip(column, 0, labels.shape[1] - 1)
    found = labels[row[:, :, None], column[:, None, :]]  # (n, 24, 24)
    found = np.where(inside_y[:, :, None] & inside_x[:, None, :], found, 0)
    own = found == label[:, None, None]
    return torch.from_numpy(np.where(own, 1, -(found > 0).astype(np.int8)).astype(np.float32))


def _sample_image(
    image: Image, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], step: float
) -> Tensor:
    """(n, 24, 24) intensities, linear between pixels; of means over blocks of them where cells are large."""
    block = max(1, round(step))
    pixels = torch.from_numpy(image)[None, None]  # (1, 1, Y, X)
    if block > 1:
        pixels = functional.avg_pool2d(pixels, block, ceil_mode=True)
    height, width = pixels.shape[2:]
    # −1 and 1 are the outer edges of the first and the last block.
    grid_y = torch.from_numpy(((2 * y + 1) / (block * height) - 1).astype(np.float32))
    grid_x = torch.from_numpy(((2 * x + 1) / (block * width) - 1).astype(np.float32))
    n, side = grid_y.shape
    grid = torch.stack(
        [grid_x[:, None, :].expand(n, side, side), grid_y[:, :, None].expand(n, side, side)], dim=-1
    )  # (n, 24, 24, 2)
    found = functional.grid_sample(
        pixels, grid.reshape(1, n * side, side, 2), padding_mode="border", align_corners=False
    )
    return found.view(n, side, side)
