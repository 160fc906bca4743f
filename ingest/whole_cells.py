"""Full masks for a ground truth that marks its cells by small blobs, as the Cell Tracking Challenge's do."""

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.movie import LabelImages


def whole_cells(markers: LabelImages, masks: LabelImages) -> LabelImages:
    """The full mask of each marked cell that has one, else its marker; what is not marked is left out.

    Args:
        markers: (T, Y, X) labels of the ground truth, such as 01_GT/TRA.
        masks: (T, Y, X) full masks with the same labels, such as 01_ST/SEG.

    Raises:
        InputError: they differ in size.
    """
    if markers.shape != masks.shape:
        raise InputError(
            f"masks of {masks.shape} (T, Y, X) for markers of {markers.shape}",
            place=masks.source,
            remedy="give the full masks of the same movie",
        )
    return LabelImages(
        markers.shape, lambda t: _whole_frame(markers.frame(t), masks.frame(t)), markers.source
    )


def _whole_frame(marker: npt.NDArray[np.int32], mask: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    known = np.zeros(int(max(marker.max(initial=0), mask.max(initial=0))) + 1, bool)
    known[marker] = True
    known[0] = False
    whole = np.where(known[mask], mask, 0)
    has_mask = np.zeros_like(known)
    has_mask[whole] = True
    return np.where(known[marker] & ~has_mask[marker], marker, whole)
