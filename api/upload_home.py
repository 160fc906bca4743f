"""One upload on the disk: a folder with `about.json`, and `part` until the upload is complete, else its file.

What `about.json` says counts: it is replaced whole, after the bytes that it speaks of are on the disk.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from stat import S_ISDIR

from ingest.formats.uploaded import FileKind

ABOUT, PART = "about.json", "part"


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
class About:
    """What `about.json` says; the attributes are those of `Upload`."""

    length: int | None = None
    kind: FileKind | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class UploadHome:
    """The folder of one upload. Whoever changes it holds the upload's lock; looking needs none.

    Attributes:
        path: of the folder, which is called as the upload is.
    """

    path: Path

    @property
    def part(self) -> Path:
        """The bytes of an upload that is not complete."""
        return self.path / PART

    def file(self, kind: FileKind) -> Path:
        """The file of a complete upload, with the suffix that readers know its kind by."""
        name = self.path.name
        return self.path / (name if name.lower().endswith(kind.value) else f"{name}{kind.value}")

    def look(self) -> Upload | None:
        """What is here now; None where there is no upload, or it goes meanwhile."""
        while True:
            about = self._about()
            found = self._with_bytes(about)
            if about == self._about():
                return found

    def describe(self, about: About) -> None:
        """Replace `about.json`; it is on the disk afterwards."""
        new = self.path / f"{ABOUT}.new"
        with new.open("w") as file:
            json.dump(asdict(about), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / ABOUT)

    def settle(self, kind: FileKind) -> None:
        """Give the bytes of a complete upload their name, unless they have it."""
        if self.part.exists():
            self.part.replace(self.file(kind))

    def _about(self) -> About:
        try:
            said = json.loads((self.path / ABOUT).read_text())
        except (FileNotFoundError, NotADirectoryError):
            return About()
        kind = None if said["kind"] is None else FileKind(said["kind"])
        return About(said["length"], kind, said["sha256"])

    def _with_bytes(self, about: About) -> Upload | None:
        """The part comes first: it becomes the file, never the other way round, so one of them is found."""
        held = _stat(self.part)
        if held is None and about.kind is not None:
            held = _stat(self.file(about.kind))
        home = _stat(self.path)
        if home is None or not S_ISDIR(home.st_mode):
            return None
        size, written = (0, 0.0) if held is None else (held.st_size, held.st_mtime)
        touched = max(home.st_mtime, written)
        return Upload(self.path.name, size, about.length, about.kind, about.sha256, touched)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
