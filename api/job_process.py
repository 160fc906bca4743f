"""The process of one job as its worker holds it: what it tells, and its end."""

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

from graph.job_records import JobRecord

GRACE_S = 10.0
"""For a job that is ended to let go of what it has begun to write."""


class JobProcess:
    """Runs a job in a process group of its own, so that all that it starts ends with it.

    Args:
        job: what to do.
        scratch: where it makes a folder of its own.
    """

    def __init__(self, job: JobRecord, scratch: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "api.job_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._told: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        assert self._process.stdin is not None, "it is a pipe"
        assert self._process.stdout is not None, "it is a pipe"
        task = {
            "id": job.id,
            "kind": job.kind.value,
            "arguments": dict(job.arguments),
            "scratch": str(scratch),
        }
        with suppress(BrokenPipeError):  # it died at once, as will be seen
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()  # and stays open: its end is the worker's end
        self._listener = Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        return self._process.pid

    def news(self, timeout_s: float) -> Iterator[dict[str, Any] | None]:
        """What it has told since, after `timeout_s` at the latest; None once, when it has ended."""
        with suppress(queue.Empty):
            yield self._told.get(timeout=timeout_s)
            while True:
                yield self._told.get_nowait()

    def end(self, grace_s: float = GRACE_S) -> None:
        """Have it end, by force after a while; nothing of its group is left."""
        self._signal(signal.SIGTERM)
        self.close(grace_s)

    def close(self, grace_s: float = GRACE_S) -> None:
        """Wait for its end, which it has told or been told, by force after a while; then all is in `news`."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self._signal(signal.SIGKILL)  # also what it has left behind in its group
        self._process.wait()
        self._listener.join(grace_s)
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: of a group of zombies
            os.killpg(self._process.pid, number)

    def _listen(self, stdout: IO[str]) -> None:
        with suppress(ValueError, OSError):  # it is closed, or broke off within a line
            for line in stdout:
                self._told.put(json.loads(line))
        self._told.put(None)
