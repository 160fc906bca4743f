"""Jobs as those who ask for them see them: queued, listed, cancelled, tried again, removed."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import LiteralString, NoReturn

from neo4j import ManagedTransaction

from graph.connection import Connection
from graph.content import as_json
from graph.job_records import LIVE, Arguments, JobKind, JobRecord, JobState, job_of
from ingest.errors import ConflictError, NotFoundError

# Whoever changes a job holds this lock, so that what is read after it is still so at the commit.
LOCK_JOBS = "MERGE (c:Counter {name: 'job'}) SET c.value = coalesce(c.value, 0)"

QUEUED = "MATCH (j:Job {state: 'QUEUED'}) RETURN count(j) AS queued"

# By its id, so that a transaction that runs twice adds one job.
ADD = """
MATCH (c:Counter {name: 'job'})
SET c.value = c.value + 1
MERGE (j:Job {id: $id})
ON CREATE SET j += {number: c.value, kind: $kind, state: 'QUEUED', arguments: $arguments, uploads: $uploads,
  attempts: 0, cancelling: false, results: [], notes: [], revision: 1, created: datetime()}
RETURN j
"""

BY_ID = "UNWIND $ids AS id MATCH (j:Job {id: id}) RETURN j"

NEWEST = """
MATCH (j:Job) WHERE j.number < $before AND ($states IS NULL OR j.state IN $states)
RETURN j ORDER BY j.number DESC LIMIT $first
"""

UPLOADS_IN_USE = """
MATCH (j:Job) WHERE j.state IN $live
UNWIND j.uploads AS upload
RETURN collect(DISTINCT upload) AS uploads
"""

CANCEL_QUEUED = """
MATCH (j:Job {id: $id, state: 'QUEUED'})
SET j.state = 'CANCELLED', j.ended = datetime(), j.revision = j.revision + 1
"""
CANCEL_RUNNING = """
MATCH (j:Job {id: $id, state: 'RUNNING', cancelling: false})
SET j.cancelling = true, j.revision = j.revision + 1
"""

TRY_AGAIN = """
MATCH (j:Job {id: $id}) WHERE j.state IN ['FAILED', 'CANCELLED']
SET j += {state: 'QUEUED', attempts: 0, cancelling: false, results: [], notes: [], error: null, step: null,
          done: null, total: null, worker: null, lease: null, started: null, ended: null},
    j.revision = j.revision + 1
