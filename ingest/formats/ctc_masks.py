"""What the masks of a CTC folder hold, and whether its text file says the same."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from ingest.errors import LineageError
from ingest.formats.ctc_table import TrackTable
from ingest.movie import LabelImages
from ingest.progress import Progress
from ingest.ranges import expanded
from ingest.tracking_graph import Detections, IntArray

THREADS = 4
"""TIFF is decoded and encoded outside the interpreter's lock."""


def detections_of(labels: LabelImages, progress: Progress) -> Detections:
    """Every cell of every frame, with centroid and area."""

    def read(t: int) -> npt.NDArray[np.float64]:
        return _cells(labels.stored_frame(t))

    with ThreadPoolExecutor(THREADS) as threads:
        frames = threads.map(read, range(len(labels)))
        cells = list(progress(frames, "Reading label images", len(labels)))
    frame = np.repeat(np.arange(len(cells)), [len(rows) for rows in cells])
    label, area, y, x = np.concatenate([np.empty((0, 4)), *cells]).T.copy()
    return Detections(frame.astype(np.int64), label.astype(np.int64), y, x, {"area": area})


def _cells(image: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """(n, 4) label, area, y, x of the cells of a frame, in one pass over its foreground."""
    flat = image.ravel()
    place = np.flatnonzero(flat != 0)
    cell = flat[place].astype(np.int64)
    largest = int(cell.max(initial=0))
    if largest > 4 * flat.size:  # too far to count
        names, cell = np.unique(cell, return_inverse=True)
    else:
        names = np.arange(largest + 1)
    row = place // image.shape[1]
    area, sum_y = np.bincount(cell), np.bincount(cell, row)
    sum_x = np.bincount(cell, place - row * image.shape[1])
    there = np.flatnonzero(area)
    area = area[there]
    return np.stack([names[there], area, sum_y[there] / area, sum_x[there] / area], axis=1)


def check_masks(table: TrackTable, detections: Detections, files: Sequence[Path], first: int) -> None:
    """Refuse masks that do not hold each label in exactly its frames.

    Args:
        table: what the text file says.
        detections: what the masks hold, frames counted from 0.
        files: the masks.
        first: number of the first of them.

    Raises:
        LineageError: names the first frame and label where they differ.
    """
    last = first + len(files) - 1
    outside = np.flatnonzero((table.begin < first) | (table.end > last))
    if outside.size:
        row = outside[0]
        raise LineageError(
            f"label {table.label[row]} is there from frame {table.begin[row]} to {table.end[row]}, "
            f"but the masks are {files[0].name} to {files[-1].name}",
            place=str(table.path),
            remedy="add the missing masks, or correct begin and end",
        )
    width = int(max(table.label.max(initial=0), detections.label.max(initial=0))) + 1
    announced, found = _announced(table, first, width), detections.frame * width + detections.label
    if np.array_equal(announced, found):
        return
    for key in np.setdiff1d(found, announced):
        _refuse_extra(table, int(key % width), files[key // width])
    for key in np.setdiff1d(announced, found):
        frames = detections.frame[detections.label == key % width] + first
        _refuse_missing(table, int(key % width), int(key // width) + first, frames, files[key // width])


def _announced(table: TrackTable, first: int, width: int) -> IntArray:
    """A key, frame · width + label, for each frame of each line, ascending."""
    row, frame = expanded(table.begin - first, table.end - table.begin + 1)
    keys: IntArray = frame * width + table.label[row]
    return np.sort(keys)


def _refuse_extra(table: TrackTable, label: int, mask: Path) -> NoReturn:
    row = int(table.row(np.array([label]))[0])
    if row < 0:
        raise LineageError(
            f"label {label} is in the mask, but not in {table.path.name}",
            place=str(mask),
            remedy=f"add the line `{label} begin end parent`, or remove the cell from the mask",
        )
    raise LineageError(
        f"label {label} is in the mask, but {table.path.name} has it from frame "
        f"{table.begin[row]} to {table.end[row]} only",
        place=str(mask),
        remedy="correct its begin or end, or give the cell a label of its own here",
    )


def _refuse_missing(table: TrackTable, label: int, frame: int, found: IntArray, mask: Path) -> NoReturn:
    """`found`: the frames whose masks do hold the label."""
    row = int(table.row(np.array([label]))[0])
    if not found.size:
        remedy = "remove the line, or add the cell to the masks"
    elif found.min() < frame < found.max():
        remedy = (
            f"a cell that vanishes for a time gets two labels: end {label} at frame {frame - 1}, "
            f"and give what comes after the gap a new label with parent {label}"
        )
    else:
        remedy = "correct its begin or end"
    raise LineageError(
        f"label {label} is not in the mask, but {table.path.name} has it from frame "
        f"{table.begin[row]} to {table.end[row]}",
        place=str(mask),
        remedy=remedy,
    )
