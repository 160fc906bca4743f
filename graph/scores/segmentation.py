"""SEG: how well outlines are drawn, against label images whose outlines are exact."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graph.scores.overlaps import Overlaps, count_overlaps
from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Reference cells with exact outlines, and how well each is covered.

    Attributes:
        iou: (R,) |R ∩ C| / |R ∪ C| with the computed cell that covers more than half of it, 0 without one.
    """

    iou: FloatArray

    @property
    def seg(self) -> float | None:
        """SEG: mean over all reference cells; None without one."""
        return float(self.iou.mean()) if len(self.iou) else None


def score_segmentation(
    reference: LabelImages,
    computed: LabelImages,
    frames: Sequence[int] | None = None,
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> Segmentation:
    """Compare outlines.

    Args:
        reference: (K, Y, X) exact label images; their labels need not be those of any track.
        computed: (T, Y, X) label images of the whole movie.
        frames: the movie's frame of each reference image, all frames when left out.
        workers: threads that read and compare frames.
        progress: told of every frame.

    Raises:
        InputError: the sizes differ, or a frame is not in the movie.
    """
    chosen = computed if frames is None else _chosen(computed, frames)
    return segmentation_of(count_overlaps(reference, chosen, workers=workers, progress=progress))


def segmentation_of(overlaps: Overlaps) -> Segmentation:
    """IoU of every reference cell whose shared pixels are counted already."""
    of_reference, reference_area = _areas(overlaps.frame, overlaps.reference, overlaps.pixels)
    of_computed, computed_area = _areas(overlaps.frame, overlaps.computed, overlaps.pixels)
    is_cell = overlaps.reference > 0
    covered = is_cell & (overlaps.computed > 0) & (2 * overlaps.pixels > reference_area[of_reference])
    union = reference_area[of_reference] + computed_area[of_computed] - overlaps.pixels
    iou = np.zeros(len(reference_area), np.float64)
    iou[of_reference[covered]] = overlaps.pixels[covered] / union[covered]
    return Segmentation(iou[np.unique(of_reference[is_cell])])


def _areas(frame: IntArray, label: IntArray, pixels: IntArray) -> tuple[IntArray, IntArray]:
    """(K,) number of the cell that each row lies in, and (cells,) pixels of each."""
    _, cell = np.unique(np.stack((frame, label)), axis=1, return_inverse=True)
    return cell, np.bincount(cell, pixels).astype(np.int64)


def _chosen(computed: LabelImages, frames: Sequence[int]) -> LabelImages:
    absent = [frame for frame in frames if not 0 <= frame < len(computed)]
    if absent:
        raise InputError(
            f"a reference image is of frame {absent[0]}, the computed tracking has {len(computed)} frames",
            place="segmentation ground truth",
            remedy="score label images of the same movie",
        )
    return LabelImages((len(frames), *computed.shape[1:]), lambda t: computed.frame(frames[t]))
