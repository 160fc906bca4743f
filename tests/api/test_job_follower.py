"""Who listens to jobs: told of each change, by one look for all of them; as server-sent events too."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.job_events import job_routes
from api.job_follower import JobFollower, TooManyListenersError
from api.refusals import refuse
from graph.job_records import JobKind, JobProgress, JobRecord, JobState
from ingest.errors import CellkinError, NotFoundError, StoreError

FAST_S = 0.01


class Board:
    """Jobs in memory: what a follower reads."""

    def __init__(self, *ids: str) -> None:
        self.jobs = {id_: new_job(id_) for id_ in ids}
        self.looks: list[list[str]] = []
        self.away = False

    def read(self, ids: Sequence[str]) -> list[JobRecord]:
        self.looks.append(sorted(ids))
        if self.away:
            raise StoreError("no Neo4j answers")
        return [self.jobs[id_] for id_ in ids if id_ in self.jobs]

    def change(self, id_: str, state: JobState = JobState.RUNNING, done: int = 0) -> None:
        job = self.jobs[id_]
        progress = JobProgress("Linking", done, 7)
        self.jobs[id_] = replace(job, state=state, progress=progress, revision=job.revision + 1)


def new_job(id_: str) -> JobRecord:
    return JobRecord(
        id=id_,
        number=1,
        kind=JobKind.TRACK,
        state=JobState.QUEUED,
        arguments={},
        uploads=(),
        progress=None,
        attempts=0,
        cancelling=False,
        error=None,
        results=("t1",),
        notes=(),
        created=datetime(2026, 11, 28, tzinfo=UTC),
        started=None,
        ended=None,
        revision=1,
    )


async def listen(follower: JobFollower, id_: str, heard: list[int | None] | None = None) -> list[int | None]:
    """The revisions that a listener hears of."""
    heard = [] if heard is None else heard
    async for job in follower.follow(id_):
        heard.append(None if job is None else job.revision)
    return heard


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(FAST_S / 2)


def test_each_change_until_the_end() -> None:
    async def check() -> None:
        board, heard = Board("a"), list[int | None]()
        listening = asyncio.create_task(listen(JobFollower(board.read, interval_s=FAST_S), "a", heard))
        for revision in (1, 2, 3):
            await until(lambda: heard[-1:] == [revision])  # noqa: B023 - awaited before the next one
            board.change("a", JobState.RUNNING, revision)
        await until(lambda: heard[-1:] == [4])
        board.change("a", JobState.DONE)
        assert await listening == [1, 2, 3, 4, 5]

    asyncio.run(check())


def test_many_listeners_of_many_jobs_are_one_look() -> None:
    async def check() -> None:
        board = Board("a", "b")
        follower = JobFollower(board.read, interval_s=FAST_S)
        tasks = [asyncio.create_task(listen(follower, id_)) for id_ in "aabbb"]
        await until(lambda: ["a", "b"] in board.looks)
        board.looks.clear()
        await until(lambda: len(board.looks) == 4)
        assert board.looks == [["a", "b"]] * 4
        board.change("a", JobState.FAILED)
        assert await asyncio.gather(*tasks[:2]) == [[1, 2]] * 2
        await until(lambda: board.looks[-1] == ["b"])
        board.change("b", JobState.DONE)
        assert await asyncio.gather(*tasks[2:]) == [[1, 2]] * 3
        looks = len(board.looks)
        await asyncio.sleep(FAST_S * 5)
        assert len(board.looks) <= looks + 1  # nobody listens, nobody looks

    asyncio.run(check())


def test_a_listener_that_goes_is_forgotten() -> None:
    async def check() -> None:
        board = Board("a")
        follower = JobFollower(board.read, interval_s=FAST_S, listeners=1)
        task = asyncio.create_task(listen(follower, "a"))
        await until(lambda: len(board.looks) > 2)
        with pytest.raises(TooManyListenersError, match="1 listen"):
            await listen(follower, "a")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        board.change("a", JobState.DONE)
        assert await listen(follower, "a") == [2]

    asyncio.run(check())


def test_a_database_that_is_away_is_waited_for() -> None:
    async def check() -> None:
        board, heard = Board("a"), list[int | None]()
        listening = asyncio.create_task(listen(JobFollower(board.read, interval_s=FAST_S), "a", heard))
        await until(lambda: heard == [1])
        board.away = True
        looks = len(board.looks)
        await until(lambda: len(board.looks) > looks + 2)
        board.away = False
        board.change("a", JobState.DONE)
        assert await listening == [1, 2]

    asyncio.run(check())


@pytest.mark.parametrize("end", ["removed", "closed"])
def test_it_ends_with_the_job_or_the_service(end: str) -> None:
    async def check() -> None:
        board, heard = Board("a"), list[int | None]()
        follower = JobFollower(board.read, interval_s=FAST_S)
        listening = asyncio.create_task(listen(follower, "a", heard))
        await until(lambda: len(board.looks) > 1)
        if end == "removed":
            board.jobs.clear()
        else:
            follower.close()
        async with asyncio.timeout(5):
            assert await listening == [1]

    asyncio.run(check())


def test_silence_is_told_of_where_it_is_asked_for() -> None:
    async def check() -> None:
        board = Board("a")
        changes = JobFollower(board.read, interval_s=FAST_S).follow("a", heartbeat_s=FAST_S * 3)
        assert [await anext(changes) for _ in range(3)] == [board.jobs["a"], None, None]
        await changes.aclose()

    asyncio.run(check())


def test_a_job_that_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="'b'"):
        asyncio.run(listen(JobFollower(Board("a").read), "b"))


def client_of(board: Board, listeners: int = 5) -> TestClient:
    follower = JobFollower(board.read, interval_s=FAST_S, listeners=listeners)
    app = Starlette(routes=job_routes(follower), exception_handlers={CellkinError: refuse})
    return TestClient(app)


def test_events_of_a_job_that_has_ended() -> None:
    board = Board("a")
    board.change("a", JobState.DONE, 7)
    client = client_of(board)
    answer = client.get("/jobs/a/events")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    retry, event = answer.text.strip().split("\n\n")
    assert retry == "retry: 2000"
    lines = dict(line.split(": ", 1) for line in event.split("\n"))
    assert (lines["id"], lines["event"]) == ("2", "job")
    assert json.loads(lines["data"]) == {
        "id": "a",
        "kind": "TRACK",
        "state": "DONE",
        "cancelling": False,
        "progress": {"step": "Linking", "done": 7, "total": 7},
        "attempts": 0,
        "error": None,
        "notes": [],
        "trackings": ["t1"],
    }
    assert client.get("/jobs/a/events", headers={"last-event-id": "2"}).status_code == 204
    assert client.get("/jobs/a/events", headers={"last-event-id": "1"}).status_code == 200


def test_events_of_no_job_and_for_too_many() -> None:
    answer = client_of(Board()).get("/jobs/a/events")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    answer = client_of(Board("a"), listeners=0).get("/jobs/a/events")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "TOO_MANY_LISTENERS")
