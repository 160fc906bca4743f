"""Label images of the stored trackings, as Zarr in the data folder: a chunk a frame."""

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from filelock import FileLock, Timeout

from ingest.errors import NotFoundError, StoreError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent

Check = Callable[[int, npt.NDArray[np.int32]], None]
"""Called with each frame's number and label image; raises what is wrong with it."""

PART = ".writing-"
"""How the names of unfinished label images begin."""


@dataclass(frozen=True)
class UnnamedLabels:
    """Label images that have been written, but belong to no tracking yet.

    Attributes:
        folder: where they are.
        checksum: sha256 of their content, in hex.
    """

    folder: Path
    checksum: str


class PixelStore:
    """Label images by the id of their tracking.

    Args:
        folder: made when the first label images are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def writing(
        self, labels: LabelImages, check: Check, progress: Progress = silent
    ) -> Iterator[UnnamedLabels]:
        """Write label images a frame at a time; `keep` gives them to a tracking, else they vanish afterwards.

        Args:
            labels: (T, Y, X).
            check: of each frame.
            progress: told of each frame.

        Raises:
            StoreError: the folder cannot be written.
        """
        with self._explained():
            part, lock = self._begun()
        try:
            yield self._write(labels, check, progress, part)
        finally:
            _remove(part, lock)

    def keep(self, written: UnnamedLabels, tracking_id: str) -> None:
        """Give label images to a tracking; those that it has already are the same, and stay."""
        path = self._path(tracking_id)
        with self._explained():
            try:
                written.folder.rename(path)
            except OSError:
                if not path.exists():
                    raise

    def copy(self, source: "PixelStore", tracking_id: str) -> None:
        """Copy the label images of a tracking, if there are any that are not here; all of them or none.

        Raises:
            OSError: they cannot be read or written, or are removed meanwhile.
        """
        if self.has(tracking_id) or not source.has(tracking_id):
            return
        part, lock = self._begun()
        try:
            shutil.copytree(source._path(tracking_id), part)
            part.rename(self._path(tracking_id))
        finally:
            _remove(part, lock)

    def copy_all(self, source: "PixelStore") -> None:
        """Copy the label images of all trackings that are not here.

        Raises:
            OSError: as of `copy`.
        """
        for path in source.folder.glob("*.zarr"):
            self.copy(source, path.stem)

    def labels(self, tracking_id: str) -> LabelImages:
        """(T, Y, X) label images of a tracking, read a frame at a time.

        Raises:
            NotFoundError: there are none.
        """
        path = self._path(tracking_id)
        if not self.has(tracking_id):
            raise NotFoundError(
                f"no label images of tracking {tracking_id!r}",
                place=str(self.folder),
                remedy="store the tracking with its label images, on this data folder",
            )
        array: Any = zarr.open_array(path, mode="r")
        return LabelImages(array.shape, lambda t: np.asarray(array[t]), str(path))

    def has(self, tracking_id: str) -> bool:
        """Whether there are label images of a tracking."""
        return self._path(tracking_id).exists()

    def delete(self, tracking_id: str) -> None:
        """Remove the label images of a tracking, if there are any: all of them are gone at once."""
        if not self.has(tracking_id):
            return
        removed, lock = self._begun()
        try:
            with suppress(OSError):
                self._path(tracking_id).rename(removed)
        finally:
            _remove(removed, lock)

    def sweep(self) -> None:
        """Remove what writers left that died before they could give it to a tracking."""
        for path in self.folder.glob(f"{PART}*.lock"):
            try:
                lock = FileLock(path, timeout=0)
                lock.acquire()
            except Timeout:
                continue  # its writer lives
            _remove(path.with_suffix(""), lock)
        for path in self.folder.glob(".copying-*.zarr"):  # as restores left it that knew of no lock
            shutil.rmtree(path, ignore_errors=True)

    def _begun(self) -> tuple[Path, FileLock]:
        """A path for what is not yet, or no longer, label images of a tracking, and the lock held on it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{PART}{secrets.token_hex(8)}"
        lock = FileLock(_lock_of(part))
        lock.acquire()  # the system lets go of it when this process dies, which `sweep` sees
        return part, lock

    def _write(self, labels: LabelImages, check: Check, progress: Progress, folder: Path) -> UnnamedLabels:
        digest = hashlib.sha256(repr(labels.shape).encode())
        with self._explained():
            array: Any = zarr.create_array(
                folder, shape=labels.shape, chunks=(1, *labels.shape[1:]), dtype="int32", overwrite=True
            )
        for t in progress(range(len(labels)), "Storing label images"):
            image = labels.frame(t)  # (Y, X)
            check(t, image)
            digest.update(np.ascontiguousarray(image, "<i4").data)
            with self._explained():
                array[t] = image
        return UnnamedLabels(folder, digest.hexdigest())

    def _path(self, tracking_id: str) -> Path:
        # An id is letters and digits as the store makes it; anything else, such as a path, has no file.
        name = tracking_id if tracking_id.isalnum() else "none"
        return self.folder / f"{name}.zarr"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"label images cannot be written: {error.strerror or error}",
                place=str(self.folder),
                remedy="make the folder writable and free some space, or set CELLKIN_DATA_FOLDER",
            ) from error


def _lock_of(part: Path) -> Path:
    return part.with_suffix(".lock")


def _remove(part: Path, lock: FileLock) -> None:
    """Remove what is left of a part and the lock that is held on it."""
    shutil.rmtree(part, ignore_errors=True)
    _lock_of(part).unlink(missing_ok=True)
    lock.release()
