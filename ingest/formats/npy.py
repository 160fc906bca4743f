"""A NumPy array within a larger file: its header is checked before anything is allocated for its data."""

import math
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format

from ingest.errors import InputError, TooLargeError

HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
"""By version; version 3 differs in the names of records only, which are no pixels."""


def map_npy(file: BinaryIO, offset: int, size: int, place: str) -> npt.NDArray[Any]:
    """The array that fills `size` bytes of a file from `offset` on, mapped: read where it is looked at.

    Args:
        file: open on disk; it may be closed afterwards.
        offset: where the .npy begins, in bytes.
        size: of header and data together, in bytes.
        place: what it is called in errors.

    Raises:
        InputError: no .npy; Python objects, which are never unpickled; no numbers; a shape that does not fit
            the size.
    """
    file.seek(offset)
    shape, in_columns, dtype = _header(file, place)
    if dtype.hasobject:
        raise InputError(
            "an array of Python objects, which can run code when they are read",
            place=place,
            remedy="save it as an array of numbers, all movies of one shape",
        )
    if dtype.kind not in "buif":
        raise InputError(f"values of type {dtype}", place=place, remedy="save integers or floats")
    header = file.tell() - offset
    there, announced = size - header, math.prod(shape) * dtype.itemsize  # Python's integers do not overflow
    if min(shape, default=1) < 1 or announced != there:
        kind = TooLargeError if announced > there else InputError
        raise kind(
            f"an array of shape {shape} and type {dtype}: {announced:,} bytes, where there are {there:,}",
            place=place,
            remedy="copy or save the file again",
        )
    order: Literal["F", "C"] = "F" if in_columns else "C"
    array: npt.NDArray[Any] = np.memmap(file, dtype, "r", offset + header, shape, order)
    return array


def _header(file: BinaryIO, place: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first index runs fastest, and type."""
    try:
        version = npy_format.read_magic(file)
        shape, in_columns, dtype = HEADERS[version](file)
    except Exception as error:  # the header is a Python literal: its parser has many errors
        raise InputError(
            f"no .npy header that can be read ({error})", place=place, remedy="save it with numpy.save"
        ) from error
    return shape, in_columns, dtype
