"""A managed server while somebody uses it: the last of several commands stops what the first started."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock

from graph.server import ManagedServer, ServerAddress
from ingest.progress import Progress, silent

LOCK_TIMEOUT_S = 300.0
_SAME_START_S = 2.0
"""A process of the same number that started within so many seconds is the same."""


@contextmanager
def server_in_use(server: ManagedServer, progress: Progress = silent) -> Iterator[ServerAddress]:
    """Start the server unless it runs; afterwards leave it as it was found.

    A server that was running before stays. One that was started here is stopped by the last process that
    uses it, unless `keep_running` was called in between. A process that died is no user.

    Raises:
        StoreError: the server cannot be started.
    """
    folder = server.home / "run" / "users"
    folder.mkdir(parents=True, exist_ok=True)
    user = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
    with _alone(folder):
        if not server.status().running:
            _unused_marker(server).touch()
        user.write_text(" ".join(map(repr, _started(psutil.Process()))))
        try:
            address = server.start(progress=progress)
        except BaseException:
            user.unlink()
            raise
    try:
        yield address
    finally:
        with _alone(folder):
            user.unlink(missing_ok=True)
            if _unused_marker(server).exists() and not any(_alive(other) for other in folder.iterdir()):
                server.stop()
                _unused_marker(server).unlink()


def users(server: ManagedServer) -> list[int]:
    """Processes alive, other than this one, that use the server now."""
    folder = server.home / "run" / "users"
    if not folder.exists():
        return []
    with _alone(folder):
        alive = {int(user.name.split("-")[0]) for user in folder.iterdir() if _alive(user)}
    return sorted(alive - {os.getpid()})


def keep_running(server: ManagedServer) -> None:
    """Let a running server outlive those who use it now: somebody asked for it by name."""
    _unused_marker(server).unlink(missing_ok=True)


def _unused_marker(server: ManagedServer) -> Path:
    return server.home / "run" / "stop-when-unused"


def _alone(folder: Path) -> FileLock:
    return FileLock(folder.with_suffix(".lock"), timeout=LOCK_TIMEOUT_S)


def _alive(user: Path) -> bool:
    """Whether the process that wrote this file still lives; a file of a dead one is removed."""
    try:
        now = _started(psutil.Process(int(user.name.split("-")[0])))
        then = map(float, user.read_text().split())
        alive = any(abs(one - other) < _SAME_START_S for one, other in zip(now, then, strict=False))
    except (psutil.NoSuchProcess, ValueError):  # ended, or killed while it wrote the file
        alive = False
    if not alive:
        user.unlink(missing_ok=True)
    return alive


def _started(process: psutil.Process) -> tuple[float, float]:
    """When, by the clock, and in seconds after the machine: if the clock is set, one of them stays."""
    by_clock = process.create_time()
    return by_clock, by_clock - psutil.boot_time()
