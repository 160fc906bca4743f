"""The archive that a .trk or .trks file is: unpacked within bounds, its members checked before they are read.

An archive is a tar file, packed by gzip as a rule. It is unpacked to a nameless temporary file, and its
arrays are mapped there, so that no more of them is in memory than is looked at.
"""

import gzip
import io
import json
import shutil
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy.typing as npt

from ingest.errors import InputError, TooLargeError
from ingest.formats.npy import map_npy

LINEAGES = ("lineages.json", "lineage.json")
ARRAYS = ("raw.npy", "tracked.npy")

CHUNK = 2**20
MAX_UNPACKED = 2**37
"""Bytes of an archive; the largest published ones unpack to a tenth of it."""
MAX_RATIO = 200
"""Of an archive beyond `ANY_RATIO` bytes; images and labels reach 5 to 60, gzip itself 1000."""
ANY_RATIO = 2**26
MAX_LINEAGES = 2**28
"""Bytes of the lineages: about ten million detections, a line each."""
MAX_READ = 2**20
"""Bytes that the reader of the archive may ask for at once: it believes what a header says of its size."""


@dataclass(frozen=True, eq=False)
class Archive:
    """What an archive holds.

    Attributes:
        lineages: the JSON document.
        raw, tracked: mapped arrays.
    """

    lineages: object
    raw: npt.NDArray[Any]
    tracked: npt.NDArray[Any]


def open_archive(path: Path) -> Archive:
    """Unpack an archive.

    Raises:
        InputError: it cannot be read, unpacks beyond bounds, or holds anything but the three members.
    """
    if not path.is_file():
        raise InputError("no such file", place=str(path), remedy="check the path")
    with _unpacked(path) as file:
        members = _members(file, path)
        (name,) = set(members) & set(LINEAGES)
        lineages = _json(file, members[name], f"{path}, {name}")
        raw, tracked = (
            map_npy(file, members[one].offset_data, members[one].size, f"{path}, {one}") for one in ARRAYS
        )
        return Archive(lineages, raw, tracked)


@contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    """The tar file, open: the file itself, or where it was unpacked to."""
    with path.open("rb") as packed:
        if packed.read(2) != b"\x1f\x8b":
            yield packed
            return
        packed.seek(0)
        with tempfile.TemporaryFile() as whole:
            with _readable(path):
                _unpack(packed, whole, path)
            yield whole


def _unpack(packed: BinaryIO, whole: BinaryIO, path: Path) -> None:
    size, room = path.stat().st_size, shutil.disk_usage(tempfile.gettempdir()).free * 9 // 10
    with gzip.open(packed) as stream:
        while chunk := stream.read(CHUNK):
            unpacked = whole.tell() + len(chunk)
            if unpacked > min(MAX_UNPACKED, max(MAX_RATIO * size, ANY_RATIO)):
                raise TooLargeError(
                    f"{size:,} bytes unpack to more than {whole.tell():,}",
                    place=str(path),
                    remedy=f"give an archive that unpacks to at most {MAX_RATIO} times its size "
                    f"and {MAX_UNPACKED:,} bytes; split a larger one",
                )
            if unpacked > room:
                raise InputError(
                    f"it unpacks to more than the {room:,} bytes free in {tempfile.gettempdir()}",
                    place=str(path),
                    remedy="free some, or set TMPDIR to a folder on a disk with room",
                )
            whole.write(chunk)
    whole.flush()


def _members(file: BinaryIO, path: Path) -> Mapping[str, tarfile.TarInfo]:
    """The members by name: the two arrays and the lineages, each once, and nothing else."""
    file.seek(0)
    members: dict[str, tarfile.TarInfo] = {}
    with _readable(path), tarfile.open(fileobj=_SmallReads(file, path), mode="r:") as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
            if name not in (*ARRAYS, *LINEAGES) or name in members or not plain:
                raise InputError(
                    f"a member {member.name[:100]!r}{'' if plain else ', no regular file'}"
                    f"{' for the second time' if name in members else ''}",
                    place=str(path),
                    remedy=f"give an archive of {ARRAYS[0]}, {ARRAYS[1]} and {LINEAGES[0]}, nothing else",
                )
            members[name] = member
    _check_complete(members, file.seek(0, 2), path)
    return members


def _check_complete(members: Mapping[str, tarfile.TarInfo], end: int, path: Path) -> None:
    lineages = [name for name in LINEAGES if name in members]
    if len(lineages) == 2:
        raise InputError(
            f"both {LINEAGES[0]} and {LINEAGES[1]}", place=str(path), remedy="keep the one that is right"
        )
    missing = [name for name in ARRAYS if name not in members] + ([] if lineages else [LINEAGES[0]])
    if missing:
        raise InputError(
            f"no {missing[0]} in the archive", place=str(path), remedy="add it, or copy the file again"
        )
    for name, member in members.items():
        if member.offset_data + member.size > end:
            raise InputError(
                f"truncated: {name} reaches beyond the end", place=str(path), remedy="copy the file again"
            )


def _json(file: BinaryIO, member: tarfile.TarInfo, place: str) -> object:
    if member.size > MAX_LINEAGES:
        raise TooLargeError(
            f"{member.size:,} bytes of lineages", place=place, remedy=f"give at most {MAX_LINEAGES:,}"
        )
    file.seek(member.offset_data)
    try:
        document: object = json.loads(
            file.read(member.size), parse_constant=_no_number, object_pairs_hook=_each_once
        )
    except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, endless numbers; endless depth
        raise InputError(
            f"cannot be read as JSON ({str(error)[:200]})", place=place, remedy="write the lineages as JSON"
        ) from error
    return document


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object as a dict: JSON itself lets the last of several values of one key win."""
    document = dict(pairs)
    if len(document) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"key {twice[:40]!r} twice")
    return document


class _SmallReads(io.BufferedIOBase):
    """A file for `tarfile`, which otherwise reads as much as a forged header claims to be long."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ:
            raise InputError(
                f"a header that claims {size or -1:,} bytes",
                place=str(self._path),
                remedy="make the archive anew, with plain headers",
            )
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn whatever unpacking raises into an error that the user can understand."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # gzip, zlib and tarfile raise a dozen kinds on damaged bytes
        raise InputError(
            f"cannot be read as a .trk archive ({error})",
            place=str(path),
            remedy="copy or download the file again; it is a tar archive, packed by gzip",
        ) from error
