"""Jobs in the database: a bounded queue, one worker a job, and none lost when a worker dies."""

import json
import os
import secrets
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from neo4j import ManagedTransaction

from graph import job_queue
from graph.connection import Connection
from graph.job_queue import ATTEMPTS, JobQueue, Order
from graph.job_records import JobKind, JobProgress, JobRecord, JobState
from graph.jobs import JobStore, QueueFullError
from graph.lease import new_writer
from graph.store import LineageStore
from ingest.errors import ConflictError, InputError, NotFoundError

pytestmark = pytest.mark.neo4j

ARGUMENTS = {"upload": "a.tif", "pixel_size": 0.65, "force": True, "name": "x'}) DETACH DELETE n //"}


@pytest.fixture
def jobs(store: LineageStore) -> JobStore:
    return store.jobs


@pytest.fixture
def queue(store: LineageStore) -> JobQueue:
    return store.job_queue(new_writer())


def add(jobs: JobStore, *uploads: str, room: int = 50) -> JobRecord:
    return jobs.add(JobKind.TRACK, ARGUMENTS, uploads or ("a.tif",), queue=room)


def claimed(queue: JobQueue) -> JobRecord:
    job = queue.claim()
    assert job is not None
    return job


def dead_worker() -> str:
    """The token of a worker of this machine that has ended: its process id belongs to another one now."""
    return json.dumps([socket.gethostname(), 1, 0.0, secrets.token_hex(8)])


def test_a_job_is_what_it_was_given(jobs: JobStore) -> None:
    job = add(jobs, "a.tif", "masks.zip")
    assert jobs.job(job.id) == job
    assert (job.kind, job.state, job.arguments) == (JobKind.TRACK, JobState.QUEUED, ARGUMENTS)
    assert job.uploads == ("a.tif", "masks.zip")
    assert (job.progress, job.error, job.started, job.ended) == (None, None, None, None)
    assert (job.attempts, job.results, job.notes, job.revision) == (0, (), (), 1)
    with pytest.raises(NotFoundError):
        jobs.job("j0")
    with pytest.raises(InputError):
        jobs.add(JobKind.TRACK, {"pixel_size": float("nan")}, [], queue=9)


