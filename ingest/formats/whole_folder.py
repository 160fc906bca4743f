"""A folder that appears complete or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ingest.errors import InputError


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder to write to; it takes its place as `folder` when the block ends without an error.

    Raises:
        InputError: `folder` holds something already, or cannot be made.
    """
    place = str(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError("it is there already", place=place, remedy="name another folder, or remove this one")
    partial = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        if folder.is_dir():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror or error})",
            place=place,
            remedy="name a folder on a disk with room that you may write to",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
