"""Label images as users have them, too: cells that are only marked, cells that a segmentation got wrong."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ingest.squares import squares_around
from ingest.tracking_graph import Detections, FloatArray

BESIDE = 2
"""Pixels between cells that a segmentation may take for one."""
PIECE = (0.2, 0.5)
"""Share of a cell's pixels in the smaller piece where it is cut."""
DEBRIS = (0.3, 1.0)
"""Diameters, in those of the cells, of what is taken for a cell and is none."""
Labels = npt.NDArray[np.int32]
Box = tuple[slice, ...]


def marked(image: Labels, detections: Detections, frame: int, diameter: float) -> Labels:
    """(Y, X) label image of markers: a disc in place of each cell, one pixel at least.

    Where discs meet, each pixel is that of the nearer centre; a cell whose centre is in the same pixel as
    another's may have none.

    Args:
        image: (Y, X) the cells that are marked.
        detections: whose labels and centres these are.
        frame: theirs in the detections.
        diameter: of the discs, pixels.
    """
    rows = detections.frame_slice(frame)
    is_here = np.isin(detections.label[rows], image)
    label = detections.label[rows][is_here]
    y, x = (centre[rows][is_here] for centre in (detections.y, detections.x))
    return _discs(label, y, x, np.full(len(label), diameter), image.shape)


def missegmented(image: Labels, share: float, first: int, rng: np.random.Generator) -> Labels:
    """(Y, X) label image with the flaws of a segmentation.

    Of its cells such a share each is missed; is cut in two, of which the larger piece keeps the label; and is
    merged with one beside it, where there is one, under the label of the larger. As many things are found
    that are no cells. No cell has two flaws.

    Args:
        image: (Y, X) the cells.
        share: of the cells, for each kind of flaw.
        first: label of the first piece or thing; others follow.
        rng: decides.
    """
    is_cell = image > 0
    cells, number, area = np.unique(image[is_cell], return_inverse=True, return_counts=True)
    if not len(cells):
        return image.copy()
    numbered = np.zeros(image.shape, np.int64)
    numbered[is_cell] = number + 1
    boxes = dict(zip(cells.tolist(), ndimage.find_objects(numbered), strict=True))
    worse = image.copy()
    fate = np.digitize(rng.random(len(cells)), share * np.arange(1, 4))  # of 3: it is left alone
    missed, cut, merged, whole = (cells[fate == which].tolist() for which in range(4))
    for cell in missed:
        worse[boxes[cell]][image[boxes[cell]] == cell] = 0
    for cell in cut:
        first += _cut(worse[boxes[cell]], image[boxes[cell]] == cell, first, rng)
    for cell in merged:
        box = tuple(slice(max(0, side.start - BESIDE), side.stop + BESIDE) for side in boxes[cell])
        near = ndimage.binary_dilation(image[box] == cell, iterations=BESIDE)
        beside = np.intersect1d(image[box][near], whole)
        if len(beside):
            other = int(rng.choice(beside))
            whole.remove(other)
            _merge(worse, cell, boxes[cell], other, boxes[other])
    typical = float(np.median(np.sqrt(4 / np.pi * area)))
    count = rng.poisson(share * len(cells))
    y, x = (rng.uniform(0, length - 1, count) for length in image.shape)
    debris = _discs(first + np.arange(count), y, x, typical * rng.uniform(*DEBRIS, count), image.shape)
    return np.where(is_cell, worse, debris)


def _cut(image: Labels, cell: npt.NDArray[np.bool_], piece: int, rng: np.random.Generator) -> int:
    """Give what lies beyond a line through a cell a label of its own; how many pieces are new, 0 or 1."""
    pixels = np.stack(np.nonzero(cell))  # (2, area)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * pixels[0] + np.sin(angle) * pixels[1]
    beyond = along > np.quantile(along, 1 - rng.uniform(*PIECE))
    image[tuple(pixels[:, beyond])] = piece
    return int(beyond.any())


def _merge(image: Labels, one: int, box: Box, other: int, other_box: Box) -> None:
    """Give two cells the label of the larger."""
    cells = [(image[where] == label, where, label) for label, where in ((one, box), (other, other_box))]
    label = max(cells, key=lambda cell: np.count_nonzero(cell[0]))[2]
    for cell, where, _ in cells:
        image[where][cell] = label


def _discs(
    label: npt.NDArray[np.integer], y: FloatArray, x: FloatArray, diameter: FloatArray, shape: tuple[int, ...]
) -> Labels:
    """(Y, X) label image of discs of one pixel at least, each with what is nearest to its centre."""
    owner, row, column = squares_around(y, x, (diameter / 2).astype(np.int64) + 1)  # (W,) each
    distance = np.hypot(row - y[owner], column - x[owner])
    distance[(row == np.rint(y)[owner]) & (column == np.rint(x)[owner])] = 0
    painted = (distance <= diameter[owner] / 2) & (row >= 0) & (row < shape[0])
    painted &= (column >= 0) & (column < shape[1])
    order = np.flatnonzero(painted)[np.argsort(-distance[painted], kind="stable")]  # the nearest last
    image = np.zeros(shape, np.int32)
    image[row[order], column[order]] = label[owner[order]]
    return image
