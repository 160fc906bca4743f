"""A worker between its queue and its jobs' processes, both of them stand-ins."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pytest

from api.scratch import scratch_of, sweep_scratch
from api.worker import Worker
from graph.job_queue import Order
from graph.job_records import ErrorDocument, JobProgress, JobRecord, JobState
from tests.api.test_job_follower import new_job


class OneJob:
    """A queue of one job, whose worker is told `order` when it first reports."""

    def __init__(self, job: JobRecord, order: Callable[[], Order], stop: Event) -> None:
        self.job: JobRecord | None = job
        self.order, self.stop = order, stop
        self.results: list[str] = []
        self.ended: JobState | None = None

    def recover(self) -> list[str]:
        return []

    def claim(self) -> JobRecord | None:
        job, self.job = self.job, None
        if job is None:
            self.stop.set()
        return job

    def report(self, job_id: str, progress: JobProgress) -> Order:
        return self.order()

    def keep(self, job_id: str, *, results: Sequence[str] = (), notes: Sequence[str] = ()) -> None:
        self.results += results

    def end(self, job_id: str, state: JobState, error: ErrorDocument | None = None) -> None:
        self.ended = state


STORES_AS_IT_ENDS = """
import signal, sys, time
def end(*_):
    print('{"stored": "t2"}', flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print('{"stored": "t1"}', flush=True)
time.sleep(60)
"""


def running(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the processes of jobs run this script."""
    (folder / "python").write_text(f"#!{sys.executable}\n{script}")
    (folder / "python").chmod(0o755)
    monkeypatch.setattr("api.job_process.sys.executable", str(folder / "python"))


def test_what_a_job_stores_until_its_end_is_noted_when_it_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(STORES_AS_IT_ENDS, tmp_path, monkeypatch)
    stop = Event()
    queue = OneJob(new_job("a"), lambda: Order.CANCEL if queue.results else Order.GO_ON, stop)
    monkeypatch.setattr("api.worker.REPORT_S", 0.0)
    Worker(queue, tmp_path / "work", stop).run()  # type: ignore[arg-type] # it is one to a worker
    assert (queue.results, queue.ended) == (["t1", "t2"], JobState.CANCELLED)


def test_a_worker_that_lost_its_job_leaves_the_folder_of_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running("import time; time.sleep(60)", tmp_path, monkeypatch)
    work, stop = tmp_path / "work", Event()
    killed = work / "a-of-one-that-was-killed"
    (killed / "unpacked").mkdir(parents=True)
    (work / "a").mkdir()
    with scratch_of("a", work) as of_the_next:
        Worker(OneJob(new_job("a"), lambda: Order.LOST, stop), work, stop).run()  # type: ignore[arg-type]
        assert of_the_next.is_dir()
        assert sorted(path.name for path in work.iterdir() if path.is_dir()) == [of_the_next.name]
    assert list(work.iterdir()) == []


def test_two_attempts_at_a_job_have_a_folder_each(tmp_path: Path) -> None:
    with scratch_of("a", tmp_path) as one, scratch_of("a", tmp_path) as other:
        assert one != other
        sweep_scratch(tmp_path)
        assert one.is_dir()
        assert other.is_dir()
    assert list(tmp_path.iterdir()) == []
