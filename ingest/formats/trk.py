"""DeepCell's .trk and .trks files: a movie, or several, each with its masks and its lineage in one archive.

A .trk holds `raw.npy` (T, Y, X, C), `tracked.npy` (T, Y, X, 1) and `lineage.json`; a .trks the same with
an axis of movies before, and `lineages.json`, a list. Movie 3 of `cells.trks` is called `cells.trks#3`, here
and in errors. Shorter movies are padded to the length of the longest: empty frames at the end are cut. A cell
keeps its label over frames in which it is missed.

Not read, since our types have no place for it: `capped`, whether a cell's end was seen.

Source: the format as described and used in vanvalenlab/deepcell-tracking and deepcell-label.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest.errors import InputError
from ingest.formats.trk_archive import Archive, open_archive
from ingest.formats.trk_lineage import Lineage, read_lineage
from ingest.measure import measure
from ingest.movie import LabelImages, Movie
from ingest.progress import Note, Progress, each, silent, unheard
from ingest.tracking_graph import Detections, TrackingGraph

SUFFIXES = (".trk", ".trks")
NUMBERED = re.compile(r"(.+\.trks?)#([0-9]{1,9})", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class TrkMovie:
    """One movie of a file, nothing of it looked at yet but the end.

    Attributes:
        movie: the frames.
        labels: (T, Y, X) the masks.
        lineage: what the file says of the cells.
    """

    movie: Movie
    labels: LabelImages
    lineage: Lineage

    def graph(self, detections: Detections, note: Note = unheard) -> TrackingGraph:
        """The tracking, given every cell of the masks.

        Args:
            detections: of `labels`.
            note: told where masks and lineage differ in the frames of a cell.

        Raises:
            LineageError: masks and lineage contradict each other.
        """
        graph = self.lineage.graph(detections)
        if differences := self.lineage.differences(detections):
            note(differences)
        return graph


@dataclass(frozen=True, eq=False)
class TrkTracking:
    """One movie of a file with its tracking, every cell measured."""

    movie: Movie
    labels: LabelImages
    graph: TrackingGraph


def is_trk(path: str | Path) -> bool:
    """Whether a path names such a file, or a movie in one (`cells.trks#3`)."""
    return _split(path)[0].suffix.lower() in SUFFIXES


def open_trk(
    path: str | Path,
    *,
    name: str | None = None,
    pixel_size: float | None = None,
    minutes_per_frame: float | None = None,
) -> tuple[TrkMovie, ...]:
    """The movies of a file, in their order, or the one that is named (`cells.trks#3`).

    Args:
        path: the file.
        name: of the movie, or how the names of several begin; by default the file's.
        pixel_size: µm; the file does not say.
        minutes_per_frame: likewise.

    Raises:
        InputError: the file cannot be read, or has no such movie.
        LineageError: a lineage contradicts itself.
    """
    file, number = _split(path)
    recordings = _recordings(open_archive(file), file)
    if number is not None and number >= len(recordings):
        raise InputError(
            f"no movie {number} among {len(recordings)}",
            place=str(file),
            remedy=f"name one from {file.name}#0 to {file.name}#{len(recordings) - 1}",
        )
    chosen = recordings if number is None else [recordings[number]]
    return tuple(
        _opened(recording, f"{name or file.stem}{recording.number}", pixel_size, minutes_per_frame)
        for recording in chosen
    )


def open_only_trk(path: str | Path) -> TrkMovie:
    """The movie of a file that holds one, or the one that is named; otherwise as `open_trk`.

    Raises:
        InputError: the file holds several.
    """
    movies = open_trk(path)
    if len(movies) > 1:
        raise InputError(
            f"{len(movies)} movies, where one is needed",
            place=str(path),
            remedy=f"name one from {Path(path).name}#0 to {Path(path).name}#{len(movies) - 1}",
        )
    return movies[0]


def read_trk(
    path: str | Path,
    *,
    name: str | None = None,
    pixel_size: float | None = None,
    minutes_per_frame: float | None = None,
    progress: Progress = silent,
    note: Note = unheard,
) -> tuple[TrkTracking, ...]:
    """Every movie of a file with its tracking, measured; all are sound, or none is returned.

    Args:
        path: the file, or a movie in it (`cells.trks#3`).
        name: as of `open_trk`.
        pixel_size: µm.
        minutes_per_frame: likewise.
        progress: told of each frame, or of each of several movies.
        note: told where masks and lineage differ in the frames of a cell.

    Raises:
        InputError: the file cannot be read.
        LineageError: a lineage contradicts itself or the masks.
    """
    opened = open_trk(path, name=name, pixel_size=pixel_size, minutes_per_frame=minutes_per_frame)
    return tuple(
        TrkTracking(one.movie, one.labels, one.graph(measure(one.labels, one.movie, progress=steps), note))
        for one, steps in each(opened, "Measuring movies", progress)
    )


@dataclass(frozen=True, eq=False)
class _Recording:
    """One movie as the file holds it.

    Attributes:
        raw: (T, Y, X, C) pixels.
        tracked: (T, Y, X) masks.
        document: its lineage.
        place: the file, and which movie in it.
        number: "#3", or "" where there is but one.
    """

    raw: npt.NDArray[Any]
    tracked: npt.NDArray[Any]
    document: object
    place: str
    number: str

    def frame(self, t: int) -> npt.NDArray[Any]:
        """(C, Y, X) pixels in native byte order."""
        return np.array(np.moveaxis(self.raw[t], -1, 0), _native(self.raw), order="C")

    def labels(self, t: int) -> npt.NDArray[Any]:
        """(Y, X) masks in native byte order."""
        return np.array(self.tracked[t], _native(self.tracked), order="C")

    def filled(self) -> int:
        """Number of frames up to the last that is not empty."""
        for t in reversed(range(len(self.raw))):
            if self.tracked[t].any() or self.raw[t].any():
                return t + 1
        raise InputError(
            "a movie of empty frames", place=self.place, remedy="take it out of the file, or name the others"
        )


def _opened(
    recording: _Recording, name: str, pixel_size: float | None, minutes_per_frame: float | None
) -> TrkMovie:
    _, y, x, c = recording.raw.shape
    t = recording.filled()
    movie = Movie(
        name=name,
        shape=(t, c, y, x),
        dtype=_native(recording.raw),
        read=recording.frame,
        channels=tuple(f"channel {channel}" for channel in range(c)),
        pixel_size=pixel_size,
        minutes_per_frame=minutes_per_frame,
        source=recording.place,
    )
    labels = LabelImages((t, y, x), recording.labels, recording.place)
    return TrkMovie(movie, labels, read_lineage(recording.document, recording.place))


def _recordings(archive: Archive, file: Path) -> list[_Recording]:
    """The movies of an archive, once its arrays and lineages fit each other."""
    raw, tracked = archive.raw, archive.tracked
    if raw.ndim not in (4, 5):
        raise InputError(
            f"raw data of shape {raw.shape}",
            place=str(file),
            remedy="save (T, Y, X, C) in a .trk, (movies, T, Y, X, C) in a .trks",
        )
    if tracked.shape == (*raw.shape[:-1], 1):
        tracked = tracked[..., 0]
    if tracked.shape != raw.shape[:-1]:
        raise InputError(
            f"masks of shape {archive.tracked.shape} for raw data of shape {raw.shape}",
            place=str(file),
            remedy="give one mask for each frame, of one channel",
        )
    lineages = archive.lineages if isinstance(archive.lineages, list) else [archive.lineages]
    movies = [(raw, tracked)] if raw.ndim == 4 else list(zip(raw, tracked, strict=True))
    if len(lineages) != len(movies):
        raise InputError(
            f"{len(lineages)} lineages for {len(movies)} movies",
            place=str(file),
            remedy="give each movie, the first axis of five, a lineage of its own",
        )
    numbers = [""] if raw.ndim == 4 else [f"#{index}" for index in range(len(movies))]
    return [
        _Recording(*arrays, document, f"{file}{number}", number)
        for arrays, document, number in zip(movies, lineages, numbers, strict=True)
    ]


def _native(array: npt.NDArray[Any]) -> np.dtype[Any]:
    return array.dtype.newbyteorder("=")


def _split(path: str | Path) -> tuple[Path, int | None]:
    """The file, and the number of a movie in it where one is named."""
    match = NUMBERED.fullmatch(str(path))
    if match is None or Path(path).exists():
        return Path(path), None
    return Path(match[1]), int(match[2])
