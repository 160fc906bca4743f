"""Files made from stored trackings and kept in a folder of bounded size: a tracking never changes."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

import pyarrow as pa

from api.ctc_zip import write_ctc_zip
from api.table_form import WRITERS, WRITING, whole_file, write_table
from api.table_query import EVERYTHING, TableQuery
from api.tables import Source, TableKind, open_table
from graph.records import TrackingRecord
from graph.store import LineageStore
from ingest.errors import NotFoundError, StoreError

CTC, ZIP = "ctc", ".zip"
SUFFIXES = (*WRITERS, ZIP)
VERSION = (3, pa.__version__)
"""Of the files' content; another one makes them anew, since another pyarrow may write other bytes."""
IN_USE_S = 300.0
"""A file that was asked for so lately is not removed: somebody is about to read it."""
ABANDONED_S = 24 * 3600.0
"""What is still being written after so long was left by a process that died."""


@dataclass(frozen=True)
class TrackingFile:
    """A file that there is, or that can be made.

    Attributes:
        path: where it is then.
        key: of its bytes: the same whenever it is made.
        write: makes it, whole or not at all.
    """

    path: Path
    key: str
    write: Callable[[Path], None]


class TableFiles:
    """The tables of stored trackings, and their results as zip, as files.

    Args:
        store: where the trackings are.
        folder: for the files; made when needed. Nothing else belongs in it.
        limit: bytes that they may have in all; those not asked for longest go first.
    """

    def __init__(self, store: LineageStore, folder: Path, limit: int) -> None:
        self._store = store
        self._folder = folder
        self._limit = limit
        self._guard = Lock()
        self._making: WeakValueDictionary[Path, Lock] = WeakValueDictionary()

    def table(
        self, tracking_id: str, kind: TableKind, suffix: str, query: TableQuery = EVERYTHING
    ) -> TrackingFile:
        """A table of a tracking.

        Args:
            tracking_id: of which.
            kind: which table.
            suffix: one of `WRITERS`.
            query: which rows and columns.

        Raises:
            NotFoundError: there is no such tracking.
        """
        assert suffix in WRITERS, suffix
        tracking = self._tracking(tracking_id)
        movie = self._store.movie(tracking.movie_id)
        source = Source(self._store, tracking, movie, query)
        # A calibration may be learnt after the tracking was stored, and gives another table.
        depends = (query, movie.pixel_size, movie.minutes_per_frame)
        return self._file(tracking.id, kind, suffix, depends, lambda path: _write(source, kind, path))

    def ctc_zip(self, tracking_id: str) -> TrackingFile:
        """The Cell Tracking Challenge result of a tracking.

        Raises:
            NotFoundError: there is no such tracking, or its label images are not here.
        """
        tracking = self._tracking(tracking_id)
        self._store.labels(tracking.id)

        def write(path: Path) -> None:
            with whole_file(path) as part:
                write_ctc_zip(self._store, tracking.id, part)

        return self._file(tracking.id, CTC, ZIP, (), write)

    def is_ready(self, file: TrackingFile) -> bool:
        """Whether a file is there, to stay for a while."""
        with self._guard:
            try:
                # Read times are not kept by every file system, so they are set.
                os.utime(file.path, ns=(time.time_ns(), file.path.stat().st_mtime_ns))
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def make(self, file: TrackingFile) -> None:
        """Make a file that is not there, once however many ask for it; then keep the folder small.

        Raises:
            InputError: a feature that was not measured.
            ConflictError: the tracking is removed meanwhile.
            StoreError: the folder cannot be written.
        """
        with self._guard:
            alone = self._making.setdefault(file.path, Lock())
        with alone:
            if self.is_ready(file):
                return
            try:
                file.write(file.path)
            except OSError as error:
                raise StoreError(
                    f"no table can be written ({error.strerror or error})",
                    place=str(self._folder),
                    remedy="make room on its disk, or move it with CELLKIN_DATA_FOLDER",
                ) from error
        self.tidy()

    def tidy(self) -> None:
        """Remove files of trackings that are gone, what dead writers left, and what exceeds the limit."""
        now, files = time.time(), [path for path in self._folder.iterdir() if path.suffix in SUFFIXES]
        for left in self._folder.glob(f"{WRITING}*"):
            if _age(left, now) > ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
        known = self._store.trackings_by_id(sorted({_tracking_of(path) for path in files}))
        self._remove([path for path in files if _tracking_of(path) not in known])
        total = 0
        for path in sorted(files, key=lambda path: _age(path, now)):
            total += _size(path)
            if total > self._limit:
                self._remove([path], unused_s=IN_USE_S)

    def _tracking(self, tracking_id: str) -> TrackingRecord:
        try:
            return self._store.tracking(tracking_id)
        except NotFoundError:
            if self._folder.is_dir():
                self._remove([path for path in self._folder.iterdir() if _tracking_of(path) == tracking_id])
            raise

    def _file(
        self, tracking_id: str, kind: str, suffix: str, depends: object, write: Callable[[Path], None]
    ) -> TrackingFile:
        content = repr((VERSION, tracking_id, kind, suffix, depends))
        key = sha256(content.encode()).hexdigest()[:20]
        return TrackingFile(self._folder / f"{tracking_id}.{kind}-{key}{suffix}", key, write)

    def _remove(self, paths: Sequence[Path], unused_s: float = 0.0) -> None:
        """Remove files, unless one of them was asked for in the last seconds."""
        for path in paths:
            with self._guard:
                if _age(path, time.time()) >= unused_s:
                    path.unlink(missing_ok=True)


def _write(source: Source, kind: TableKind, path: Path) -> None:
    write_table(open_table(source, kind), path)


def _tracking_of(path: Path) -> str:
    return path.name.partition(".")[0]


def _age(path: Path, now: float) -> float:
    """Seconds since it was asked for; 0 of one that has gone meanwhile."""
    try:
        return now - path.stat().st_atime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    """Bytes; 0 of one that has gone meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
