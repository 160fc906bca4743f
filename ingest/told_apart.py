"""Masks that say where cells are, but not which."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.ranges import spread
from ingest.tracking_graph import Detections

LOOKED_AT = 5
"""Frames, spread over the movie."""
SMALLEST = 0.1
"""Of the largest region of a frame: what is smaller is a speck."""


def require_told_apart(detections: Detections, labels: LabelImages) -> None:
    """Refuse label images that give all cells of a movie one number, as masks of 0 and 255 do.

    A movie of one cell has one label too, perhaps in two pieces, but not in three places in most frames.

    Args:
        detections: measured on the label images.
        labels: (T, Y, X) label images.

    Raises:
        InputError: one label is all that there is, and in most frames it is in three regions or more.
    """
    if len(np.unique(detections.label)) != 1:
        return
    frames = np.unique(detections.frame)
    sample = frames[spread(len(frames), LOOKED_AT)]
    regions = int(np.median([_regions(labels.frame(int(t))) for t in sample]))
    if regions > 2:
        raise InputError(
            f"one label, {detections.label[0]}, for {regions} separate regions in a frame",
            place=labels.source,
            remedy="give each cell a number of its own: number the connected regions "
            "(skimage.measure.label; MorphoLibJ in Fiji)",
        )


def _regions(image: npt.NDArray[np.integer]) -> int:
    """Connected regions of one frame, without specks."""
    area = np.bincount(ndi.label(image, np.ones((3, 3)))[0].ravel())[1:]
    return int((area >= SMALLEST * area.max(initial=0)).sum())
