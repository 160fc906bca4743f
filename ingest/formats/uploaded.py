"""A file from elsewhere, of whatever name: what it is by its first bytes, and whether it is whole."""

import math
import tarfile
from enum import StrEnum
from pathlib import Path

import tifffile

from ingest.errors import InputError
from ingest.formats.tiff_file import check_complete, only_series, open_tiff, plane_shape, readable, truncated
from ingest.formats.trk_archive import open_archive
from ingest.formats.zipped import check_zip

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ZIP_MAGIC = (b"PK\3\4", b"PK\5\6")
GZIP_MAGIC = b"\x1f\x8b"
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257


class FileKind(StrEnum):
    """What a file is; the value is the suffix that its readers know it by."""

    TIFF = ".tif"
    ZIP = ".zip"
    TRK = ".trk"


def check_file(path: Path) -> FileKind:
    """What a file is, once it has been looked through; pixels are not decoded.

    Raises:
        InputError: none of the kinds; damaged, truncated, or beyond the bounds of its reader.
    """
    kind = kind_of(path)
    CHECKS[kind](path)
    return kind


def kind_of(path: Path) -> FileKind:
    """What a file is by its first bytes.

    Raises:
        InputError: none of the kinds.
    """
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    if head.startswith(TIFF_MAGIC):
        return FileKind.TIFF
    if head.startswith(ZIP_MAGIC):
        return FileKind.ZIP
    if head.startswith(GZIP_MAGIC) or head[TAR_MAGIC_AT:].startswith(TAR_MAGIC):
        return FileKind.TRK
    raise InputError(
        f"{'an empty file' if not head else 'neither a TIFF file, nor a zip archive, nor a .trk file'}",
        place=path.name,
        remedy="send a TIFF or OME-TIFF stack, a zip of TIFF or PNG frames, or a .trk or .trks file",
    )


def _check_tiff(path: Path) -> None:
    """That there is one image, of a size that can be read, with all its planes; axes are settled later."""
    with open_tiff(path) as tif, readable(path.name):
        series, size = only_series(tif, path), tif.filehandle.size
        if series.is_multifile:
            raise InputError(
                "an OME-TIFF whose frames are spread over several files",
                place=path.name,
                remedy="send a zip of all of them",
            )
        plane_shape(series.keyframe, path)
        if series.dataoffset is None:
            _check_pages(series, path, size)
        elif series.dataoffset + series.size * series.dtype.itemsize > size:
            raise truncated(path.name)


def _check_pages(series: tifffile.TiffPageSeries, path: Path, size: int) -> None:
    planes = math.prod(series.shape) // math.prod(series.keyframe.shape)
    pages = [page for page in series.pages if page is not None]
    if len(pages) != planes:
        raise truncated(path.name, f"{len(pages)} of {planes} planes are there")
    for page in pages:
        check_complete(page, size, path.name)


def _check_trk(path: Path) -> None:
    open_archive(path)


CHECKS = {FileKind.TIFF: _check_tiff, FileKind.ZIP: check_zip, FileKind.TRK: _check_trk}
