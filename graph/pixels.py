"""Label images of the stored trackings, as Zarr in the data folder: a chunk a frame."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from ingest.errors import NotFoundError, StoreError
from ingest.movie import LabelImages
from ingest.progress import Progress, silent

Check = Callable[[int, npt.NDArray[np.int32]], None]
"""Called with each frame's number and label image; raises what is wrong with it."""


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
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.folder))
        try:
            yield self._write(labels, check, progress, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def keep(self, written: UnnamedLabels, tracking_id: str) -> None:
        """Give label images to a tracking; those of the same id are the same and stay."""
        with self._explained():
            if not self._path(tracking_id).exists():
                written.folder.rename(self._path(tracking_id))

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
        return LabelImages.from_function(lambda t: np.asarray(array[t]), array.shape, str(path))

    def has(self, tracking_id: str) -> bool:
        """Whether there are label images of a tracking."""
        return self._path(tracking_id).exists()

    def delete(self, tracking_id: str) -> None:
        """Remove the label images of a tracking, if there are any."""
        shutil.rmtree(self._path(tracking_id), ignore_errors=True)

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
