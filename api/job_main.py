"""The process of one job: `python -m api.job_main`, started by a worker, which it does not outlive.

It reads the job as a line of JSON, and tells what happens as such lines: `step`, `stored`, `note`, and at
last `done` or `error`. Whatever else prints goes to standard error.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

from api.job_work import Work, run_job
from api.scratch import scratch_of
from api.settings import Settings
from api.stored import open_store
from api.uploads import UploadFolder
from graph.job_records import JobKind
from ingest.errors import CellkinError

T = TypeVar("T")

GRACE_S = 10.0
"""For what a job has begun to write to be let go, once its worker has died."""
TELL_EVERY_S = 0.2
UNEXPECTED = {
    "code": "INTERNAL_ERROR",
    "problem": "the job failed for a reason that it has no words for",
    "place": "",
    "remedy": "the service's log has the rest; report it with the movie, if you can",
}


class Teller:
    """Tells the worker; it is the `Progress` of the job.

    Args:
        out: a line each.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last = 0.0

    def __call__(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield each item and tell how many are dealt with, a few times a second."""
        length = total if total is not None else getattr(items, "__len__", lambda: None)()
        self.tell(step=[description, 0, length])
        done = 0
        for item in items:
            yield item
            done += 1
            if time.monotonic() - self._last >= TELL_EVERY_S:
                self.tell(step=[description, done, length])
        self.tell(step=[description, done, length])

    def tell(self, **what: object) -> None:
        """One line."""
        self._last = time.monotonic()
        self._out.write(json.dumps(what) + "\n")
        self._out.flush()


def main() -> None:
    """Run the job that standard input names, and tell its end."""
    signal.signal(signal.SIGTERM, _terminate)
    teller = Teller(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_worker, daemon=True).start()
    try:
        _run(job, teller)
        teller.tell(done=True)
    except CellkinError as error:
        teller.tell(error=error.as_dict())
    except Exception:
        traceback.print_exc()
        teller.tell(error=UNEXPECTED)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # there is nothing left to let go of


def _run(job: dict[str, Any], teller: Teller) -> None:
    settings = Settings()
    with scratch_of(job["id"], Path(job["scratch"])) as scratch, open_store(settings) as opened:
        work = Work(
            opened.store,
            UploadFolder.of(settings),
            scratch,
            teller,
            note=lambda text: teller.tell(note=text),
            stored=lambda tracking: teller.tell(stored=tracking),
        )
        run_job(JobKind(job["kind"]), job["arguments"], work)


def _terminate(signum: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + signum)


def _end_with_worker() -> None:
    """The worker holds the other end of standard input, which breaks off when it ends, however it does."""
    while os.read(0, 1):  # not sys.stdin, whose lock a thread must not hold when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main()
