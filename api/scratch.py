"""Where jobs unpack: a folder for each attempt, under a lock that the system frees when its process dies.

By the job alone it would not do: a worker that was taken for dead tidies up, too, while another has its job.
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"


@contextmanager
def scratch_of(job: str, work: Path) -> Iterator[Path]:
    """A new folder for an attempt at a job, gone afterwards.

    Args:
        job: its id.
        work: the folder of all of them.
    """
    work.mkdir(parents=True, exist_ok=True)
    folder = work / f"{job}-{secrets.token_hex(8)}"
    with FileLock(_lock_of(folder)):
        try:
            folder.mkdir()
            yield folder
        finally:
            _remove(folder)


def sweep_scratch(work: Path) -> None:
    """Remove what processes left that were killed."""
    for path in list(work.glob("*")):
        folder = path.with_suffix("")
        with suppress(Timeout, OSError), FileLock(_lock_of(folder), timeout=0):  # else its process lives
            _remove(folder)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{LOCK}")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _lock_of(folder).unlink(missing_ok=True)
