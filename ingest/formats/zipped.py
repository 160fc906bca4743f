"""A zip archive of TIFF or PNG files: looked through before anything is unpacked, and unpacked within bounds.

Nothing that an archive says of itself is believed. Its directory is bounded before it is read; members that
overlap, that lead out of the folder, that are no regular files or that unpack to much more than they are
refuse the whole archive; what a member really unpacks to is counted while it is written.

Source: APPNOTE.TXT 6.3.10, PKWARE; D. Fifield, A better zip bomb, WOOT 2019.
"""

import errno
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from ingest.errors import InputError
from ingest.formats import numbering, png
from ingest.progress import Progress, silent

IMAGE_SUFFIXES = (*numbering.SUFFIXES, *png.SUFFIXES)
TRACKING_SUFFIXES = (*IMAGE_SUFFIXES, ".txt")
"""What an archive may hold, that of a Cell Tracking Challenge folder too."""

MAX_MEMBERS = 100_000
MAX_DIRECTORY = 2**26
"""Bytes of the list of members: Python holds a few times as much of it in memory."""
MAX_UNPACKED = 2**37
MAX_RATIO = 200
"""Of an archive that unpacks to more than `ANY_RATIO` bytes; label images reach 100, deflate itself 1000."""
ANY_RATIO = 2**26
MAX_NAME, MAX_DEPTH = 120, 8
CHUNK = 2**20

END, END_64, LOCATOR_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
LONGEST_COMMENT = 2**16
SAFE_NAME = re.compile(r"[^\x00-\x1f\x7f<>:\"/\\|?*]+")
"""A name that any file system takes as it is."""
LITTER = ("__MACOSX", "Thumbs.db", "desktop.ini")
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,
)
"""What reading a damaged archive raises."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others need much memory for little input, and no tool chooses them unasked."""


def check_zip(path: Path, suffixes: Collection[str] = TRACKING_SUFFIXES) -> None:
    """Look through an archive without unpacking it; arguments and errors as of `unpack_zip`."""
    with _opened(path) as archive:
        _members(archive, path, suffixes)


def unpack_zip(
    path: Path, folder: Path, suffixes: Collection[str] = IMAGE_SUFFIXES, progress: Progress = silent
) -> None:
    """Unpack an archive; folders within it become folders within `folder`.

    Args:
        path: of the archive.
        folder: where to; made.
        suffixes: what its files may be, in lower case.
        progress: told of each member.

    Raises:
        InputError: it is no zip, is damaged, holds anything else, or unpacks beyond bounds.
    """
    with _opened(path) as archive:
        members = _members(archive, path, suffixes)
        room = shutil.disk_usage(path.parent).free * 9 // 10
        if sum(member.file_size for member in members) > room:
            raise InputError(
                f"it unpacks to more than the {room:,} bytes that are free",
                place=path.name,
                remedy="free some, or give a smaller one",
            )
        for member in progress(members, "Unpacking"):
            target = folder / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as packed, target.open("xb") as unpacked:
                _copy(packed, unpacked, member, path)


def _copy(packed: IO[bytes], out: BinaryIO, member: zipfile.ZipInfo, path: Path) -> None:
    """Write a member, no more of it than it announces; its checksum is checked at its end."""
    left = member.file_size
    while chunk := packed.read(CHUNK):
        left -= len(chunk)
        if left < 0:
            break
        out.write(chunk)
    if left != 0:
        raise InputError(
            f"{member.filename} does not unpack to the {member.file_size:,} bytes that it announces",
            place=path.name,
            remedy="make the archive anew",
        )


def _members(archive: zipfile.ZipFile, path: Path, suffixes: Collection[str]) -> Sequence[zipfile.ZipInfo]:
    """The files of an archive, each of them fit to be unpacked."""
    members = [member for member in archive.infolist() if not (member.is_dir() or _is_litter(member))]
    for member in members:
        _refuse_odd(member, path, suffixes)
    _refuse_doubles(members, path)
    _refuse_bomb(archive, path)
    names = [member.filename.lower() for member in members]
    if not any(name.endswith(IMAGE_SUFFIXES) for name in names):
        raise InputError(
            "no TIFF or PNG file in the archive", place=path.name, remedy="put the frames into it"
        )
    beside = {n.rpartition("/")[0] for n in names if n.endswith("_track.txt")}
    masks = [name for name in names if name.rpartition("/")[0] in beside and name.endswith(IMAGE_SUFFIXES)]
    if masks and all(name.endswith(png.SUFFIXES) for name in masks):
        raise InputError(
            "a tracking whose masks are PNG files",
            place=path.name,
            remedy="save the masks as TIFF, as the Cell Tracking Challenge has them",
        )
    return members