def test_a_job_from_its_beginning_to_its_end(jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    job = claimed(queue)
    assert (job.id, job.state, job.attempts) == (id_, JobState.RUNNING, 1)
    assert job.started is not None
    assert queue.report(id_, JobProgress("Segmenting", 3, 16)) is Order.GO_ON
    queue.keep(id_, results=["t1"])
    queue.keep(id_, results=["t1", "t2"], notes=["one mask is empty"])
    running = jobs.job(id_)
    assert running.progress == JobProgress("Segmenting", 3, 16)
    assert (running.results, running.notes) == (("t1", "t2"), ("one mask is empty",))
    queue.end(id_, JobState.DONE)
    done = jobs.job(id_)
    assert (done.state, done.error, done.results) == (JobState.DONE, None, ("t1", "t2"))
    assert done.ended is not None
    assert done.ended >= done.started >= done.created  # type: ignore[operator]


def test_every_change_counts_and_nothing_else(jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    claimed(queue)
    seen = [jobs.job(id_).revision]
    for progress in (
        JobProgress("Linking", 1, 4),
        JobProgress("Linking", 1, 4),
        JobProgress("Linking", 2, 4),
    ):
        queue.report(id_, progress)
        seen.append(jobs.job(id_).revision)
    assert seen == [2, 3, 3, 4]


def test_the_oldest_is_next_and_each_has_one_worker(store: LineageStore, jobs: JobStore) -> None:
    ids = [add(jobs).id for _ in range(6)]
    workers = [store.job_queue(new_writer()) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = [job for job in threads.map(lambda worker: worker.claim(), workers * 2) if job is not None]
    assert sorted(job.id for job in found) == sorted(ids)
    assert {job.attempts for job in found} == {1}
    assert workers[0].claim() is None


def test_in_the_order_that_they_came(jobs: JobStore, queue: JobQueue) -> None:
    ids = [add(jobs).id for _ in range(3)]
    assert [claimed(queue).id for _ in range(3)] == ids


def test_the_queue_is_bounded(jobs: JobStore, queue: JobQueue) -> None:
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda _: _outcome(lambda: add(jobs, room=3)), range(6)))
    assert sorted(outcomes) == ["QUEUE_FULL"] * 3 + ["queued"] * 3
    claimed(queue)  # one that runs does not wait any more
    add(jobs, room=3)
    with pytest.raises(QueueFullError, match="3 jobs wait"):
        add(jobs, room=3)


def _outcome(work: Callable[[], object]) -> str:
    try:
        work()
    except QueueFullError as error:
        return error.code
    return "queued"


def test_one_that_waits_is_cancelled_at_once(jobs: JobStore, queue: JobQueue) -> None:
    job = jobs.cancel(add(jobs).id)
    assert (job.state, job.cancelling) == (JobState.CANCELLED, False)
    assert queue.claim() is None


def test_one_that_runs_is_cancelled_by_its_worker(jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    claimed(queue)
    for _ in range(2):
        job = jobs.cancel(id_)
        assert (job.state, job.cancelling) == (JobState.RUNNING, True)
    assert queue.report(id_, JobProgress("Linking")) is Order.CANCEL
    queue.end(id_, JobState.CANCELLED)
    job = jobs.cancel(id_)
    assert (job.state, job.cancelling) == (JobState.CANCELLED, False)


def test_one_that_has_ended_is_not_cancelled(jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    claimed(queue)
    queue.end(id_, JobState.DONE)
    assert jobs.cancel(id_) == jobs.job(id_)
    assert jobs.job(id_).state is JobState.DONE


def test_what_failed_may_be_tried_again(jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    with pytest.raises(ConflictError, match="QUEUED"):
        jobs.retry(id_, queue=5)
    claimed(queue)
    error = {
        "code": "BAD_INPUT",
        "problem": "truncated",
        "place": "a.tif, frame 3",
        "remedy": "send it again",
    }
    queue.keep(id_, results=["t1"], notes=["odd"])
    queue.end(id_, JobState.FAILED, error)
    assert jobs.job(id_).error == error
    add(jobs)
    with pytest.raises(QueueFullError):
        jobs.retry(id_, queue=1)
    again = jobs.retry(id_, queue=2)
    assert (again.state, again.error, again.attempts, again.results, again.notes) == (
        "QUEUED",
        None,
        0,
        (),
        (),
    )
    assert (again.started, again.ended, again.progress, again.arguments) == (None, None, None, ARGUMENTS)
    assert claimed(queue).id == id_


def test_only_what_has_ended_is_deleted(jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    with pytest.raises(ConflictError, match="QUEUED"):
        jobs.delete(id_)
    claimed(queue)
    with pytest.raises(ConflictError, match="RUNNING"):
        jobs.delete(id_)
    queue.end(id_, JobState.DONE)
    jobs.delete(id_)
    with pytest.raises(NotFoundError):
        jobs.delete(id_)


def test_a_job_that_is_not_there(jobs: JobStore) -> None:
    changes: list[Callable[[str], object]] = [jobs.cancel, jobs.delete, partial(jobs.retry, queue=5)]
    for change in changes:
        with pytest.raises(NotFoundError, match="'j0'"):
            change("j0")


def test_pages_of_jobs(jobs: JobStore, queue: JobQueue) -> None:
    all_jobs = [add(jobs) for _ in range(5)]
    queue.end(claimed(queue).id, JobState.DONE)
    first = jobs.newest(first=2)
    assert [job.id for job in first] == [all_jobs[4].id, all_jobs[3].id]
    newer = add(jobs)
    rest = jobs.newest(first=9, after=first[-1].number)
    assert [job.id for job in rest] == [job.id for job in reversed(all_jobs[:3])]
    assert [job.id for job in jobs.newest(first=9, states=[JobState.DONE])] == [all_jobs[0].id]
    assert [job.id for job in jobs.newest(first=1)] == [newer.id]
    assert jobs.newest(first=9, states=[]) == []


def test_uploads_are_in_use_until_the_job_has_ended(jobs: JobStore, queue: JobQueue) -> None:
    add(jobs, "a", "b")
    add(jobs, "b", "c")
    assert jobs.uploads_in_use() == {"a", "b", "c"}
    queue.end(claimed(queue).id, JobState.DONE)
    assert jobs.uploads_in_use() == {"b", "c"}
    queue.end(claimed(queue).id, JobState.FAILED, {})
    assert jobs.uploads_in_use() == frozenset()


def test_a_dead_workers_job_is_queued_once_more_and_then_fails(store: LineageStore, jobs: JobStore) -> None:
    id_, living = add(jobs).id, store.job_queue(new_writer())
    for attempt in range(1, ATTEMPTS + 1):
        assert claimed(store.job_queue(dead_worker())).attempts == attempt
        assert living.recover() == [id_]
        assert living.recover() == []
    job = jobs.job(id_)
    assert (job.state, job.attempts) == (JobState.FAILED, ATTEMPTS)
    assert job.error is not None
    assert job.error["code"] == "WORKER_LOST"
    assert job.error["remedy"]
    assert jobs.retry(id_, queue=5).state is JobState.QUEUED


def test_a_dead_workers_job_that_was_cancelled_is(
    store: LineageStore, jobs: JobStore, queue: JobQueue
) -> None:
    id_ = add(jobs).id
    claimed(store.job_queue(dead_worker()))
    jobs.cancel(id_)
    queue.recover()
    assert jobs.job(id_).state is JobState.CANCELLED


def test_a_living_workers_job_is_left_alone(store: LineageStore, jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    claimed(queue)
    assert store.job_queue(new_writer()).recover() == []
    assert jobs.job(id_).state is JobState.RUNNING


def elsewhere() -> str:
    """The token of a worker of another machine."""
    return json.dumps(["elsewhere", os.getpid(), 0.0, "0"])


def test_a_worker_of_another_machine_lives_as_long_as_its_lease(
    store: LineageStore,
    jobs: JobStore,
    queue: JobQueue,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    id_, far = add(jobs).id, store.job_queue(elsewhere())
    claimed(far)
    assert queue.recover() == []
    monkeypatch.setattr(job_queue, "LEASE_MS", -1)
    far.report(id_, JobProgress("Linking", 1))
    assert queue.recover() == [id_]
    assert far.report(id_, JobProgress("Linking", 2)) is Order.LOST


def test_a_worker_that_lost_its_job_changes_nothing(
    store: LineageStore, jobs: JobStore, queue: JobQueue
) -> None:
    id_, slow = add(jobs).id, store.job_queue(dead_worker())
    claimed(slow)
    queue.recover()
    claimed(queue)
    before = jobs.job(id_)
    slow.keep(id_, results=["t9"])
    slow.end(id_, JobState.DONE)
    slow.hand_back(id_)
    slow.lose(id_)
    assert slow.report(id_, JobProgress("Linking")) is Order.LOST
    assert jobs.job(id_) == before


def test_a_job_that_is_handed_back_has_not_been_tried(jobs: JobStore, queue: JobQueue) -> None:
    id_ = add(jobs).id
    for _ in range(ATTEMPTS + 1):
        assert claimed(queue).attempts == 1
        queue.hand_back(id_)
    assert (jobs.job(id_).state, jobs.job(id_).progress) == (JobState.QUEUED, None)


def test_a_cause_that_may_pass_is_tried_again_and_then_told(jobs: JobStore, queue: JobQueue) -> None:
    id_, error = add(jobs).id, {"code": "STORE_UNAVAILABLE", "problem": "gone", "place": "", "remedy": "wait"}
    for _ in range(ATTEMPTS):
        claimed(queue)
        queue.lose(id_, error)
    assert (jobs.job(id_).state, jobs.job(id_).error) == (JobState.FAILED, error)


def test_a_transaction_that_runs_twice_adds_one_job(jobs: JobStore, connection: Connection) -> None:
    write = connection.write

    def twice(work: Callable[[ManagedTransaction], Any]) -> Any:
        write(work)
        return write(work)

    with patch.object(connection, "write", twice):
        add(jobs)
    assert len(jobs.newest(first=9)) == 1


def test_an_idle_worker_writes_nothing(jobs: JobStore, queue: JobQueue, connection: Connection) -> None:
    add(jobs)
    queue.end(claimed(queue).id, JobState.DONE)
    with patch.object(connection, "write", side_effect=AssertionError):
        assert (queue.recover(), queue.claim()) == ([], None)
