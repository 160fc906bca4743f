"""GraphQL types of jobs."""

from collections.abc import Sequence
from datetime import datetime

import strawberry
from anyio import to_thread
from strawberry.relay import PageInfo
from strawberry.scalars import JSON

from api.context import Info
from api.fields import ListSize, described, from_record, resolved, value
from api.pages import COUNTED_BY_PAGE, Page, cursor_of, page_info
from api.types import Tracking
from graph.job_records import JobKind, JobRecord, JobState

strawberry.enum(
    JobKind,
    description="What a job does: `TRACK` segments and tracks a movie, `INGEST` stores one that is there.",
)
strawberry.enum(
    JobState,
    description="Where a job is: `QUEUED` waits for a worker, `RUNNING` has one, `DONE`, `FAILED` and "
    "`CANCELLED` are its ends.",
)


@described
class JobError:
    """What ended a job, and what to do about it."""

    code: str = value("For programs.")
    problem: str = value("What is wrong.")
    place: str = value("Where: a file, a frame; empty where there is no such place.")
    remedy: str = value("What to do.")


@described
class JobProgress:
    """How far a job is."""

    step: str = value("What it does now.")
    done: int = value("Items of this step that are dealt with, frames as a rule.")
    total: int | None = value("How many there are; null where nobody knows.")


@described
class Job:
    """Work that a worker does for its user, beside the service."""

    record: strawberry.Private[JobRecord]
    id: strawberry.ID = value("Its own for ever.")
    kind: JobKind = value("What it does.")
    state: JobState = value("Where it is on its way.")
    cancelling: bool = value("Somebody asked for its end, and its worker has not come to it yet.")
    arguments: JSON = value("What it was given; what was left out is not there.")
    uploads: list[strawberry.ID] = value(
        "Uploads that it reads; they stay until it ends.", ListSize(assumed_size=2)
    )
    progress: JobProgress | None = value("How far it is; null while it waits.")
    attempts: int = value("How often a worker began it; more than once where one died.")
    error: JobError | None = value("What ended it; null unless it failed.")
    notes: list[str] = value("What its user should know and need not mend.", ListSize(assumed_size=5))
    created: datetime = value("When it was handed in.")
    started: datetime | None = value("When its worker began, the last one where there were several.")
    ended: datetime | None = value("When it was done, failed or was cancelled.")

    @classmethod
    def of(cls, record: JobRecord) -> "Job":
        """The job of a record."""
        progress = None if record.progress is None else from_record(JobProgress, record.progress)
        error = None if record.error is None else JobError(**record.error)
        return from_record(cls, record, record=record, progress=progress, error=error)

    @resolved(ListSize(assumed_size=2))
    async def trackings(self, info: Info) -> list[Tracking]:
        """The trackings that it has stored so far; without those that were deleted since."""
        read = info.context.store.trackings_by_id  # not a loader: a subscription asks again and again
        found = await to_thread.run_sync(read, self.record.results)
        return [Tracking.of(found[one]) for one in self.record.results if one in found]


@described
class JobEdge:
    """A job of a page."""

    node: Job = value("The job.")
    cursor: str = value("Where the page after it begins.")


@described
class JobConnection:
    """One page of jobs."""

    nodes: list[Job] = value("The jobs.", COUNTED_BY_PAGE)
    edges: list[JobEdge] = value("The jobs, each with its cursor.", COUNTED_BY_PAGE)
    page_info: PageInfo = value("Whether there is more, and where it begins.")

    @classmethod
    def of(cls, found: Sequence[JobRecord], page: Page) -> "JobConnection":
        """The page, of one more than was asked for where there are so many."""
        nodes = [Job.of(record) for record in found[: page.first]]
        cursors = [cursor_of(node.record.number) for node in nodes]
        edges = [JobEdge(node=n, cursor=c) for n, c in zip(nodes, cursors, strict=True)]
        return cls(nodes=nodes, edges=edges, page_info=page_info(page, len(found), cursors))
