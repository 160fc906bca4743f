"""Which computed detection stands for which reference detection."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graph.scores.overlaps import Overlaps, count_overlaps
from ingest.errors import LineageError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, IntArray


@dataclass(frozen=True, eq=False)
class Matching:
    """Reference and computed detections of one movie, side by side.

    A reference detection R and a computed detection C match when C covers more than half of R:
    |R ∩ C| > 0.5·|R| (Matula et al. 2015). R has one match at most, C may have several.

    Attributes:
        of_reference: (R,) row of the computed detection that each reference detection matches, −1 for none.
        references: (C,) number of reference detections that each computed detection matches.
    """

    of_reference: IntArray
    references: IntArray

    @cached_property
    def one_to_one(self) -> IntArray:
        """(R,) row of the computed detection that matches this reference detection and no other, else −1."""
        references = np.append(self.references, 0)  # the last stands for "no match"
        return np.where(references[self.of_reference] == 1, self.of_reference, -1)

    @cached_property
    def one_to_one_of_computed(self) -> IntArray:
        """(C,) row of the reference detection that this computed detection matches alone, else −1."""
        rows = np.flatnonzero(self.one_to_one >= 0)
        reference = np.full(len(self.references), -1, np.int64)
        reference[self.one_to_one[rows]] = rows
        return reference


def match(
    reference: tuple[Detections, LabelImages],
    computed: tuple[Detections, LabelImages],
    *,
    workers: int | None = None,
    progress: Progress = silent,
) -> Matching:
    """Match the detections of two trackings of one movie by their label images.

    Args:
        reference: detections and their label images (T, Y, X).
        computed: the same, of what is judged.
        workers: threads that read and compare frames; by default one a processor, four at most.
        progress: told of every frame.

    Raises:
        InputError: the two differ in their number of frames or in the frames' size.
        LineageError: a label image holds a label without a detection, or the reverse.
    """
    overlaps = count_overlaps(reference[1], computed[1], workers=workers, progress=progress)
    return match_overlaps(reference[0], computed[0], overlaps)


def match_overlaps(reference: Detections, computed: Detections, overlaps: Overlaps) -> Matching:
    """Match detections whose shared pixels are counted already.

    Raises:
        LineageError: `overlaps` holds a label without a detection, or the reverse.
    """
    first = _rows(reference, overlaps.frame, overlaps.reference, "reference")
    second = _rows(computed, overlaps.frame, overlaps.computed, "computed")
    area = _areas(reference, first, overlaps.pixels, "reference")
    _areas(computed, second, overlaps.pixels, "computed")
    rows = np.flatnonzero((first >= 0) & (second >= 0))
    rows = rows[2 * overlaps.pixels[rows] > area[first[rows]]]
    of_reference = np.full(len(reference), -1, np.int64)
    of_reference[first[rows]] = second[rows]
    return Matching(of_reference, np.bincount(second[rows], minlength=len(computed)))


def _rows(detections: Detections, frame: IntArray, label: IntArray, side: str) -> IntArray:
    """(K,) row of each (frame, label), −1 for background."""
    rows = np.where(label > 0, detections.rows(frame, label), -1)
    stray = np.flatnonzero((rows < 0) & (label != 0))
    if len(stray):
        raise LineageError(
            f"label {label[stray[0]]} is in the {side} label image but no detection has it",
            place=f"frame {frame[stray[0]]}",
            remedy="list the label's track, or erase the label from the image",
        )
    return rows


def _areas(detections: Detections, rows: IntArray, pixels: IntArray, side: str) -> IntArray:
    """(N,) pixels of each detection, none of them 0."""
    is_cell = rows >= 0
    areas = np.bincount(rows[is_cell], pixels[is_cell], len(detections)).astype(np.int64)
    absent = np.flatnonzero(areas == 0)
    if len(absent):
        raise LineageError(
            f"no pixel of the {side} label image has label {detections.label[absent[0]]} of a detection",
            place=f"frame {detections.frame[absent[0]]}",
            remedy="draw the label, or leave that detection out of its track",
        )
    return areas
