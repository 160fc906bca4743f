"""The Cell Tracking Challenge's format: a mask a frame, and a text file of labels, their frames and parents.

A label is a tracklet: it is in the masks of all frames from its begin to its end, and of no other. A
parent link joins the parent's last detection to the label's first: a DIVISION, or a GAP where an only child
begins after missed frames. So a cell that vanishes for some frames comes back as a new label, the old one
its parent.

Frames are counted from the first mask. Where its number is not 0, the text file counts as the masks do.

Source: "Naming and file content conventions", celltrackingchallenge.net.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

from ingest.errors import InputError
from ingest.formats.ctc_masks import THREADS, check_masks, detections_of
from ingest.formats.ctc_table import TrackTable, read_table
from ingest.formats.numbering import frame_numbers, tiff_files
from ingest.formats.tiff import unread_frames_of_files
from ingest.formats.whole_folder import whole_folder
from ingest.movie import LabelImages
from ingest.progress import Progress, silent
from ingest.tracking_graph import Detections, IntArray, LinkKind, TrackingGraph
from ingest.validate import check_count, check_frame, validate


@dataclass(frozen=True)
class CtcSequence:
    """Label images and the tracking that they belong to; a detection's label is its mask's value."""

    labels: LabelImages
    graph: TrackingGraph


@dataclass(frozen=True)
class CtcFolder:
    """A folder whose text file is read and whose masks are not, for who looks at the masks anyway.

    Attributes:
        labels: the masks.
        table: the text file.
        files: the masks' files.
        first: number of the first of them.
    """

    labels: LabelImages
    table: TrackTable
    files: Sequence[Path]
    first: int

    def graph(self, detections: Detections) -> TrackingGraph:
        """The tracking, given every cell of the masks.

        Raises:
            LineageError: the text file contradicts the masks.
        """
        check_masks(self.table, detections, self.files, self.first)
        return _graph(self.table, detections, self.first)


def open_tracking(folder: str | Path) -> CtcFolder:
    """Open a ground truth (`01_GT`, `01_GT/TRA`) or a result (`01_RES`): masks are refused when read.

    Raises:
        InputError: files that are missing or cannot be read.
        LineageError: a text file that contradicts itself.
    """
    path, prefix = _text_file(Path(folder))
    files, first = _mask_files(path.parent, prefix)
    table = read_table(path)
    frames = unread_frames_of_files(files, labels=True)
    t, _, y, x = frames.shape
    return CtcFolder(
        LabelImages((t, y, x), lambda t: frames.read(t)[0], str(path.parent)), table, files, first
    )


def read_tracking(folder: str | Path, *, progress: Progress = silent) -> CtcSequence:
    """Read a ground truth (`01_GT`, `01_GT/TRA`) or a result (`01_RES`), with centroids and areas.

    Raises:
        InputError: files that are missing or cannot be read.
        LineageError: a text file that contradicts itself or the masks.
    """
    opened = open_tracking(folder)
    return CtcSequence(opened.labels, opened.graph(detections_of(opened.labels, progress)))


class _CheckedError(Exception):
    """Leaves a folder before anything is in it."""


def check_result_folder(folder: str | Path) -> None:
    """Refuse now what `write_result` would refuse after the work; only the folders above are made.

    Raises:
        InputError: the folder holds something already, cannot be written, or has to stay what it is.
    """
    path = Path(folder)
    _refuse_what_stays(path)
    with suppress(_CheckedError), whole_folder(path):
        raise _CheckedError


def write_result(
    graph: TrackingGraph, labels: LabelImages, folder: str | Path, *, progress: Progress = silent
) -> None:
    """Write `maskNNN.tif` and `res_track.txt`, a label a tracklet (`tracklet_labels`).

    The folder appears complete or not at all. Masks have 16 bits, or 32 where the labels need them. What CTC
    cannot say: that an only daughter seen after missed frames is one (it reads back as a GAP).

    Raises:
        LineageError: the graph is no valid lineage or does not belong to the label images.
        InputError: the folder holds something already, or cannot be written (`check_result_folder`).
    """
    _refuse_what_stays(Path(folder))
    _write(graph, labels, Path(folder), ("mask", "res_track.txt"), progress)


def write_ground_truth(
    graph: TrackingGraph, labels: LabelImages, folder: str | Path, *, progress: Progress = silent
) -> None:
    """Write `TRA/man_trackNNN.tif` and `TRA/man_track.txt` in the folder; otherwise as `write_result`."""
    _write(graph, labels, Path(folder) / "TRA", ("man_track", "man_track.txt"), progress)


def tracklet_labels(graph: TrackingGraph) -> IntArray:
    """(tracklets,) labels: the masks' own where each tracklet has one, constant, of its own; else 1 to n."""
    tracklets, label = graph.tracklets, graph.detections.label
    own = label[tracklets.first]
    if np.array_equal(own[tracklets.of_detection], label) and len(np.unique(own)) == len(own):
        return own
    return np.arange(1, len(tracklets) + 1, dtype=np.int64)


def track_labels(graph: TrackingGraph) -> IntArray:
    """(tracks,) label of each track: that of its first tracklet, so gaps do not change it."""
    return tracklet_labels(graph)[graph.tracklets.of_detection[graph.tracks.first]]


