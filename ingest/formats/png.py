"""Folders of PNG files that are a frame each, in grey levels of 8 or 16 bits: as Cellpose saves its masks.

Source of the header: Portable Network Graphics, third edition, W3C 2025, section 11.2.1.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from ingest.axes import settle
from ingest.errors import InputError, TooLargeError
from ingest.formats import Frames
from ingest.formats.numbering import SUFFIXES as TIFF_SUFFIXES
from ingest.formats.numbering import files_of, frame_numbers
from ingest.formats.tiff_file import MAX_PIXELS

SUFFIXES = (".png",)
HEADER = struct.Struct(">8s4s4sIIBB")
"""Signature, length and name of the first chunk, width, height, bits a sample, kind of colour."""
SIGNATURE, FIRST_CHUNK, GREY = b"\x89PNG\r\n\x1a\n", b"IHDR", 0
COLOURS = {
    0: "grey levels",
    2: "colours",
    3: "a palette",
    4: "transparent grey levels",
    6: "transparent colours",
}
DTYPES: Mapping[int, np.dtype[Any]] = {8: np.dtype("u1"), 16: np.dtype("u2")}


def is_png_folder(path: Path) -> bool:
    """Whether it is a folder with PNG files, and without TIFF files, which come first."""
    return path.is_dir() and bool(files_of(path, SUFFIXES)) and not files_of(path, TIFF_SUFFIXES)


def open_frames(path: Path, *, axes: str | None = None, labels: bool = False) -> Frames:
    """The frames of a folder of PNG files, one channel.

    Headers are read at once, pixels when a frame is asked for.

    Args:
        path: folder.
        axes: "TYX" takes all files as frames in the order of their names.
        labels: these are label images; each may have its own pixel type.

    Raises:
        InputError: colours, other depths, frames that are missing or differ, what is no PNG.
    """
    files = files_of(path, SUFFIXES)
    if axes is None and len(files) > 1:
        frame_numbers(files)
    first, *_ = headers = [_header(file) for file in files]
    settle("YX", first.shape, given=axes, outer="T", place=str(path))
    for file, header in zip(files, headers, strict=True):
        if header.shape != first.shape or (header.dtype != first.dtype and not labels):
            raise InputError(
                f"a frame of {header}, where {files[0].name} has {first}",
                place=str(file),
                remedy="give all frames one size and pixel type, or take this file out of the folder",
            )

    def read(t: int) -> npt.NDArray[Any]:
        return _pixels(files[t], f"{files[t]}, frame {t}", first.shape)[np.newaxis]

    return Frames((len(files), 1, *first.shape), first.dtype, read, tuple(files))


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, int]  # (Y, X)
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.shape} pixels of {self.dtype}"


def _header(file: Path) -> _Header:
    try:
        with file.open("rb") as stream:
            signature, _, chunk, width, height, bits, colour = HEADER.unpack(stream.read(HEADER.size))
    except (OSError, struct.error) as error:
        raise _unreadable(str(file), error) from error
    if signature != SIGNATURE or chunk != FIRST_CHUNK:
        raise _unreadable(str(file), "another signature")
    if not 0 < height * width <= MAX_PIXELS:
        raise TooLargeError(
            f"frames of {height}×{width} pixels, where 1 to {MAX_PIXELS:,} can be read",
            place=str(file),
            remedy="crop or tile them",
        )
    if colour != GREY or bits not in DTYPES:
        raise InputError(
            f"{COLOURS.get(colour, 'an unknown kind')} of {bits} bits",
            place=str(file),
            remedy="save grey levels of 8 or 16 bits, one channel a folder",
        )
    return _Header((height, width), DTYPES[bits])


def _pixels(file: Path, place: str, shape: tuple[int, int]) -> npt.NDArray[Any]:
    """(Y, X) pixels of a file."""
    try:
        pixels: npt.NDArray[Any] = imagecodecs.png_decode(file.read_bytes())
    except (OSError, ValueError, imagecodecs.PngError) as error:
        raise _unreadable(place, error) from error
    if pixels.shape != shape:  # what is transparent has a channel of its own
        raise InputError(
            f"an image of {pixels.shape} pixels", place=place, remedy="save grey levels without transparency"
        )
    return pixels


def _unreadable(place: str, why: object) -> InputError:
    return InputError(f"cannot be read as PNG ({why})", place=place, remedy="save or copy the file again")
