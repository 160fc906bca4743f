"""Jobs in GraphQL: asked for, handed in, cancelled, followed."""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Annotated

import strawberry
from anyio import to_thread
from strawberry.utils.str_converters import to_camel_case

from api.choices import Decision, Tracker
from api.context import Info
from api.fields import described, resolved
from api.jobs import Job, JobConnection
from api.pages import PAGED, page_of
from api.trackers import TrackerChoice
from graph.job_records import JobKind, JobState
from graph.records import TrackingKind
from ingest.errors import InputError

DEFAULT_JOBS = 20
MAX_TEXT = 200
"""Characters of a name, an author, an id."""


strawberry.enum(
    Tracker,
    description="A tracker: `LEARNED` by a trained network, `LAP` by plain linear assignment, "
    "`VITERBI` a path at a time over the whole movie.",
)
strawberry.enum(
    Decision,
    description="How the learned tracker decides: `JOINT` all together, `ASSIGNMENT` sure links "
    "first, then divisions, then the rest.",
)

UploadId = Annotated[
    strawberry.ID, strawberry.argument(description="A complete upload: `PUT /uploads/{id}`.")
]
Name = Annotated[str | None, strawberry.argument(description="Of the movie; by default that of the upload.")]
Axes = Annotated[
    str | None, strawberry.argument(description="Of the TIFF files, such as TYX, where they do not say.")
]
PixelSize = Annotated[
    float | None,
    strawberry.argument(description="Side of a pixel, µm, kept with the movie; by default the file's own."),
]
FrameInterval = Annotated[
    float | None,
    strawberry.argument(
        description="Time from frame to frame, min, kept with the movie; by default the file's own."
    ),
]


@described
class JobQueries:
    """Jobs."""

    @resolved()
    async def job(self, info: Info, id: strawberry.ID) -> Job | None:  # noqa: A002
        """One job."""
        return Job.of(await to_thread.run_sync(info.context.jobs.store.jobs.job, id))

    @resolved(PAGED)
    async def jobs(
        self,
        info: Info,
        states: list[JobState] | None = None,
        first: int = DEFAULT_JOBS,
        after: str | None = None,
    ) -> JobConnection:
        """Jobs, the newest first, page after page: give a page's `endCursor` as the next one's `after`.

        `states` gives only those in one of them.
        """
        page = page_of(first, after)
        newest = info.context.jobs.store.jobs.newest
        read = partial(newest, states=states, after=page.after, first=page.first + 1)
        return JobConnection.of(await to_thread.run_sync(read), page)


