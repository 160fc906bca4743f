"""The folder of uploads: files that arrive in parts, are looked through, and stay until they are swept.

Each is a folder of its own (`upload_home`). Requests that change one hold its lock. Looking takes no lock, so
what it sees may end meanwhile: an upload is removed at once, by another name, before its bytes are.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from filelock import FileLock, Timeout

from api.settings import Settings
from api.upload_errors import NoRoomError, WrongOffsetError
from api.upload_home import About, Upload, UploadHome
from ingest.errors import CellkinError, ConflictError, InputError, NotFoundError, TooLargeError
from ingest.formats.uploaded import FileKind, check_file

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LOCK, GONE = ".lock", ".gone"
DAY_S = 24 * 3600.0
RECHECK = 2**26
"""Bytes after which an upload that does not say its length is held against the room anew."""
SETTLE_S = 10.0
"""How long a reader waits for the request that completes an upload just now; that one is done in a moment."""


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
        found = self._home(upload).look()
        if found is None:
            raise _absent(upload)
        return found

    def every(self) -> list[Upload]:
        """All uploads, by id, but for those that go meanwhile."""
        if not self.folder.is_dir():
            return []
        names = sorted(path.name for path in self.folder.iterdir() if ID.fullmatch(path.name))
        looked = (self._home(name).look() for name in names)
        return [found for found in looked if found is not None]

    def file(self, upload: str) -> Path:
        """The file of a complete upload; it counts as touched.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: it is not complete.
        """
        home, kind = self._home(upload), self._kind(upload)
        if home.part.exists():  # its sender is about to end, or a crash came before the file had its name
            with self._alone(upload, SETTLE_S):
                kind = self._kind(upload)
                home.settle(kind)
        try:
            os.utime(home.path)
        except FileNotFoundError:
            raise _absent(upload) from None
        return home.file(kind)

    @contextmanager
    def writing(self, upload: str, offset: int, length: int | None) -> Iterator["UploadWriter"]:
        """Take bytes of an upload; what has arrived when the block ends, stays, unless it was refused.

        A later part that is refused leaves what was there before it; a first one, or the whole, nothing.

        Args:
            upload: its id.
            offset: where the bytes begin; 0 begins anew.
            length: bytes of the whole upload; None where its sender does not know, or has said so before.

        Raises:
            InputError: no such id can be.
            ConflictError: it is complete, or somebody else sends it just now.
            WrongOffsetError: other bytes are wanted.
            TooLargeError, NoRoomError: it is larger than one may be, or than there is room.
        """
        self._require_size(length or 0)
        home = self._home(upload)
        with self._alone(upload):
            found = home.look() or Upload(upload, 0, None, None, None, time.time())
            _require_wanted(found, offset, length)
            if offset and length is None:
                length = found.length
            self._require_room(found, length or 0, (length or 0) - found.offset)
            home.path.mkdir(exist_ok=True)
            home.describe(About(length))
            with home.part.open("r+b" if offset else "wb") as part:
                part.seek(offset)
                writer = UploadWriter(self, found, part, length)
                try:
                    yield writer
                except CellkinError:
                    if writer.sound:
                        part.truncate(writer.sound)
                        home.describe(About(found.length))
                    else:
                        with suppress(NotFoundError):
                            self._remove(upload)
                    raise

    def delete(self, upload: str) -> None:
        """Remove an upload, complete or not.

        Raises:
            NotFoundError: there is none.
            ConflictError: somebody sends it just now.
        """
        self.find(upload)
        with self._alone(upload):
            self._remove(upload)

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
        self._tidy()
        return swept

    def _tidy(self) -> None:
        """Remove old locks that nobody holds, and what a crash left of uploads that were removed."""
        for lock in self.folder.glob(f".*{LOCK}"):
            with suppress(FileNotFoundError, Timeout):
                if lock.stat().st_mtime < time.time() - self.limits.keep_s:
                    with FileLock(lock, timeout=0, thread_local=False):
                        lock.unlink()
        for gone in self.folder.glob(f".*{GONE}"):
            shutil.rmtree(gone, ignore_errors=True)

    def _remove(self, upload: str) -> None:
        """Take an upload away, then its bytes: nobody sees half of one. Its lock is held."""
        gone = self.folder / f".{upload}{GONE}"
        shutil.rmtree(gone, ignore_errors=True)
        try:
            self._home(upload).path.rename(gone)
        except FileNotFoundError:
            raise _absent(upload) from None
        shutil.rmtree(gone, ignore_errors=True)

    def _kind(self, upload: str) -> FileKind:
        found = self.find(upload)
        if found.kind is None:
            raise ConflictError(
                f"{found.offset:,} bytes of it are here, not all",
                place=f"upload {upload}",
                remedy="send the rest; HEAD says where to go on",
            )
        return found.kind

    def _home(self, upload: str) -> UploadHome:
        if not ID.fullmatch(upload):
            raise InputError(
                f"an upload cannot be called {upload[:80]!r}",
                remedy="use up to 100 letters, digits, dots, hyphens and underscores; no dot or hyphen first",
            )
        return UploadHome(self.folder / upload)

    @contextmanager
    def _alone(self, upload: str, wait_s: float = 0.0) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f".{upload}{LOCK}", timeout=wait_s, thread_local=False)
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

    def _require_room(self, upload: Upload, size: int, unwritten: int) -> None:
        others = sum(other.reserved for other in self.every() if other.id != upload.id)
        free = shutil.disk_usage(self.folder).free - unwritten
        if others + size > self.limits.total or free < 0:
            raise NoRoomError(
                f"{size:,} bytes do not fit: uploads take {others:,} of {self.limits.total:,}",
                place=f"upload {upload.id}",
                remedy="DELETE uploads that are done with, or raise CELLKIN_UPLOADS_TOTAL",
            )


class UploadWriter:
    """The bytes of one request on their way to the disk.

    Attributes:
        length: bytes of the whole upload; None where no request of it has said.
        sound: bytes that stay when the request is refused.
    """

    def __init__(self, folder: UploadFolder, upload: Upload, part: BinaryIO, length: int | None) -> None:
        self._folder = folder
        self._upload = upload
        self._part = part
        self.length = length
        self.sound = self._checked = part.tell()

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
        if self.length is not None and end > self.length:
            raise InputError(
                f"more than the {self.length:,} bytes that were announced",
                place=f"upload {self._upload.id}",
                remedy="send as many as are announced; HEAD says where to go on",
            )
        self._folder._require_size(end)
        if self.length is None and end - self._checked > RECHECK:
            self._folder._require_room(self._upload, end, len(content))
            self._checked = end
        self._part.write(content)

    def finish(self, sha256: str | None = None) -> Upload:
        """All bytes are here: look the file through, and make it complete; one that is refused is removed.

        Args:
            sha256: that it must have, in hex; None not to check.

        Raises:
            InputError: another checksum; nothing that can be read.
        """
        self.sound = 0  # what is wrong from here on is the whole of it
        self._part.flush()
        os.fsync(self._part.fileno())
        upload = self._upload.id
        home = self._folder._home(upload)
        with home.part.open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").hexdigest()
        _require_same(digest, sha256, upload)
        kind = _checked(home.part, upload)
        home.describe(About(self.offset, kind, digest))
        home.settle(kind)
        return self._folder.find(upload)


def _absent(upload: str) -> NotFoundError:
    return NotFoundError(f"no upload {upload!r}", remedy=f"send it: PUT /uploads/{upload}")


def _checked(part: Path, upload: str) -> FileKind:
    """What the file is; errors name the upload instead of the file."""
    try:
        return check_file(part)
    except InputError as error:
        place = error.place.replace(str(part), upload).replace(part.name, upload)
        raise type(error)(error.problem, place=place, remedy=error.remedy) from error


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
