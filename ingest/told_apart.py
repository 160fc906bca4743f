"""Images given as label images that do not say which cell a pixel is of: masks, or a movie's own pixels."""

import numpy as np
import numpy.typing as npt
from skimage.measure import label as regions_of

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.ranges import spread

LOOKED_AT = 5
"""Frames, spread over the movie."""
SMALLEST = 0.1
"""Of the largest region of its label: what is smaller is a speck."""
PIECES, WITH_SPECKS = 3, 10
"""Regions from which on a label is no cell; one may be in two, and have specks besides."""
LARGEST = 0.5
"""Of a cell's pixels, how many are in its largest region at least."""
ALIKE = 0.25
"""Of two labelled pixels that touch, how often they are of one cell at least, where cells are no points."""


def require_told_apart(labels: LabelImages) -> None:
    """Refuse label images that do not give each cell a number of its own.

    In a mask of 0 and 255, or of kinds of cells, each label is in many places; in a movie's own pixels it
    is too, or each pixel is unlike the one beside it. So it is in most of the frames that are looked at.

    Args:
        labels: (T, Y, X) label images.

    Raises:
        InputError: cells have no numbers of their own.
    """
    looked_at = spread(len(labels), LOOKED_AT).tolist()
    verdicts: list[bool] = []
    for t in looked_at:
        image = labels.stored_frame(t)
        if image.any():
            verdicts.append(_are_scattered(image))
            if verdicts[-1]:
                count, where = _counted(image), t
    if 2 * sum(verdicts) > len(verdicts):
        raise InputError(
            f"{count}, which are no cells",
            place=f"{labels.source}, frame {where}",
            remedy="give each cell a number of its own: of a mask, number the connected regions "
            "(skimage.measure.label; MorphoLibJ in Fiji); of a movie, leave its label images out; "
            "or take them as they are (--force)",
        )


def _counted(image: npt.NDArray[np.integer]) -> str:
    numbers, regions = len(np.unique(image[image > 0])), regions_of(image, connectivity=2).max()
    return f"{numbers} label{'s' * (numbers > 1)} in {regions} separate regions"


def _are_scattered(image: npt.NDArray[np.integer]) -> bool:
    """Whether pixels beside each other are rarely of one label, or labels are of many regions."""
    touching = alike = 0
    for one, other in ((image[:, :-1], image[:, 1:]), (image[:-1], image[1:])):
        both = (one > 0) & (other > 0)
        touching += int(np.count_nonzero(both))
        alike += int(np.count_nonzero((one == other)[both]))
    if touching > np.count_nonzero(image) and alike < ALIKE * touching:
        return True
    regions = regions_of(image, connectivity=2)
    area = np.bincount(regions.ravel())
    number = np.zeros(len(area), image.dtype)
    number[regions.ravel()] = image.ravel()
    labels, of = np.unique(number[1:], return_inverse=True)
    area = area[1:]
    largest = np.zeros(len(labels), np.intp)
    np.maximum.at(largest, of, area)
    share = largest / np.bincount(of, area)
    if np.median(np.bincount(of)) >= WITH_SPECKS and np.median(share) < LARGEST:
        return True
    pieces = np.bincount(of[area >= SMALLEST * largest[of]], minlength=len(labels))
    return bool(2 * area[pieces[of] >= PIECES].sum() > area.sum())
