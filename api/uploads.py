"""The folder of uploads: files that arrive in parts, are looked through, and stay until they are swept.

An upload is a folder of its own: `about.json`, and `part` while it is incomplete, else the file by its name.
What `about.json` says counts: it is replaced whole, after the bytes that it speaks of are on the disk.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Self

from filelock import FileLock, Timeout

from api.settings import Settings
from api.upload_errors import NoRoomError, WrongOffsetError
from ingest.errors import CellkinError, ConflictError, InputError, NotFoundError, TooLargeError
from ingest.formats.uploaded import FileKind, check_file

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
ABOUT, PART, LOCK = "about.json", "part", ".lock"
DAY_S = 24 * 3600.0
RECHECK = 2**26
"""Bytes after which an upload that does not say its length is held against the room anew."""


@dataclass(frozen=True)
class UploadLimits:
    """What the folder may hold.

    Attributes:
        each: bytes of one upload.
        total: bytes of all.
        keep_s: seconds after which an upload that nobody touched is swept.
    """

    each: int
    total: int
    keep_s: float


@dataclass(frozen=True)
class Upload:
    """One upload as it is now.

    Attributes:
        id: that its sender chose.
        offset: bytes that are here.
        length: bytes in all; None where the sender has not said.
        kind: what it is; None until it is complete.
        sha256: of it, in hex; None until it is complete.
        touched: when bytes last arrived, or a job last read it; seconds since 1970.
    """

    id: str
    offset: int
    length: int | None
    kind: FileKind | None
    sha256: str | None
    touched: float

    @property
    def complete(self) -> bool:
        """Whether all of it is here and has been looked through."""
        return self.kind is not None

    @property
    def reserved(self) -> int:
        """Bytes that it takes, or will."""
        return max(self.offset, self.length or 0)


@dataclass(frozen=True)
class _About:
    """What `about.json` says."""

    length: int | None = None
    kind: str | None = None
    sha256: str | None = None


class UploadFolder:
    """Uploads in a folder; safe to share between threads and processes.

    Args:
        folder: made when it is needed.
        limits: what it may hold.
    """

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        self.folder = folder
        self.limits = limits

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The folder of a data folder."""
        limits = UploadLimits(settings.upload_bytes, settings.uploads_total, settings.upload_days * DAY_S)
        return cls(settings.data_folder / "uploads", limits)

    def find(self, upload: str) -> Upload:
        """One upload, complete or not.

        Raises:
            NotFoundError: there is none.
        """
        home = self._home(upload)
        if not home.is_dir():
            raise NotFoundError(f"no upload {upload!r}", remedy=f"send it: PUT /uploads/{upload}")
        about = _read_about(home)
        kind = None if about.kind is None else FileKind(about.kind)
        file = home / PART if kind is None else _settled(home, upload, kind)
        size = file.stat().st_size if file.exists() else 0
        touched = max(path.stat().st_mtime for path in (home, home / ABOUT, file) if path.exists())
        return Upload(upload, size, about.length, kind, about.sha256, touched)

    def every(self) -> list[Upload]:
        """All uploads, by id."""
        if not self.folder.is_dir():
            return []
        names = sorted(
            path.name for path in self.folder.iterdir() if path.is_dir() and ID.fullmatch(path.name)
        )
        return [self.find(name) for name in names]

    def file(self, upload: str) -> Path:
        """The file of a complete upload; it counts as touched.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: it is not complete.
        """
        found = self.find(upload)
        if found.kind is None:
            raise ConflictError(
                f"{found.offset:,} bytes of it are here, not all",
                place=f"upload {upload}",
                remedy="send the rest; HEAD says where to go on",
            )
        os.utime(self._home(upload))
        return self._home(upload) / file_name(upload, found.kind)

    @contextmanager
    def writing(self, upload: str, offset: int, length: int | None) -> Iterator["UploadWriter"]:
        """Take bytes of an upload; what has arrived when the block ends, stays, unless it was refused.

        Args:
            upload: its id.
            offset: where the bytes begin; 0 begins anew.
            length: bytes of the whole upload; None where its sender does not know.

        Raises:
            InputError: no such id can be.
            ConflictError: it is complete, or somebody else sends it just now.
            WrongOffsetError: other bytes are wanted.
            TooLargeError, NoRoomError: it is larger than one may be, or than there is room.
        """
        self._require_size(length or 0)
        home = self._home(upload)
        with self._alone(upload):
            found = self.find(upload) if home.is_dir() else Upload(upload, 0, None, None, None, time.time())
            _require_wanted(found, offset, length)
            self._require_room(found, length or 0)
            home.mkdir(exist_ok=True)
            _write_about(home, _About(length))
            with (home / PART).open("r+b" if offset else "wb") as part:
                part.seek(offset)
                try:
                    yield UploadWriter(self, found, part, length)
                except CellkinError:  # it is refused, and could never become complete
                    shutil.rmtree(home, ignore_errors=True)
                    raise

    def delete(self, upload: str) -> None:
        """Remove an upload, complete or not.

        Raises:
            NotFoundError: there is none.
            ConflictError: somebody sends it just now.
        """
        self.find(upload)
        with self._alone(upload):
            shutil.rmtree(self._home(upload))

    def sweep(self, in_use: Collection[str]) -> list[str]:
        """Remove what nobody has touched for long, but for what jobs still need; ids of what is gone."""
        swept = []
        for upload in self.every():
            if upload.id not in in_use and upload.touched < time.time() - self.limits.keep_s:
                try:
                    self.delete(upload.id)
                except (ConflictError, NotFoundError):
                    continue  # it is being sent after all, or gone
                swept.append(upload.id)
        for lock in self.folder.glob(f".*{LOCK}"):
            if lock.stat().st_mtime < time.time() - self.limits.keep_s:
                lock.unlink(missing_ok=True)
        return swept

    def _home(self, upload: str) -> Path:
        if not ID.fullmatch(upload):
            raise InputError(
                f"an upload cannot be called {upload[:80]!r}",
                remedy="use up to 100 letters, digits, dots, hyphens and underscores; no dot or hyphen first",
            )
        return self.folder / upload

    @contextmanager
    def _alone(self, upload: str) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f".{upload}{LOCK}", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise ConflictError(
                "another request sends it just now",
                place=f"upload {upload}",
                remedy="wait until that one ends, or stop it; HEAD says where to go on",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _require_size(self, size: int) -> None:
        if size > self.limits.each:
            raise TooLargeError(
                f"{size:,} bytes, where an upload may have {self.limits.each:,}",
                remedy="crop or compress it, or raise CELLKIN_UPLOAD_BYTES",
            )

    def _require_room(self, upload: Upload, size: int) -> None:
        others = sum(other.reserved for other in self.every() if other.id != upload.id)
        free = shutil.disk_usage(self.folder).free - (size - upload.offset)
        if others + size > self.limits.total or free < 0:
            raise NoRoomError(
                f"{size:,} bytes do not fit: uploads take {others:,} of {self.limits.total:,}",
                place=f"upload {upload.id}",
                remedy="DELETE uploads that are done with, or raise CELLKIN_UPLOADS_TOTAL",
            )


class UploadWriter:
    """The bytes of one request on their way to the disk."""

    def __init__(self, folder: UploadFolder, upload: Upload, part: BinaryIO, length: int | None) -> None:
        self._folder = folder
        self._upload = upload
        self._part = part
        self._length = length
        self._checked = part.tell()

    @property
    def offset(self) -> int:
        """Bytes that are here."""
        return self._part.tell()

    def write(self, content: bytes) -> None:
        """Append some bytes.

        Raises:
            InputError: they are more than was announced.
            TooLargeError, NoRoomError: as of `writing`, of an upload that does not say its length.
        """
        end = self.offset + len(content)
        if self._length is not None and end > self._length:
            raise InputError(
                f"more than the {self._length:,} bytes that were announced",
                place=f"upload {self._upload.id}",
                remedy="send it again from the beginning",
            )
        self._folder._require_size(end)
        if self._length is None and end - self._checked > RECHECK:
            self._folder._require_room(self._upload, end)
            self._checked = end
        self._part.write(content)

    def finish(self, sha256: str | None = None) -> Upload:
        """All bytes are here: look the file through, and make it complete; one that is refused is removed.

        Args:
            sha256: that it must have, in hex; None not to check.

        Raises:
            InputError: another checksum; nothing that can be read.
        """
        self._part.flush()
        os.fsync(self._part.fileno())
        home = self._folder.folder / self._upload.id
        with (home / PART).open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").hexdigest()
        _require_same(digest, sha256, self._upload.id)
        kind = _checked(home / PART, self._upload.id)
        _write_about(home, _About(self.offset, kind.value, digest))
        _settled(home, self._upload.id, kind)
        return self._folder.find(self._upload.id)


def file_name(upload: str, kind: FileKind) -> str:
    """The name of an upload's file, with the suffix that readers know its kind by."""
    return upload if upload.lower().endswith(kind.value) else f"{upload}{kind.value}"


def _checked(part: Path, upload: str) -> FileKind:
    """What the file is; errors name the upload instead of the file."""
    try:
        return check_file(part)
    except InputError as error:
        place = error.place.replace(str(part), upload).replace(PART, upload)
        raise type(error)(error.problem, place=place, remedy=error.remedy) from error


def _settled(home: Path, upload: str, kind: FileKind) -> Path:
    """The file of a complete upload, under its name even where a crash came before that."""
    file = home / file_name(upload, kind)
    if not file.exists() and (home / PART).exists():
        (home / PART).replace(file)
    return file


def _read_about(home: Path) -> _About:
    try:
        return _About(**json.loads((home / ABOUT).read_text()))
    except FileNotFoundError:
        return _About()


def _write_about(home: Path, about: _About) -> None:
    new = home / f"{ABOUT}.new"
    with new.open("w") as file:
        json.dump(asdict(about), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(home / ABOUT)


def _require_wanted(found: Upload, offset: int, length: int | None) -> None:
    place = f"upload {found.id}"
    if found.complete:
        raise ConflictError("it is complete", place=place, remedy="DELETE it first, or send under another id")
    if offset and offset != found.offset:
        raise WrongOffsetError(
            f"bytes from {offset:,} on, where {found.offset:,} are here", found.offset, place=place
        )
    if offset and None not in (found.length, length) and found.length != length:
        raise InputError(
            f"{length:,} bytes in all, where {found.length:,} were announced before",
            place=place,
            remedy="send it again from the beginning if it is another file",
        )


def _require_same(digest: str, wanted: str | None, upload: str) -> None:
    if wanted is not None and digest != wanted:
        raise InputError(
            f"its sha256 is {digest}, {wanted} was announced",
            place=f"upload {upload}",
            remedy="send it again from the beginning; nothing of it was kept",
        )