def _is_litter(member: zipfile.ZipInfo) -> bool:
    """What a desktop puts into archives unasked: it is passed over."""
    parts = PurePosixPath(member.filename).parts
    hidden = parts[-1].startswith(".") and not parts[-1].startswith("..")
    return hidden or any(part in LITTER for part in parts)


def _refuse_odd(member: zipfile.ZipInfo, path: Path, suffixes: Collection[str]) -> None:
    parts, mode = member.filename.split("/"), member.external_attr >> 16
    if len(parts) > MAX_DEPTH or not all(_is_safe(part) for part in parts):
        raise _odd(member, path, "a name that is no plain path within the archive")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _odd(member, path, "a link or another special file")
    if member.flag_bits & 0x1:
        raise _odd(member, path, "encrypted")
    if member.compress_type not in METHODS:
        raise _odd(member, path, f"packed by method {member.compress_type}, where deflate is read")
    if not member.filename.lower().endswith(tuple(suffixes)):
        raise _odd(member, path, f"neither {' nor '.join(suffixes)}")


def _is_safe(part: str) -> bool:
    plain = SAFE_NAME.fullmatch(part) is not None and len(part) <= MAX_NAME
    return plain and not part.startswith((".", " ")) and not part.endswith((".", " "))


def _odd(member: zipfile.ZipInfo, path: Path, how: str) -> InputError:
    return InputError(
        f"member {member.filename[:100]!r}: {how}",
        place=path.name,
        remedy="make a zip of the TIFF or PNG files alone (for a tracking, of TIFF files with its text file)",
    )


def _refuse_doubles(members: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Two members of one name, on some file systems in any case; or a file where another needs a folder."""
    seen: set[str] = set()
    folders = {str(folder) for m in members for folder in PurePosixPath(m.filename.casefold()).parents}
    for member in members:
        name = member.filename.casefold()
        if name in seen or name in folders:
            raise _odd(member, path, "there twice")
        seen.add(name)


def _refuse_bomb(archive: zipfile.ZipFile, path: Path) -> None:
    size, members = path.stat().st_size, archive.infolist()
    unpacked = sum(member.file_size for member in members)
    if sum(member.compress_size for member in members) > size:
        raise InputError("members that overlap", place=path.name, remedy="make the archive anew")
    if unpacked > min(MAX_UNPACKED, max(MAX_RATIO * size, ANY_RATIO)):
        raise InputError(
            f"{size:,} bytes that unpack to {unpacked:,}",
            place=path.name,
            remedy=f"give an archive that unpacks to at most {MAX_RATIO} times its size "
            f"and {MAX_UNPACKED:,} bytes; split a larger one",
        )


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, its list of members read; what goes wrong while it is used is explained."""
    try:
        with path.open("rb") as file:
            _refuse_large_directory(file, path)
            with zipfile.ZipFile(file) as archive:
                yield archive
    except DAMAGE as error:
        raise _unreadable(path, str(error)) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # which is a place before the beginning of the file
            raise
        raise _unreadable(path, "it points to nowhere") from error


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"cannot be read as a zip archive ({why})", place=path.name, remedy="make it, or copy it, again"
    )


def _refuse_large_directory(file: BinaryIO, path: Path) -> None:
    """Python's reader takes in the whole list of members, whatever its size: that is looked at first."""
    end = file.seek(0, 2)
    begin = max(0, end - LONGEST_COMMENT - END.size)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < END.size:
        raise _unreadable(path, "its end is missing")
    _, _, _, _, members, size, _, _ = END.unpack_from(tail, at)
    members, size = _directory_64(file, begin + at) or (members, size)
    if members > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise InputError(
            f"an archive of {members:,} members, listed in {size:,} bytes",
            place=path.name,
            remedy=f"give at most {MAX_MEMBERS:,} files; a TIFF stack holds many frames in one",
        )


def _directory_64(file: BinaryIO, end: int) -> tuple[int, int] | None:
    """Members, and bytes of their list, as an archive in 64-bit form says; None of another one."""
    if end < LOCATOR_64.size:
        return None
    file.seek(end - LOCATOR_64.size)
    signature, _, offset, _ = LOCATOR_64.unpack(file.read(LOCATOR_64.size))
    if signature != b"PK\6\7":
        return None
    file.seek(offset)
    found = END_64.unpack(file.read(END_64.size))
    return found[7], found[8]
