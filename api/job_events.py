"""A job's progress as server-sent events: `GET /jobs/{id}/events`.

Each event is the job as JSON. The stream ends with the job: a client that comes back with the last event's id
then, as browsers do by themselves, gets 204, which tells it not to come again.

Source: Server-sent events, WHATWG HTML standard, section 9.2.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.job_follower import JobFollower
from graph.job_records import JobRecord

HEARTBEAT_S = 15.0
"""A comment now and then keeps proxies from taking the stream for dead, and finds clients that are gone."""
RETRY_MS = 2000
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def job_routes(follower: JobFollower, heartbeat_s: float = HEARTBEAT_S) -> list[Route]:
    """The addresses of jobs."""
    return [Route("/jobs/{job}/events", partial(events, follower, heartbeat_s), methods=["GET"])]


async def events(follower: JobFollower, heartbeat_s: float, request: Request) -> Response:
    """The job as it is now, then after each change.

    Raises:
        NotFoundError: there is no such job.
        TooManyListenersError: as many listen as may.
    """
    changes = follower.follow(request.path_params["job"], heartbeat_s)
    job = await anext(changes)  # here, so that a refusal is an answer with a status of its own
    assert job is not None, "the first is the job"
    if job.state.ended and request.headers.get("last-event-id") == str(job.revision):
        await changes.aclose()
        return Response(status_code=204)
    begin = event_of(job)
    return StreamingResponse(_stream(begin, changes), media_type="text/event-stream", headers=HEADERS)


async def _stream(begin: str, changes: AsyncGenerator[JobRecord | None]) -> AsyncIterator[str]:
    async with aclosing(changes):
        yield f"retry: {RETRY_MS}\n\n{begin}"
        async for job in changes:
            yield event_of(job)


def event_of(job: JobRecord | None) -> str:
    """The event that tells of a job; a comment where there is nothing new."""
    if job is None:
        return ": still here\n\n"
    return f"id: {job.revision}\nevent: job\ndata: {json.dumps(document_of(job))}\n\n"


def document_of(job: JobRecord) -> dict[str, object]:
    """A job as JSON, its names as in GraphQL."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "cancelling": job.cancelling,
        "progress": None if job.progress is None else asdict(job.progress),
        "attempts": job.attempts,
        "error": job.error,
        "notes": job.notes,
        "trackings": job.results,
    }