"""

DELETE = "MATCH (j:Job {id: $id}) WHERE NOT j.state IN $live DELETE j"

BEFORE_ALL = 2**62


class QueueFullError(ConflictError):
    """More jobs wait than may."""

    code = "QUEUE_FULL"


class JobStore:
    """The jobs of a database; safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, kind: JobKind, arguments: Arguments, uploads: Sequence[str], *, queue: int) -> JobRecord:
        """Put a job at the end of the queue.

        Args:
            kind: what to do.
            arguments: what with; ready for JSON.
            uploads: ids of the uploads that it reads, which stay until it has ended.
            queue: how many jobs may wait.

        Raises:
            QueueFullError: so many wait already.
        """
        properties = {
            "id": f"j{secrets.token_hex(8)}",
            "kind": kind.value,
            "arguments": as_json(arguments),
            "uploads": list(uploads),
        }
        return self._connection.write(partial(_add, properties=properties, queue=queue))

    def job(self, job_id: str) -> JobRecord:
        """One job.

        Raises:
            NotFoundError: there is no such job.
        """
        found = self.jobs_by_id([job_id])
        return found[0] if found else _refuse_unknown(job_id)

    def jobs_by_id(self, ids: Sequence[str]) -> list[JobRecord]:
        """The jobs of these ids that there are."""
        return self._connection.read(partial(_by_id, ids=ids))

    def newest(
        self, *, states: Sequence[JobState] | None = None, after: int | None = None, first: int
    ) -> list[JobRecord]:
        """Jobs, the newest first.

        Args:
            states: only those in one of them.
            after: number of a job; those before it.
            first: how many at most.
        """
        names = None if states is None else [state.value for state in states]
        before = BEFORE_ALL if after is None else after
        query = partial(_jobs, NEWEST, states=names, before=before, first=first)
        return self._connection.read(query)

    def uploads_in_use(self) -> frozenset[str]:
        """Ids of the uploads that jobs which have not ended read."""
        return self._connection.read(_uploads_in_use)

    def cancel(self, job_id: str) -> JobRecord:
        """End a job that waits; have a running one ended by its worker. One that has ended stays as it is.

        Raises:
            NotFoundError: there is no such job.
        """
        return self._change(job_id, lambda tx: _run(tx, (CANCEL_QUEUED, CANCEL_RUNNING), job_id))

    def retry(self, job_id: str, *, queue: int) -> JobRecord:
        """Queue a job that failed or was cancelled once more, in its old place.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it waits, runs or is done.
            QueueFullError: as many wait as may.
        """

        def again(tx: ManagedTransaction) -> None:
            (found,) = _by_id(tx, [job_id])
            if found.state not in (JobState.FAILED, JobState.CANCELLED):
                raise ConflictError(
                    f"it is {found.state}",
                    place=f"job {job_id}",
                    remedy="start a new one with the same upload"
                    if found.state.ended
                    else "wait for its end, or cancel it first",
                )
            _require_room(tx, queue)
            _run(tx, (TRY_AGAIN,), job_id)

        return self._change(job_id, again)

    def delete(self, job_id: str) -> None:
        """Remove a job that has ended; what it stored stays.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it has not ended.
        """

        def remove(tx: ManagedTransaction) -> None:
            (found,) = _by_id(tx, [job_id])
            if not found.state.ended:
                raise ConflictError(
                    f"it is {found.state}", place=f"job {job_id}", remedy="cancel it, or wait for its end"
                )
            tx.run(DELETE, id=job_id, live=LIVE).consume()

        self._change(job_id, remove)

    def _change(self, job_id: str, change: Callable[[ManagedTransaction], None]) -> JobRecord:
        """Change a job while nobody else does; as it is then, or as it was where it is gone."""

        def work(tx: ManagedTransaction) -> JobRecord:
            lock_jobs(tx)
            before = _by_id(tx, [job_id])
            if not before:
                _refuse_unknown(job_id)
            change(tx)
            return (_by_id(tx, [job_id]) or before)[0]

        return self._connection.write(work)


def lock_jobs(tx: ManagedTransaction) -> None:
    """Keep all others from changing a job until this transaction ends."""
    tx.run(LOCK_JOBS).consume()


def _add(tx: ManagedTransaction, properties: Mapping[str, object], queue: int) -> JobRecord:
    lock_jobs(tx)
    _require_room(tx, queue)
    return job_of(tx.run(ADD, dict(properties)).single(strict=True))


def _require_room(tx: ManagedTransaction, queue: int) -> None:
    if tx.run(QUEUED).single(strict=True)["queued"] >= queue:
        raise QueueFullError(
            f"{queue} jobs wait already, which is the most that may",
            remedy="wait until some are done, cancel some, or raise CELLKIN_QUEUE",
        )


def _jobs(query: LiteralString, tx: ManagedTransaction, **parameters: object) -> list[JobRecord]:
    return [job_of(record) for record in tx.run(query, parameters)]


def _by_id(tx: ManagedTransaction, ids: Sequence[str]) -> list[JobRecord]:
    return _jobs(BY_ID, tx, ids=list(ids))


def _uploads_in_use(tx: ManagedTransaction) -> frozenset[str]:
    return frozenset(tx.run(UPLOADS_IN_USE, live=LIVE).single(strict=True)["uploads"])


def _run(tx: ManagedTransaction, queries: Sequence[LiteralString], job_id: str) -> None:
    for query in queries:
        tx.run(query, id=job_id).consume()


def _refuse_unknown(job_id: str) -> NoReturn:
    raise NotFoundError(
        f"no job {job_id[:80]!r} is stored", remedy="{ jobs { nodes { id } } } lists what there is"
    )
