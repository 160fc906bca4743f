"""A TIFF file that holds a whole movie, read plane by plane."""

import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from ingest.axes import settle
from ingest.errors import InputError
from ingest.formats import Frames
from ingest.formats.calibration import of_tiff
from ingest.formats.tiff_file import (
    Page,
    Plane,
    check_complete,
    only_series,
    open_tiff,
    plane_shape,
    read_page,
    readable,
    truncated,
)


def open_stack(path: Path, *, axes: str | None = None, unclear: str | None = None) -> Frames:
    """The frames of one TIFF, ImageJ or OME-TIFF file; arguments and errors as of `tiff.open_frames`."""
    with readable(str(path)):
        stack = _Stack(path, axes, unclear)
        t, c = stack.order.size("T"), stack.order.size("C")
        return Frames((t, c, *stack.shape), stack.dtype, stack.frame, (path,), of_tiff(stack.tif))


class _Stack:
    """The file held open: to find a page anew, the chain of pages would have to be walked anew.

    The planes are pages, or lie one after another from an offset on (ImageJ may have one page for all).
    """

    def __init__(self, path: Path, axes: str | None, unclear: str | None) -> None:
        self.path = path
        self.tif = open_tiff(path)
        weakref.finalize(self, self.tif.close)
        self.tif.filehandle.set_lock(True)  # frames may be read from several threads
        series = only_series(self.tif, path)
        if series.is_multifile:
            raise InputError(
                "an OME-TIFF whose frames are spread over several files",
                place=str(path),
                remedy="name the folder that holds them",
            )
        self.order = settle(series.axes, series.shape, given=axes, unclear=unclear, place=str(path))
        if axes is None and "T" not in self.order.axes and self.order.size("C") > 1:
            raise InputError(
                f"{self.order.size('C')} channels and no time axis",
                place=str(path),
                remedy="say --axes TYX for time points, --axes CYX for one frame (Python: axes=…)",
            )
        self.shape = plane_shape(series.keyframe, path)
        self.dtype = np.dtype(series.dtype)
        self._offset = series.dataoffset
        self._pages = self._complete_pages(series) if self._offset is None else ()
        self._refuse_truncated()

    def frame(self, t: int) -> Plane:
        planes = [self._plane(t, c) for c in range(self.order.size("C"))]
        return np.stack(planes) if len(planes) > 1 else planes[0][np.newaxis]  # (C, Y, X)

    def _plane(self, t: int, c: int) -> Plane:
        index, place = self.order.plane(t, c), f"{self.path}, frame {t}"
        if self._offset is None:
            return read_page(self._pages[index], place)
        file, dtype = self.tif.filehandle, self.dtype.newbyteorder(self.tif.byteorder)
        count = int(np.prod(self.shape))
        with readable(place), file.lock:
            return file.read_array(dtype, count, self._offset + index * self._plane_bytes).reshape(self.shape)

    @property
    def _plane_bytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def _complete_pages(self, series: tifffile.TiffPageSeries) -> Sequence[Page]:
        """A page for each plane that the metadata announces."""
        pages = [page for page in series.pages if page is not None]
        if len(pages) != self.order.planes:
            raise truncated(str(self.path), f"{len(pages)} of {self.order.planes} planes are there")
        return pages

    def _refuse_truncated(self) -> None:
        size = self.tif.filehandle.size
        for index, page in enumerate(self._pages):
            check_complete(page, size, f"{self.path}, frame {self.order.frame(index)}")
        if self._offset is not None:
            whole = (size - self._offset) // self._plane_bytes
            if whole < self.order.planes:
                raise truncated(f"{self.path}, frame {self.order.frame(whole)}")
