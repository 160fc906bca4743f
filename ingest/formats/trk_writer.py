"""Writes .trk and .trks files (`trk.py` says what they are)."""

import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format

from ingest.errors import InputError
from ingest.formats.ctc import relabelled, track_labels
from ingest.formats.trk import TrkTracking
from ingest.formats.trk_archive import ARRAYS, LINEAGES
from ingest.tracking_graph import IntArray, TrackingGraph
from ingest.validate import check_count, check_frame, validate


def write_trk(trackings: Sequence[TrkTracking], path: str | Path) -> None:
    """Write one movie as NAME.trk, or any number as NAME.trks; the file appears complete or not at all.

    Shorter movies are padded with empty frames. A label a track: the masks' own, where each track has one.
    What the format cannot hold: empty frames at a movie's end, and calibration.

    Args:
        trackings: movies of one size, with as many channels.
        path: NAME.trk or NAME.trks.

    Raises:
        InputError: movies that do not fit together or the name; the file is there, or cannot be written.
        LineageError: a graph is no valid lineage, or does not belong to its label images.
    """
    path = Path(path)
    _check(trackings, path)
    has_several = path.suffix == ".trks"
    lineages = [_lineage(one.graph) for one in trackings]
    document = json.dumps(lineages if has_several else lineages[0])
    pixels = np.result_type(*(one.movie.dtype for one in trackings))
    with _whole_tar(path) as tar:
        _add(tar, LINEAGES[0] if has_several else LINEAGES[1], io.BytesIO(document.encode()))
        for name, frame, dtype in zip(ARRAYS, (_raw, _tracked), (pixels, np.dtype(np.int32)), strict=True):
            with tempfile.TemporaryFile() as file:
                _write_array(file, trackings, frame, dtype, has_several)
                _add(tar, name, file)


def _check(trackings: Sequence[TrkTracking], path: Path) -> None:
    if path.exists():
        raise InputError("it is there already", place=str(path), remedy="name another file, or remove it")
    if path.suffix != ".trks" and (path.suffix != ".trk" or len(trackings) != 1):
        raise InputError(
            f"{len(trackings)} movies for {path.name}",
            place=str(path),
            remedy="name one movie's file NAME.trk, and that of several NAME.trks",
        )
    if len({one.movie.shape[1:] for one in trackings}) != 1:
        shapes = ", ".join(str(one.movie.shape) for one in trackings[:4])
        raise InputError(
            f"{len(trackings)} movies of shapes (T, C, Y, X) {shapes or 'unknown'}",
            place=str(path),
            remedy="give movies, one at least, of one size and number of channels",
        )
    for one in trackings:
        validate(one.graph)
        check_count(one.graph.detections, one.labels)


def _lineage(graph: TrackingGraph) -> dict[str, dict[str, object]]:
    """The entries, as `trk_lineage` reads them, with what other programs expect besides."""
    tracks, label = graph.tracks, track_labels(graph).tolist()
    frames: list[list[int]] = [[] for _ in label]
    for track, frame in zip(tracks.of_detection.tolist(), graph.detections.frame.tolist(), strict=True):
        frames[track].append(frame)
    daughters: list[list[int]] = [[] for _ in label]
    for track, parent in enumerate(tracks.parent.tolist()):
        if parent >= 0:
            daughters[parent].append(track)
    return {
        str(label[track]): {
            "label": label[track],
            "frames": frames[track],
            "daughters": [label[daughter] for daughter in daughters[track]],
            "parent": label[parent] if parent >= 0 else None,
            "capped": bool(daughters[track]),
            "frame_div": min((frames[daughter][0] for daughter in daughters[track]), default=None),
        }
        for track, parent in enumerate(tracks.parent.tolist())
    }


def _raw(one: TrkTracking, t: int) -> npt.NDArray[Any]:
    """(Y, X, C) pixels."""
    return np.moveaxis(one.movie.frame(t), 0, -1)


def _tracked(one: TrkTracking, t: int) -> npt.NDArray[Any]:
    """(Y, X, 1) masks, a label a track."""
    image, detections = one.labels.frame(t), one.graph.detections
    check_frame(detections, t, image)
    rows = detections.frame_slice(t)
    of_detection: IntArray = track_labels(one.graph)[one.graph.tracks.of_detection[rows]]
    return relabelled(image, detections.label[rows], of_detection, np.int32)[..., np.newaxis]


def _write_array(
    file: BinaryIO,
    trackings: Sequence[TrkTracking],
    frame: Callable[[TrkTracking, int], npt.NDArray[Any]],
    dtype: np.dtype[Any],
    has_several: bool,
) -> None:
    """An .npy of all frames, as (movies, T, Y, X, C) or (T, Y, X, C)."""
    frames = max(len(one.movie) for one in trackings)
    first = frame(trackings[0], 0)
    shape = (len(trackings), frames, *first.shape) if has_several else (frames, *first.shape)
    descr = npy_format.dtype_to_descr(dtype)
    npy_format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    for one in trackings:
        for t in range(len(one.movie)):
            file.write(frame(one, t).astype(dtype, order="C").tobytes())
        for _ in range(frames - len(one.movie)):
            file.write(np.zeros(first.shape, dtype).tobytes())


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO) -> None:
    member = tarfile.TarInfo(name)
    member.size = file.seek(0, io.SEEK_END)
    file.seek(0)
    tar.addfile(member, file)


@contextmanager
def _whole_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """An archive that takes its place as `path` when the block ends without an error."""
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    try:
        with tarfile.open(partial, "w:gz") as tar:
            yield tar
        partial.rename(path)
    except OSError as error:
        raise InputError(
            f"cannot be written ({error})",
            place=str(path),
            remedy="name a file in a folder that you may write to, on a disk with room",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
