"""A worker: takes jobs from the queue one at a time, has each done by a process, and tells of it."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from api.job_process import JobProcess
from api.scratch import sweep_scratch
from graph.job_queue import JobQueue, Order
from graph.job_records import JobProgress, JobRecord, JobState
from ingest.errors import CellkinError, StoreError

T = TypeVar("T")

LOG = logging.getLogger("cellkin.worker")
POLL_S = 1.0
"""How often the queue is looked at."""
REPORT_S = 1.0
"""How often a job's progress is written, where there is any; it prolongs the lease."""
PATIENCE_S = 5.0
"""From one try to the next while the database is away."""


class Worker:
    """Does the jobs of a queue until it is told to stop.

    The job's process is told nothing of the database's troubles: it goes on, and its end is written once the
    database is back.

    Args:
        queue: where jobs come from.
        scratch: a folder for what jobs unpack, which other workers may share.
        stop: set to have the worker end; a job that runs is handed back.
    """

    def __init__(self, queue: JobQueue, scratch: Path, stop: Event) -> None:
        self._queue = queue
        self._scratch = scratch
        self._stop = stop

    def run(self) -> None:
        """Do jobs, and take those of dead workers back, until it is told to stop."""
        sweep_scratch(self._scratch)
        while not self._stop.is_set():
            job = self._tried(self._next)
            if job is None:
                self._stop.wait(POLL_S)
            else:
                self._do(job)

    def _next(self) -> JobRecord | None:
        if dead := self._queue.recover():
            LOG.warning("jobs whose worker died: %s", ", ".join(dead))
            sweep_scratch(self._scratch)
        return self._queue.claim()

    def _do(self, job: JobRecord) -> None:
        LOG.info("job %s: %s begins", job.id, job.kind)
        process = JobProcess(job, self._scratch)
        try:
            outcome = _Watch(self._queue, job, process, self._stop).until_end()
        except BaseException:
            process.end()
            raise
        sweep_scratch(self._scratch)  # it may have been killed
        self._insist(outcome)
        LOG.info("job %s: ended", job.id)

    def _tried(self, work: Callable[[], T]) -> T | None:
        """The result; None, after a while, where the database is away."""
        try:
            return work()
        except CellkinError as error:
            LOG.warning("the queue cannot be reached: %s", error)
            self._stop.wait(PATIENCE_S)
            return None

    def _insist(self, work: Callable[[], None]) -> None:
        """Do it however long the database is away; a worker that stops leaves it to the next one."""
        while True:
            try:
                work()
            except CellkinError as error:
                LOG.warning("the end of a job cannot be written yet: %s", error)
                if self._stop.wait(PATIENCE_S):
                    return
            else:
                return


class _Watch:
    """One job while it runs."""

    def __init__(self, queue: JobQueue, job: JobRecord, process: JobProcess, stop: Event) -> None:
        self._queue, self._job, self._process, self._stop = queue, job, process, stop
        self._progress = JobProgress("Starting")
        self._unwritten: list[Mapping[str, list[str]]] = []
        self._reported = 0.0

    def until_end(self) -> Callable[[], None]:
        """Wait for the end; what is to be written then."""
        ending: Mapping[str, Any] | None = None
        while True:
            if self._stop.is_set():
                self._end()
                return self._handed_back
            for told in self._process.news(POLL_S / 2):
                if told is None:
                    self._process.close()
                    return partial(self._write_end, ending)
                ending = self._heard(told) or ending
            if (order := self._report()) is not Order.GO_ON:
                self._end()
                return self._cancelled if order is Order.CANCEL else _nothing

    def _end(self) -> None:
        """End the process, and take note of what it has done until then."""
        self._process.end()
        for told in self._process.news(0):
            if told is not None:
                self._heard(told)

    def _heard(self, told: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Take note of it; what tells the end is given back."""
        match told:
            case {"step": [step, done, total]}:
                self._progress = JobProgress(step, done, total)
            case {"stored": tracking}:
                self._unwritten.append({"results": [tracking]})
            case {"note": text}:
                self._unwritten.append({"notes": [text]})
            case _:
                return told
        return None

    def _report(self) -> Order:
        """Write how far it is, now and then; what is to be done."""
        if time.monotonic() - self._reported < REPORT_S:
            return Order.GO_ON
        self._reported = time.monotonic()
        try:
            self._write_kept()
            return self._queue.report(self._job.id, self._progress)
        except CellkinError as error:
            LOG.warning("job %s: its progress cannot be written: %s", self._job.id, error)
            return Order.GO_ON

    def _write_kept(self) -> None:
        while self._unwritten:
            self._queue.keep(self._job.id, **self._unwritten[0])
            del self._unwritten[0]

    def _handed_back(self) -> None:
        self._write_kept()
        self._queue.hand_back(self._job.id)

    def _cancelled(self) -> None:
        self._write_kept()
        self._queue.end(self._job.id, JobState.CANCELLED)

    def _write_end(self, ending: Mapping[str, Any] | None) -> None:
        """Write what became of a process that has ended, and told this of it."""
        self._write_kept()
        match ending:
            case {"done": True}:
                self._queue.report(self._job.id, self._progress)
                self._queue.end(self._job.id, JobState.DONE)
            case {"error": error} if error["code"] == StoreError.code:
                self._queue.lose(self._job.id, error)
            case {"error": error}:
                self._queue.end(self._job.id, JobState.FAILED, error)
            case _:
                self._queue.lose(self._job.id)


def _nothing() -> None:
    """What is to be written of a job that is somebody else's now."""
