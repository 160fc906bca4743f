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
ALIKE = 0.25
"""Of two labelled pixels side by side, how often they are of one cell at least, where cells are no points."""


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
    images = {t: image for t in looked_at if (image := labels.frame(t)).any()}
    scattered = [t for t, image in images.items() if _are_scattered(image)]
    if 2 * len(scattered) <= len(images):
        return
    t = scattered[0]
    found, count = regions_of(images[t], connectivity=1, return_num=True)
    numbers = len(np.unique(images[t][found > 0]))
    raise InputError(
        f"{numbers} label{'s' * (numbers > 1)} in {count} separate regions, which are no cells",
        place=f"{labels.source}, frame {t}",
        remedy="give each cell a number of its own: of a mask, number the connected regions "
        "(skimage.measure.label; MorphoLibJ in Fiji); of a movie, leave its label images out",
    )


def _are_scattered(image: npt.NDArray[np.integer]) -> bool:
    """Whether pixels beside each other are rarely of one label, or labels are of many regions."""
    left, right = image[:, :-1], image[:, 1:]
    both = (left > 0) & (right > 0)
    touching = np.count_nonzero(both)
    if 2 * touching > np.count_nonzero(image) and np.count_nonzero((left == right)[both]) < ALIKE * touching:
        return True
    regions = regions_of(image, connectivity=2)
    area = np.bincount(regions.ravel())
    number = np.zeros(len(area), image.dtype)
    number[regions.ravel()] = image.ravel()
    labels, of = np.unique(number[1:], return_inverse=True)
    if np.median(np.bincount(of)) >= WITH_SPECKS:
        return True
    area = area[1:]
    largest = np.zeros(len(labels), np.intp)
    np.maximum.at(largest, of, area)
    pieces = np.bincount(of[area >= SMALLEST * largest[of]], minlength=len(labels))
    return bool(2 * area[pieces[of] >= PIECES].sum() > area.sum())
