"""The pixels that the cells of two sets of label images share, in one pass over both."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import IntArray


@dataclass(frozen=True, eq=False)
class Overlaps:
    """How many pixels each pair of labels shares; label 0 is the background.

    Attributes:
        frame: (K,) ascending.
        reference, computed: (K,) labels, at least one of them > 0; ascending within a frame.
        pixels: (K,) > 0.
    """

    frame: IntArray
    reference: IntArray
    computed: IntArray
    pixels: IntArray


def count_overlaps(
    reference: LabelImages, computed: LabelImages, *, workers: int | None = None, progress: Progress = silent
) -> Overlaps:
    """Count the pixels of every pair of labels that meet anywhere.

    Frames are read one by one, so memory stays at two frames a worker whatever the movie's length.

    Args:
        reference: label images (T, Y, X).
        computed: label images of the same shape.
        workers: threads that each read and compare frames; by default one a processor, four at most.
        progress: told of every frame.

    Raises:
        InputError: the two differ in their number of frames or in the frames' size.
    """
    _require_same_frames(reference, computed)
    frames = range(len(reference))
    with ThreadPoolExecutor(workers or default_workers()) as pool:
        counted = pool.map(_counter(reference, computed), frames)
        columns = list(progress(counted, "Matching", len(reference)))
    merged = np.concatenate(columns, axis=1) if columns else np.empty((4, 0), np.int64)
    return Overlaps(*merged)


def count_frame(reference: npt.NDArray[np.integer], computed: npt.NDArray[np.integer]) -> IntArray:
    """Joint histogram of two label images of one frame, without the pair (background, background).

    Only the ends of runs of equal pairs are looked at: a cell is a few dozen runs, whatever its area.

    Args:
        reference: (Y, X) labels.
        computed: (Y, X) labels.

    Returns:
        (3, K) reference label, computed label, pixels; sorted by the two labels.
    """
    first, second = reference.ravel(), computed.ravel()
    changes = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1)) if first.size else np.empty(0, np.int64)
    lengths = np.diff(starts, append=first.size)
    labels = np.stack((first[starts], second[starts])).astype(np.int64)  # (2, runs)
    is_cell = labels.any(axis=0)
    return _sum_by_pair(labels[:, is_cell], lengths[is_cell])


def default_workers() -> int:
    """Processors that this process may use, four at most: beyond that the disk is what waits."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(4, available or 1)


def _counter(reference: LabelImages, computed: LabelImages) -> Callable[[int], IntArray]:
    def count(frame: int) -> IntArray:
        pairs = count_frame(reference.frame(frame), computed.frame(frame))
        return np.concatenate((np.full((1, pairs.shape[1]), frame, np.int64), pairs))  # (4, K)

    return count


def _sum_by_pair(labels: IntArray, lengths: IntArray) -> IntArray:
    """(3, K) the sum of `lengths` (runs,) for each different column of `labels` (2, runs)."""
    order = np.lexsort((labels[1], labels[0]))
    labels, lengths = labels[:, order], lengths[order]
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = np.any(labels[:, 1:] != labels[:, :-1], axis=0)
    first = np.flatnonzero(is_new)
    pixels = np.add.reduceat(lengths, first) if len(first) else lengths
    return np.concatenate((labels[:, first], pixels[None]))


def _require_same_frames(reference: LabelImages, computed: LabelImages) -> None:
    if len(reference) != len(computed):
        raise _different(f"{len(reference)} frames", f"{len(computed)}")
    if reference.shape[1:] != computed.shape[1:]:
        raise _different(f"frames of {reference.shape[1:]} pixels", f"{computed.shape[1:]}")


def _different(reference: str, computed: str) -> InputError:
    return InputError(
        f"the reference has {reference}, the computed tracking {computed}",
        place="label images",
        remedy="score two trackings of one movie, each with a label image for every frame",
    )
