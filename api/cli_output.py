"""Files that a user names for a command to write: refused before the work where they cannot be written."""

import errno
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from ingest.errors import InputError


def check_file(path: Path, suffixes: Collection[str], *, makes_folders: bool = False) -> None:
    """Refuse a file before the work that it is for; what is there already stays as it is.

    Args:
        path: of the file.
        suffixes: that it may have.
        makes_folders: the folders that it lacks will be made.

    Raises:
        InputError: another suffix, a folder, or a file in a folder where none can be made.
    """
    if path.suffix not in suffixes:
        raise InputError(
            f"nothing is written here as {path.suffix!r}",
            place=str(path),
            remedy=f"end it in {', '.join(suffixes)}",
        )
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        TemporaryFile(dir=_nearest(path.parent) if makes_folders else path.parent).close()


def check_folder(path: Path) -> None:
    """Refuse a folder to write files to before the work that it is for; it is not made.

    Raises:
        InputError: nothing can be written there.
    """
    with writing(path):
        TemporaryFile(dir=_nearest(path)).close()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say the remedy where the system refuses to write a file, or files of a folder.

    Raises:
        InputError: the system's reason.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror or error})",
            place=str(path),
            remedy="name a place in a folder that is there, that you may write to, and whose disk has room",
        ) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write a file to that becomes `path` when all has gone well, and leaves nothing otherwise.

    Raises:
        InputError: it cannot be written.
    """
    from api import table_form  # takes long to import

    with writing(path), table_form.whole_file(path) as part:
        yield part


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(above for above in (folder, *folder.absolute().parents) if above.exists())
