"""The common case of a frame, read without ceremony: one plane, whole strips, at most deflated differences.

tifffile reads any TIFF, and takes twice as long for one of these, most of it around the pixels; whoever reads
two files a frame feels it. What is not exactly of this form is left to tifffile, errors included.

Source: TIFF revision 6.0, Aldus 1992 (differences: section 14); Adobe deflate, TIFF technical notes 2002.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

HEADER = struct.Struct("<2sHI")
COUNT = struct.Struct("<H")
ENTRY = struct.Struct("<HHI4s")
NEXT = struct.Struct("<I")
WORDS = {3: "<u2", 4: "<u4"}
"""Field types SHORT and LONG; a tag of another type is not looked at."""
WIDTH, HEIGHT, BITS, COMPRESSION = 256, 257, 258, 259
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PREDICTOR = 273, 277, 278, 279, 317
USUAL = {
    BITS: (8, 16, 32), SAMPLES: (1,), 262: (0, 1), 266: (1,), 274: (1,), 284: (1,), 317: (1, 2), 339: (1,),
}  # fmt: skip
"""Bits and samples of a pixel, photometric interpretation, fill order, orientation, planes, predictor,
unsigned samples: where they are given, only so."""
DIFFERENCES = 2
"""The predictor by which each pixel of a row is kept as what it adds to the one before."""
UNUSUAL = {322, 323, 324, 325, 330, 338}
"""Tiles, further images below this one, samples beyond colour."""
PLAIN, DEFLATE = (1,), (8, 32946)
DTYPES: Mapping[int, np.dtype[Any]] = {8: np.dtype("u1"), 16: np.dtype("<u2"), 32: np.dtype("<u4")}

Numbers = npt.NDArray[Any]
Tags = Mapping[int, Numbers]


def read_plain(path: Path, shape: tuple[int, int]) -> Numbers | None:
    """(Y, X) pixels of a file of one plane; None for anything that is not just that, or not whole.

    Args:
        path: of the file.
        shape: (Y, X) that it must have.
    """
    try:
        content = path.read_bytes()
        tags = _only_tags(content)
        return None if tags is None else _pixels(content, tags, shape)
    except (OSError, struct.error, ValueError, KeyError, IndexError, imagecodecs.DeflateError):
        return None


def _only_tags(content: bytes) -> Tags | None:
    """The tags of the only image that hold whole numbers, by tag; None where images or tags are several."""
    order, version, at = HEADER.unpack_from(content)
    if (order, version) != (b"II", 42):
        return None
    end = at + COUNT.size + COUNT.unpack_from(content, at)[0] * ENTRY.size
    entries = list(ENTRY.iter_unpack(content[at + COUNT.size : end]))
    known = {tag for tag, *_ in entries}
    if NEXT.unpack_from(content, end)[0] != 0 or len(known) < len(entries) or known & UNUSUAL:
        return None
    if any(tag in USUAL and kind not in WORDS for tag, kind, *_ in entries):
        return None
    return {tag: _values(content, *entry) for tag, *entry in entries if entry[0] in WORDS}


def _values(content: bytes, kind: int, number: int, inline: bytes) -> Numbers:
    """(number,) the values of a tag, which stand in its entry where they fit, else where that points."""
    dtype = np.dtype(WORDS[kind])
    if number * dtype.itemsize <= len(inline):
        return np.frombuffer(inline, dtype, number)
    return np.frombuffer(content, dtype, number, NEXT.unpack(inline)[0])


def _pixels(content: bytes, tags: Tags, shape: tuple[int, int]) -> Numbers | None:
    height, compression = shape[0], tags[COMPRESSION].item()
    if not _is_usual(tags) or (tags[HEIGHT].item(), tags[WIDTH].item()) != shape:
        return None
    is_difference = PREDICTOR in tags and tags[PREDICTOR].item() == DIFFERENCES
    if compression not in (DEFLATE if is_difference else PLAIN + DEFLATE):
        return None
    image = np.empty(shape, DTYPES[tags[BITS].item()])
    rows = min(tags[ROWS_PER_STRIP].item(), height)
    offsets, sizes = tags[STRIP_OFFSETS].tolist(), tags[STRIP_BYTES].tolist()
    for start, offset, size in zip(range(0, height, rows), offsets, sizes, strict=True):
        strip = content[offset : offset + size]
        if not offset or len(strip) != size or not _decode(strip, image[start : start + rows], compression):
            return None
    if is_difference:
        imagecodecs.delta_decode(image, axis=1, out=image)
    return image


def _decode(strip: bytes, rows: Numbers, compression: int) -> bool:
    """Fill `rows` from a strip; whether it held them exactly."""
    into = rows.data.cast("B")
    if compression in DEFLATE:
        return len(imagecodecs.deflate_decode(strip, out=into)) == len(into)
    if len(strip) != len(into):
        return False
    into[:] = strip
    return True


def _is_usual(tags: Tags) -> bool:
    """Whether there is nothing about the pixels that this reader does not know."""
    return all(
        tags[tag].tolist() in [[value] for value in values] for tag, values in USUAL.items() if tag in tags
    )
