"""Who listens to jobs: one look at the database a moment tells all of them, however many they are."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from anyio import to_thread

from graph.job_records import JobRecord
from ingest.errors import CellkinError, NotFoundError

LOG = logging.getLogger("cellkin.jobs")
INTERVAL_S = 0.5
MAX_LISTENERS = 64
"""Each holds a connection open."""


class TooManyListenersError(CellkinError):
    """As many listen to jobs as may."""

    code = "TOO_MANY_LISTENERS"


class JobFollower:
    """Tells listeners of each change of a job, until it has ended.

    Jobs are polled while anybody listens: Neo4j Community tells nobody of its own accord.

    Args:
        read: gives the jobs of some ids; it blocks, and runs in a thread.
        interval_s: from one look to the next, seconds.
        listeners: how many there may be at a time.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str]], list[JobRecord]],
        *,
        interval_s: float = INTERVAL_S,
        listeners: int = MAX_LISTENERS,
    ) -> None:
        self._read = read
        self._interval_s = interval_s
        self._most = listeners
        self._listening: Counter[str] = Counter()
        self._asked: Sequence[str] = ()
        self._latest: Mapping[str, JobRecord] = {}
        self._looked: asyncio.Event | None = None
        self._polling: asyncio.Task[None] | None = None
        self._closed = False

    async def follow(self, job_id: str, heartbeat_s: float = math.inf) -> AsyncGenerator[JobRecord | None]:
        """The job as it is now, then after each change, until it has ended, is removed, or the service ends.

        Args:
            job_id: which.
            heartbeat_s: None is given after so long without a change, seconds.

        Raises:
            NotFoundError: there is no such job.
            TooManyListenersError: as many listen as may.
            StoreError: the database cannot be reached at the beginning; later, it is waited for.
        """
        with self._listener(job_id):
            job = await self._first(job_id)
            yield job
            told = time.monotonic()
            while not job.state.ended and not self._closed:
                await self._next_look()
                latest = self._latest.get(job_id, job)
                if job_id in self._asked and job_id not in self._latest:
                    return  # it was removed
                changed = latest.revision != job.revision
                if changed or time.monotonic() - told >= heartbeat_s:
                    job, told = latest, time.monotonic()
                    yield job if changed else None

    def close(self) -> None:
        """The service ends: so does every listening, at once."""
        self._closed = True
        self._announce()

    @contextmanager
    def _listener(self, job_id: str) -> Iterator[None]:
        if self._listening.total() >= self._most:
            raise TooManyListenersError(
                f"{self._most} listen to jobs already, which is the most that may",
                remedy="end some, or ask for { job(id: …) { state } } from time to time",
            )
        self._listening[job_id] += 1
        try:
            yield
        finally:
            self._listening[job_id] -= 1
            self._listening += Counter()  # forgets those whom nobody listens to

    async def _first(self, job_id: str) -> JobRecord:
        for job in await to_thread.run_sync(self._read, [job_id]):
            return job
        raise NotFoundError(
            f"no job {job_id[:80]!r} is stored", remedy="{ jobs { nodes { id } } } lists what there is"
        )

    async def _next_look(self) -> None:
        """Wait until somebody, this one if nobody else does, has looked at all jobs that are listened to."""
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        if self._looked is None:
            self._looked = asyncio.Event()
        await self._looked.wait()

    async def _poll(self) -> None:
        while self._listening and not self._closed:
            await asyncio.sleep(self._interval_s)
            await self._look()
            self._announce()

    async def _look(self) -> None:
        asked = list(self._listening)
        try:
            found = await to_thread.run_sync(self._read, asked)
        except CellkinError:  # the database is away: listeners wait for it
            return
        except Exception:
            LOG.exception("jobs could not be looked at")
            return
        self._asked, self._latest = asked, {job.id: job for job in found}

    def _announce(self) -> None:
        looked, self._looked = self._looked, None
        if looked is not None:
            looked.set()
