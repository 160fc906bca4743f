"""Jobs as workers see them: claimed one at a time, reported on, ended; and taken back from the dead.

A worker holds its job by a lease, as the writer of a tracking does. A job whose worker died is queued once
more, and fails when that happens again: a movie that brings its worker down must not do so for ever.
"""

import json
from collections.abc import Sequence
from enum import Enum
from functools import partial
from typing import Any, LiteralString

from neo4j import ManagedTransaction, Record

from graph.connection import Connection
from graph.job_records import ErrorDocument, JobProgress, JobRecord, JobState, job_of
from graph.jobs import lock_jobs
from graph.lease import held_by_another

ATTEMPTS = 2
"""How often a job is begun before its worker's death counts as its failure."""
LEASE_MS = 60_000
"""A worker of another machine that has not reported for so long counts as dead, by the server's clock."""
LOST = {
    "code": "WORKER_LOST",
    "problem": f"the process that ran it ended unexpectedly, {ATTEMPTS} times",
    "place": "",
    "remedy": "is there memory enough for a movie of this size? The service's log may say more; then retry",
}

NEXT_QUEUED = "MATCH (j:Job {state: 'QUEUED'}) RETURN j.id AS id ORDER BY j.number LIMIT 1"
BEGIN = """
MATCH (j:Job {id: $id})
SET j += {state: 'RUNNING', worker: $worker, step: 'Starting', done: 0, total: null, started: datetime(),
          results: [], notes: []},
    j.attempts = j.attempts + 1, j.lease = timestamp() + $lease, j.revision = j.revision + 1
RETURN j
"""

HELD = "MATCH (j:Job {id: $id, state: 'RUNNING', worker: $worker}) RETURN j.cancelling AS cancelling"
RENEW = """
MATCH (j:Job {id: $id})
SET j.lease = timestamp() + $lease,
    j.revision = CASE WHEN j.step = $step AND j.done = $done THEN j.revision ELSE j.revision + 1 END
SET j += {step: $step, done: $done, total: $total}
"""
KEEP = """
MATCH (j:Job {id: $id})
SET j.results = j.results + [r IN $results WHERE NOT r IN j.results],
    j.notes = j.notes + [n IN $notes WHERE NOT n IN j.notes], j.revision = j.revision + 1
"""
END = """
MATCH (j:Job {id: $id})
SET j += {state: $state, error: $error, worker: null, lease: null, cancelling: false, ended: datetime()},
    j.revision = j.revision + 1
"""
QUEUE_AGAIN = """
MATCH (j:Job {id: $id})
SET j += {state: 'QUEUED', worker: null, lease: null, step: null, done: null, total: null, started: null},
    j.attempts = j.attempts - $uncounted, j.revision = j.revision + 1
"""
RUNNING = """
MATCH (j:Job {state: 'RUNNING'})
RETURN j.id AS id, j.state AS state, j.worker AS writer, j.lease < timestamp() AS expired,
       j.attempts AS attempts, j.cancelling AS cancelling
ORDER BY j.number
"""
FIND = """
MATCH (j:Job {id: $id, state: 'RUNNING', worker: $worker})
RETURN j.id AS id, j.attempts AS attempts, j.cancelling AS cancelling
"""


class Order(Enum):
    """What a worker learns when it reports."""

    GO_ON = "go on"
    CANCEL = "cancel"
    LOST = "lost"
    """The job is not this worker's any more."""


class JobQueue:
    """The queue of a database, for one worker.

    Args:
        connection: to the database.
        worker: its token, from `graph.lease.new_writer`.
    """

    def __init__(self, connection: Connection, worker: str) -> None:
        self._connection = connection
        self._worker = worker

    def claim(self) -> JobRecord | None:
        """The oldest job that waits, which is this worker's now; None where none waits."""
        if not self._connection.read(_waits):  # looked at again and again: no lock for that
            return None
        return self._connection.write(partial(_claim, worker=self._worker))

    def report(self, job_id: str, progress: JobProgress) -> Order:
        """Say how far a job is, which prolongs the lease."""
        return self._connection.write(partial(_report, job=job_id, worker=self._worker, progress=progress))

    def keep(self, job_id: str, *, results: Sequence[str] = (), notes: Sequence[str] = ()) -> None:
        """Note what a job has stored so far, and what its user should know."""
        self._held(job_id, KEEP, results=list(results), notes=list(notes))

    def end(self, job_id: str, state: JobState, error: ErrorDocument | None = None) -> None:
        """End a job for good, unless it is not this worker's any more."""
        document = None if error is None else json.dumps(dict(error))
        self._held(job_id, END, state=state.value, error=document)

    def hand_back(self, job_id: str) -> None:
        """Let another worker begin a job anew: this one ends in good order, which is no failed attempt."""
        self._held(job_id, QUEUE_AGAIN, uncounted=1)

    def lose(self, job_id: str, error: ErrorDocument = LOST) -> None:
        """What ran a job has died: once more, or the end with this error."""
        self._connection.write(partial(_lose, job=job_id, worker=self._worker, error=error))

    def recover(self) -> list[str]:
        """Take back the jobs of workers that died; their ids."""
        return self._connection.write(_recover) if self._connection.read(_dead) else []

    def _held(self, job_id: str, query: LiteralString, **parameters: Any) -> None:  # noqa: ANN401 - Cypher's
        def work(tx: ManagedTransaction) -> None:
            lock_jobs(tx)
            if tx.run(HELD, id=job_id, worker=self._worker).single() is not None:
                tx.run(query, parameters, id=job_id).consume()

        self._connection.write(work)


def _claim(tx: ManagedTransaction, worker: str) -> JobRecord | None:
    lock_jobs(tx)
    found = tx.run(NEXT_QUEUED).single()
    if found is None:
        return None
    return job_of(tx.run(BEGIN, id=found["id"], worker=worker, lease=LEASE_MS).single(strict=True))


def _report(tx: ManagedTransaction, job: str, worker: str, progress: JobProgress) -> Order:
    lock_jobs(tx)
    held = tx.run(HELD, id=job, worker=worker).single()
    if held is None:
        return Order.LOST
    parameters = {"step": progress.step, "done": progress.done, "total": progress.total}
    tx.run(RENEW, parameters, id=job, lease=LEASE_MS).consume()
    return Order.CANCEL if held["cancelling"] else Order.GO_ON


def _lose(tx: ManagedTransaction, job: str, worker: str, error: ErrorDocument) -> None:
    lock_jobs(tx)
    found = tx.run(FIND, id=job, worker=worker).single()
    if found is not None:
        _take_back(tx, found, error)


def _waits(tx: ManagedTransaction) -> bool:
    return tx.run(NEXT_QUEUED).single() is not None


def _dead(tx: ManagedTransaction) -> list[Record]:
    return [record for record in tx.run(RUNNING) if not held_by_another(record, writer="")]


def _recover(tx: ManagedTransaction) -> list[str]:
    lock_jobs(tx)
    dead = _dead(tx)
    for record in dead:
        _take_back(tx, record, LOST)
    return [record["id"] for record in dead]


def _take_back(tx: ManagedTransaction, found: Record, error: ErrorDocument) -> None:
    if found["cancelling"]:
        tx.run(END, id=found["id"], state="CANCELLED", error=None).consume()
    elif found["attempts"] < ATTEMPTS:
        tx.run(QUEUE_AGAIN, id=found["id"], uncounted=0).consume()
    else:
        tx.run(END, id=found["id"], state="FAILED", error=json.dumps(dict(error))).consume()
