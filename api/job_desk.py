"""Where users hand in jobs: what they ask for is checked, queued, and followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.job_follower import JobFollower
from api.uploads import UploadFolder
from graph.job_records import JobKind, JobRecord
from graph.store import LineageStore


@dataclass(frozen=True, eq=False)
class JobDesk:
    """What the service knows of jobs.

    Attributes:
        store: where they are kept.
        uploads: what they read.
        follower: tells who listens.
        queue: how many may wait.
    """

    store: LineageStore
    uploads: UploadFolder
    follower: JobFollower
    queue: int

    def hand_in(self, kind: JobKind, arguments: Mapping[str, object], uploads: Sequence[str]) -> JobRecord:
        """Queue a job on uploads that are complete; arguments that were not given are left out.

        Raises:
            NotFoundError: there is no such upload.
            ConflictError: one is not complete.
            QueueFullError: too many jobs wait already.
        """
        for upload in uploads:
            self.uploads.file(upload)
        given = {name: value for name, value in arguments.items() if value is not None}
        return self.store.jobs.add(kind, given, uploads, queue=self.queue)

    def try_again(self, job_id: str) -> JobRecord:
        """Queue a job once more that failed or was cancelled.

        Raises:
            NotFoundError: there is no such job, or one of its uploads has been swept.
            ConflictError: it waits, runs or is done.
            QueueFullError: too many jobs wait already.
        """
        for upload in self.store.jobs.job(job_id).uploads:
            self.uploads.file(upload)
        return self.store.jobs.retry(job_id, queue=self.queue)
