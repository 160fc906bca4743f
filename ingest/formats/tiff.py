"""TIFF movies: one file of many frames, or a folder of files that are a frame each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingest.axes import PlaneOrder, settle
from ingest.errors import InputError
from ingest.formats import Frames
from ingest.formats.calibration import of_tiff
from ingest.formats.numbering import frame_numbers, tiff_files
from ingest.formats.plain_tiff import read_plain
from ingest.formats.tiff_file import (
    Page,
    Plane,
    check_complete,
    only_series,
    open_tiff,
    plane_shape,
    read_page,
    readable,
)
from ingest.formats.tiff_stack import open_stack


def open_frames(path: Path, *, axes: str | None = None, labels: bool = False) -> Frames:
    """The frames of a TIFF file, or of a folder of TIFF files.

    Headers are read at once, so that a truncated file, a missing frame or frames that differ are refused
    here; pixels are read when a frame is asked for.

    Args:
        path: file or folder.
        axes: what the axes are where the files do not say: "TYX", "TCYX". In a folder T counts the files.
        labels: these are label images, which have no channels: planes that do not say what they are count as
            time points in a stack, and as depth in a folder. Each frame may have its own pixel type.

    Raises:
        InputError: anything that cannot be read completely or is unclear.
    """
    if path.is_file():
        return open_stack(path, axes=axes, unclear="TYX" if labels else None)
    files = tiff_files(path)
    if len(files) == 1:
        return open_stack(files[0], axes=axes, unclear="TYX" if labels else None)
    if axes is None:
        frame_numbers(files)
    return frames_of_files(files, axes=axes, labels=labels)


def frames_of_files(files: Sequence[Path], *, axes: str | None = None, labels: bool = False) -> Frames:
    """The frames of TIFF files that are a frame each, in this order; otherwise as `open_frames`."""
    folder = _first_frame(tuple(files), axes, labels)
    for t in range(1, len(files)):
        with folder.pages(t):
            pass  # opening a file checks its header
    return folder.frames()


def unread_frames_of_files(files: Sequence[Path], *, axes: str | None = None, labels: bool = False) -> Frames:
    """As `frames_of_files`, but a file is looked at, and refused, when its frame is read.

    For who reads every frame anyway, and would look at each file twice.
    """
    return _first_frame(tuple(files), axes, labels).frames()


@dataclass(frozen=True, eq=False)
class _Folder:
    """A TIFF file a frame, opened when it is read; all are laid out as the first."""

    files: tuple[Path, ...]
    order: PlaneOrder
    shape: tuple[int, int]  # (Y, X)
    dtype: np.dtype[Any]
    labels: bool

    def frames(self) -> Frames:
        """All frames; the calibration is the first file's."""
        with readable(str(self.files[0])), open_tiff(self.files[0]) as tif:
            calibration = of_tiff(tif)
        shape = (len(self.files), self.order.size("C"), *self.shape)
        return Frames(shape, self.dtype, self.frame, self.files, calibration)

    def frame(self, t: int) -> Plane:
        plain = self._plain(t)
        if plain is not None:
            return plain[np.newaxis]  # (1, Y, X)
        with self.pages(t) as pages:
            planes = [read_page(page, f"{self.files[t]}, frame {t}") for page in pages]
        return np.stack(planes) if len(planes) > 1 else planes[0][np.newaxis]  # (C, Y, X)

    @contextmanager
    def pages(self, t: int) -> Iterator[Sequence[Page]]:
        """The pages of a frame's file, a page a channel."""
        path = self.files[t]
        with readable(f"{path}, frame {t}"), open_tiff(path) as tif:
            pages = list(tif.pages)
            if len(pages) != self.order.planes:
                raise self._other(path, f"{len(pages)} planes", str(self.order.planes))
            for page in pages:
                if page.shape != self.shape or (page.dtype != self.dtype and not self.labels):
                    wanted = f"{self.shape} of {self.dtype}"
                    raise self._other(path, f"{page.shape} pixels of {page.dtype}", wanted)
                check_complete(page, tif.filehandle.size, f"{path}, frame {t}")
            yield pages

    def _plain(self, t: int) -> Plane | None:
        """(Y, X) pixels of a frame whose file is of the plainest form; None where tifffile must read it."""
        plain = read_plain(self.files[t], self.shape) if self.order.planes == 1 else None
        return plain if plain is not None and (self.labels or plain.dtype == self.dtype) else None

    def _other(self, path: Path, found: str, wanted: str) -> InputError:
        return InputError(
            f"a frame of {found}, where {self.files[0].name} has {wanted}",
            place=str(path),
            remedy="give all frames one size and pixel type, or take this file out of the folder",
        )


def _first_frame(files: tuple[Path, ...], axes: str | None, labels: bool) -> _Folder:
    """The layout of all files, from the first."""
    path = files[0]
    with readable(str(path)), open_tiff(path) as tif:
        series, first = only_series(tif, path), tif.pages.first
        # The metadata of an OME-TIFF in several files speaks of all of them; a file alone is a frame.
        found = first if series.is_multifile else series
        order = settle(
            found.axes, found.shape, given=axes, unclear="ZYX" if labels else None, outer="T", place=str(path)
        )
        if order.size("T") > 1:
            raise InputError(
                f"{order.size('T')} time points in one of several files",
                place=str(path),
                remedy="name one file, or save each frame as a file",
            )
        return _Folder(files, order, plane_shape(first, path), np.dtype(first.dtype), labels)