@described
class JobMutations:
    """Jobs."""

    @resolved()
    async def track(
        self,
        info: Info,
        upload: UploadId,
        name: Name = None,
        axes: Axes = None,
        pixel_size: PixelSize = None,
        minutes_per_frame: FrameInterval = None,
        channel: Annotated[
            str | None,
            strawberry.argument(
                description="Name or number, from 0, of the channel that shows the cells; else the first."
            ),
        ] = None,
        tracker: Tracker = Tracker.LEARNED,
        decision: Decision = Decision.JOINT,
        labels: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Upload of label images, one a frame, instead of segmenting; of a .trk movie its "
                "own masks, where it is the same upload."
            ),
        ] = None,
        diameter: Annotated[
            float | None,
            strawberry.argument(
                description="How wide cells are, where the segmentation measures wrongly: µm, or pixels "
                "where their size is unknown."
            ),
        ] = None,
        force: Annotated[
            bool,
            strawberry.argument(
                description="Segment even what does not look like bright cells; take labels as they are."
            ),
        ] = False,
    ) -> Job:
        """Track a movie, or each movie of an archive: segment it, link its cells, store the lineages.

        The job waits in the queue for a worker; `jobProgress` follows it.
        """
        TrackerChoice(tracker.value, decision.value)  # what does not go together is told at once
        if labels is not None and diameter is not None:
            raise InputError(
                "an argument of the segmentation, which label images replace",
                place="diameter",
                remedy="leave out diameter, or labels",
            )
        arguments = {
            "upload": upload,
            "name": name,
            "axes": axes,
            "pixel_size": pixel_size,
            "minutes_per_frame": minutes_per_frame,
            "channel": channel,
            "tracker": tracker.value,
            "decision": decision.value,
            "labels": labels,
            "diameter": diameter,
            "force": force or None,
        }
        return await _hand_in(info, JobKind.TRACK, arguments, upload, labels)

    @resolved()
    async def ingest(
        self,
        info: Info,
        upload: UploadId,
        tracking: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Upload of the tracking: a zip of a Cell Tracking Challenge folder, masks and "
                "man_track.txt or res_track.txt. None for a .trk or .trks file, which holds it."
            ),
        ] = None,
        kind: TrackingKind = TrackingKind.GROUND_TRUTH,
        author: Annotated[
            str, strawberry.argument(description="Who made it: a person, a tracker.")
        ] = "unknown",
        curated_from: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The tracking of this movie that a `CURATED` one corrects."),
        ] = None,
        name: Name = None,
        axes: Axes = None,
        pixel_size: PixelSize = None,
        minutes_per_frame: FrameInterval = None,
    ) -> Job:
        """Store a tracking that exists already, such as a ground truth, with its movie."""
        if curated_from is not None:
            if kind is not TrackingKind.CURATED:
                raise InputError(
                    f"a {kind.value} tracking that is curated from another",
                    place="curatedFrom",
                    remedy="give the kind CURATED, or leave it out",
                )
            await info.context.loaders.tracking.load(curated_from)
        arguments = {
            "upload": upload,
            "tracking": tracking,
            "kind": kind.value,
            "author": author,
            "curated_from": curated_from,
            "name": name,
            "axes": axes,
            "pixel_size": pixel_size,
            "minutes_per_frame": minutes_per_frame,
        }
        return await _hand_in(info, JobKind.INGEST, arguments, upload, tracking)

    @resolved()
    async def cancel_job(self, info: Info, id: strawberry.ID) -> Job:  # noqa: A002
        """End a job: at once where it waits, within seconds where it runs. What it has stored stays.

        One that has ended stays as it is.
        """
        return Job.of(await to_thread.run_sync(info.context.jobs.store.jobs.cancel, id))

    @resolved()
    async def retry_job(self, info: Info, id: strawberry.ID) -> Job:  # noqa: A002
        """Queue a job that failed or was cancelled once more, with the same arguments."""
        return Job.of(await to_thread.run_sync(info.context.jobs.try_again, id))

    @resolved()
    async def delete_job(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002
        """Remove a job that has ended, not what it stored; gives back its id."""
        await to_thread.run_sync(info.context.jobs.store.jobs.delete, id)
        return id


async def _hand_in(
    info: Info, kind: JobKind, arguments: Mapping[str, object], *uploads: strawberry.ID | None
) -> Job:
    _require_sane(arguments)
    given = list(dict.fromkeys(str(upload) for upload in uploads if upload is not None))
    return Job.of(await to_thread.run_sync(info.context.jobs.hand_in, kind, arguments, given))


def _require_sane(arguments: Mapping[str, object]) -> None:
    """Refuse at once what the job would be refused for later.

    Raises:
        InputError: names the argument.
    """
    for name, given in arguments.items():
        if isinstance(given, str) and len(given) > MAX_TEXT:
            raise InputError(
                f"{len(given)} characters", place=to_camel_case(name), remedy=f"use at most {MAX_TEXT}"
            )
        if isinstance(given, float) and not (math.isfinite(given) and given > 0):
            shown = to_camel_case(name)
            raise InputError(
                f"{given:g} is not above 0", place=shown, remedy=f"give a positive {shown}, or leave it out"
            )


@described
class Subscription:
    """What the service tells of its own accord, over graphql-transport-ws."""

    @strawberry.subscription(  # type: ignore[untyped-decorator]
        description="A job as it is now, then after each change, until it has ended. For a client without "
        "websockets, `GET /jobs/{id}/events` tells the same as server-sent events."
    )
    async def job_progress(self, info: Info, id: strawberry.ID) -> AsyncIterator[Job]:  # noqa: A002
        """A job, as it changes."""
        async with aclosing(info.context.jobs.follower.follow(id)) as changes:
            async for record in changes:
                assert record is not None, "no heartbeat was asked for"
                yield Job.of(record)