def _refuse_what_stays(folder: Path) -> None:
    """Refuse a folder that no new one can replace."""
    if folder.is_symlink() or (folder.is_dir() and (folder.is_mount() or folder.samefile("."))):
        raise InputError(
            "the working folder, a link or a mount, in whose place no new folder can be put",
            place=str(folder),
            remedy="name a new folder, such as one in it",
        )


def _text_file(folder: Path) -> tuple[Path, str]:
    """The text file of a folder, and how the names of its masks begin."""
    for name, prefix in (
        ("TRA/man_track.txt", "man_track"),
        ("man_track.txt", "man_track"),
        ("res_track.txt", "mask"),
    ):
        if (folder / name).is_file():
            return folder / name, prefix
    raise InputError(
        "no man_track.txt or res_track.txt" if folder.is_dir() else "no such folder",
        place=str(folder),
        remedy="name a folder such as 01_GT or 01_RES of the Cell Tracking Challenge",
    )


def _mask_files(folder: Path, prefix: str) -> tuple[list[Path], int]:
    """The masks in order, and the number of the first."""
    pattern = re.compile(rf"{prefix}[0-9]+")
    files = [file for file in tiff_files(folder) if pattern.fullmatch(file.stem)]
    if not files:
        raise InputError(f"no masks named {prefix}000.tif", place=str(folder), remedy="add a mask a frame")
    numbers = frame_numbers(files)
    if numbers[-1] - numbers[0] != len(files) - 1:
        raise InputError(
            f"masks are missing: {files[1].name} follows {files[0].name}",
            place=str(folder),
            remedy="add one for each frame, of zeros where there are no cells",
        )
    return files, numbers[0]


def _graph(table: TrackTable, detections: Detections, first: int) -> TrackingGraph:
    """The links within each label, and from each parent to its children."""
    following = detections.rows(detections.frame + 1, detections.label)
    earlier = np.flatnonzero(following >= 0)
    within = np.stack([earlier, following[earlier]], axis=1)  # (links, 2)
    parental, kind = _parent_links(table, detections, first)
    links = np.concatenate([within, parental])
    kinds = np.concatenate([np.full(len(within), LinkKind.NEXT, np.uint8), kind])
    order = np.argsort(links[:, 1])
    return TrackingGraph(detections, links[order], kinds[order])


def _parent_links(
    table: TrackTable, detections: Detections, first: int
) -> tuple[IntArray, npt.NDArray[np.uint8]]:
    """(links, 2) rows and (links,) kinds of the links from a parent's last detection to a child's first."""
    child = np.flatnonzero(table.parent)
    parent = table.row(table.parent[child])
    earlier = detections.rows(table.end[parent] - first, table.label[parent])
    later = detections.rows(table.begin[child] - first, table.label[child])
    only = np.bincount(parent, minlength=len(table))[parent] == 1
    missed = table.begin[child] - table.end[parent] > 1
    kind = np.where(only & missed, LinkKind.GAP, LinkKind.DIVISION).astype(np.uint8)
    return np.stack([earlier, later], axis=1), kind


def _write(
    graph: TrackingGraph, labels: LabelImages, folder: Path, names: tuple[str, str], progress: Progress
) -> None:
    validate(graph)
    check_count(graph.detections, labels)
    prefix, text = names
    label = tracklet_labels(graph)
    of_detection = label[graph.tracklets.of_detection]
    dtype = np.uint16 if label.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    digits = max(3, len(str(len(labels) - 1)))
    with whole_folder(folder) as partial:

        def write(t: int) -> None:
            image = labels.frame(t)
            check_frame(graph.detections, t, image)
            rows = graph.detections.frame_slice(t)
            mask = relabelled(image, graph.detections.label[rows], of_detection[rows], dtype)
            path = partial / f"{prefix}{t:0{digits}}.tif"
            tifffile.imwrite(path, mask, compression="zlib", photometric="minisblack", metadata=None)

        with ThreadPoolExecutor(THREADS) as threads:
            for _ in progress(threads.map(write, range(len(labels))), "Writing masks", len(labels)):
                pass
        (partial / text).write_text(_lines(graph, label), encoding="ascii", newline="\n")


def relabelled(
    image: npt.NDArray[np.int32], old: IntArray, new: IntArray, dtype: npt.DTypeLike
) -> npt.NDArray[np.generic]:
    """`image` with each of the labels `old` (ascending, all that it holds) replaced by the `new` one."""
    mask = np.zeros(image.shape, dtype)
    cells = np.flatnonzero(image)
    mask.ravel()[cells] = new[np.searchsorted(old, image.ravel()[cells])]
    return mask


def _lines(graph: TrackingGraph, label: IntArray) -> str:
    """The text file: a line a tracklet, sorted by label."""
    tracklets = graph.tracklets
    parent = np.where(tracklets.parent >= 0, label[tracklets.parent], 0) if len(label) else label
    rows = sorted(zip(label, tracklets.begin, tracklets.end, parent, strict=True))
    return "".join(f"{a} {b} {c} {d}\n" for a, b, c, d in rows)
