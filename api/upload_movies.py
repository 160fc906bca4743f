"""What is in an upload: movies, label images, a tracking in a folder; archives are unpacked beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from api.uploads import UploadFolder
from ingest.errors import InputError
from ingest.formats.numbering import SUFFIXES, tiff_files
from ingest.formats.png import is_png_folder
from ingest.formats.tiff import frames_of_files
from ingest.formats.trk import TrkMovie, is_trk, open_trk
from ingest.formats.uploaded import FileKind, kind_of
from ingest.formats.zipped import IMAGE_SUFFIXES, TRACKING_SUFFIXES, unpack_zip
from ingest.movie import LabelImages, Movie, open_labels, open_movie
from ingest.progress import Progress, silent

TRACK_FILES = ("man_track.txt", "res_track.txt")


@dataclass(frozen=True)
class Reading:
    """How movies are to be read; None for as they say.

    Attributes:
        name: of the movie, or how the names of several begin.
        axes: of TIFF files.
        pixel_size: µm.
        minutes_per_frame: time between frames.
        channel: name or number of the one that shows the cells.
    """

    name: str | None = None
    axes: str | None = None
    pixel_size: float | None = None
    minutes_per_frame: float | None = None
    channel: str | None = None


class UploadReader:
    """Opens uploads for one job.

    Args:
        uploads: where they are.
        scratch: a folder for what is unpacked; whoever gave it removes it.
        progress: told of the unpacking.
    """

    def __init__(self, uploads: UploadFolder, scratch: Path, progress: Progress = silent) -> None:
        self._uploads = uploads
        self._scratch = scratch
        self._progress = progress

    def file(self, upload: str) -> Path:
        """The file of an upload, to be read as it is."""
        return self._uploads.file(upload)

    def movies(self, upload: str, reading: Reading) -> list[tuple[Movie, LabelImages | None]]:
        """The movies of an upload, each with the masks that its own file has.

        A TIFF stack is a movie. In a zip, a folder of frames is one, and so is each stack. A .trk file
        holds one, a .trks several.

        Raises:
            InputError: what cannot be read.
        """
        file = self.file(upload)
        if is_trk(file):
            return [
                (_as_sent(one.movie, upload, reading), _labels_of(one, upload))
                for one in self._trk(file, upload, reading)
            ]
        paths = self._stacks(file, upload, reading.axes) if kind_of(file) is FileKind.ZIP else [file]
        several = len(paths) > 1
        return [
            (_as_sent(self._movie(path, upload, reading, several=several), upload, reading), None)
            for path in paths
        ]

    def labels(self, upload: str, reading: Reading) -> LabelImages:
        """The label images of an upload, for one movie.

        Raises:
            InputError: what cannot be read, or belongs to several movies.
        """
        file = self.file(upload)
        if is_trk(file):
            found = [_labels_of(one, upload) for one in self._trk(file, upload, reading)]
            _require_one(len(found), upload, "movies")
            return found[0]
        path = file
        if kind_of(file) is FileKind.ZIP:
            folders = _folders(self._unpacked(file, upload, IMAGE_SUFFIXES))
            _require_one(len(folders), upload, "folders")
            path = folders[0]
        return replace(open_labels(path), source=upload)

    def tracking(self, upload: str) -> Path:
        """The folder of a tracking in the Cell Tracking Challenge's form, unpacked.

        Raises:
            InputError: the upload is no zip of one.
        """
        file = self.file(upload)
        if kind_of(file) is not FileKind.ZIP:
            raise InputError(
                f"a {kind_of(file).name} file, where a tracking is needed",
                place=upload,
                remedy="send a zip of its masks and its text file",
            )
        unpacked = self._unpacked(file, upload, TRACKING_SUFFIXES)
        found = [path.parent for name in TRACK_FILES for path in sorted(unpacked.rglob(name))]
        _require_one(len(found), upload, f"of {' or '.join(TRACK_FILES)}")
        return found[0]

    def _trk(self, file: Path, upload: str, reading: Reading) -> Sequence[TrkMovie]:
        return open_trk(
            file,
            name=reading.name or name_of(upload),
            pixel_size=reading.pixel_size,
            minutes_per_frame=reading.minutes_per_frame,
        )

    def _movie(self, path: Path, upload: str, reading: Reading, *, several: bool) -> Movie:
        name = reading.name or name_of(upload)
        inner = path.relative_to(self._scratch / upload).with_suffix("") if several else None
        return open_movie(
            path,
            axes=reading.axes,
            pixel_size=reading.pixel_size,
            minutes_per_frame=reading.minutes_per_frame,
            name=f"{name}/{inner}" if inner else name,
        )

    def _stacks(self, file: Path, upload: str, axes: str | None) -> list[Path]:
        """Of each folder in a zip: itself, if its files are frames, else each of its files."""
        found: list[Path] = []
        for folder in _folders(self._unpacked(file, upload, IMAGE_SUFFIXES)):
            files = [folder] if is_png_folder(folder) else tiff_files(folder)
            found += [folder] if len(files) > 1 and _is_frame(files[0], axes) else files
        return found

    def _unpacked(self, file: Path, upload: str, suffixes: Sequence[str]) -> Path:
        folder = self._scratch / upload
        if not folder.exists():
            unpack_zip(file, folder, suffixes, self._progress)
        return folder


def name_of(upload: str) -> str:
    """What a movie is called after its upload."""
    name = upload
    for suffix in (*SUFFIXES, ".zip", ".trks", ".trk", ".ome"):
        name = name.removesuffix(suffix)
    return name or upload


def _is_frame(file: Path, axes: str | None) -> bool:
    """Whether a file is one time point."""
    try:
        frames_of_files([file], axes=axes)
    except InputError:  # several time points; or what is none, whose reader says more
        return False
    return True


def _folders(unpacked: Path) -> list[Path]:
    """The folders that hold images."""
    holding = {path.parent for path in unpacked.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES}
    return sorted(holding)


def _as_sent(movie: Movie, upload: str, reading: Reading) -> Movie:
    """The movie as it came from an upload: where that lies on this machine is no business of its users."""
    return replace(movie, source=upload).with_cells_in(reading.channel)


def _labels_of(movie: TrkMovie, upload: str) -> LabelImages:
    return replace(movie.labels, source=upload)


def _require_one(found: int, upload: str, what: str) -> None:
    if found != 1:
        raise InputError(
            f"{found} {what}, where one is needed", place=upload, remedy="send the one that is meant"
        )
