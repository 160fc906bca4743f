"""Jobs the whole way, against the service as it is run: followed, cancelled, killed and made good."""

import asyncio
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
import tifffile
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from graph.server import ServerAddress
from graph.store import LineageStore
from ingest.formats.ctc import write_ground_truth
from ingest.formats.ome_tiff import write_movie
from ingest.simulate import SimulatedMovie
from tests.api.jobs_service import LiveService, live_service, until

pytestmark = pytest.mark.neo4j

LINEAGE = """query($id: ID!) { tracking(id: $id) { counts { tracks divisions }
             tracks(first: 1) { nodes { lineage { tracks { label parentId begin end } } } } } }"""


@pytest.fixture(scope="module")
def movie(dividing: SimulatedMovie, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_movie(dividing.movie, tmp_path_factory.mktemp("movie") / "movie.ome.tif").read_bytes()


@pytest.fixture(scope="module")
def long_movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A movie that takes many seconds."""
    return crowded(100, tmp_path_factory.mktemp("long"), rows=8)


@pytest.fixture(scope="module")
def slow_movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A movie that takes seconds, for jobs that are awaited in the end."""
    return crowded(3, tmp_path_factory.mktemp("slow"), rows=8)


def crowded(frames: int, folder: Path, rows: int = 23) -> bytes:
    """Large frames, each of 30 round cells a row."""
    y, x = np.mgrid[:30, :30] - 14.5
    cells = np.tile(np.where(np.hypot(y, x) < 9, 400, 100), (rows, 30))  # (690, 900) of 23 rows
    frame = np.random.default_rng(3).poisson(cells).astype(np.uint16)
    path = folder / "crowded.tif"
    stack = np.stack([np.roll(frame, t, axis=0) for t in range(frames)])
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX"})
    return path.read_bytes()


@pytest.fixture(scope="module")
def running(neo4j_server: ServerAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    with live_service(tmp_path_factory.mktemp("service") / "data", neo4j_server) as service:
        yield service


@pytest.fixture
def service(store: LineageStore, running: LiveService) -> LiveService:
    """The service, which knows of nothing; started again where a test ended it."""
    running.renew()
    return running


def zipped(path: Path, folder: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder.parent))
    return path.read_bytes()


async def told_by_websocket(service: LiveService, job: str) -> list[str]:
    """The states that a subscription tells of."""
    transport = WebsocketsTransport(
        url=service.address.replace("http", "ws") + "/graphql",
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    query = gql("subscription($id: ID!) { jobProgress(id: $id) { state trackings { id } } }")
    query.variable_values = {"id": job}
    async with Client(transport=transport) as session:
        return [told["jobProgress"]["state"] async for told in session.subscribe(query)]


def test_a_movie_becomes_lineages_and_everybody_is_told(
    service: LiveService, movie: bytes, dividing: SimulatedMovie, tmp_path: Path
) -> None:
    service.send("movie.ome.tif", movie)
    job = service.track("movie.ome.tif", tracker="LEARNED")
    events = list(service.events(job))
    assert events[0]["state"] in ("QUEUED", "RUNNING")
    assert events[-1]["state"] == "DONE"
    steps = {event["progress"]["step"] for event in events if event["progress"]}
    assert steps & {"Segmenting", "Measuring", "Looking", "Storing label images", "Writing tracks"}
    (tracking,) = events[-1]["trackings"]
    answer = service.ask(LINEAGE, id=tracking)["tracking"]
    assert answer["counts"]["divisions"] > 5
    assert answer["tracks"]["nodes"][0]["lineage"]["tracks"][0]["parentId"] is None
    assert asyncio.run(told_by_websocket(service, job)) == ["DONE"]

    write_ground_truth(dividing.graph, dividing.labels, tmp_path / "01_GT")
    service.send("truth.zip", zipped(tmp_path / "truth.zip", tmp_path / "01_GT"))
    mutation = (
        'mutation { ingest(upload: "movie.ome.tif", tracking: "truth.zip", author: "simulation") { id } }'
    )
    ingest = service.ask(mutation)["ingest"]["id"]
    states = asyncio.run(told_by_websocket(service, ingest))
    assert (states[-1], set(states) - {"QUEUED", "RUNNING", "DONE"}) == ("DONE", set())
    truth = service.job(ingest)["trackings"][0]
    assert truth["movie"]["name"] == "movie"
    assert truth["counts"]["tracks"] == len(dividing.graph.tracks)
    scored = "mutation($c: ID!, $r: ID!) { storeScore(computed: $c, reference: $r) { TRA } }"
    assert service.ask(scored, c=tracking, r=truth["id"])["storeScore"]["TRA"] > 0.9
    assert service.stop() in (0, 130)
    assert "Traceback" not in service.log()


def test_the_same_movie_twice_is_one_tracking_and_a_bad_one_is_told_of(
    service: LiveService, movie: bytes, stack: bytes
) -> None:
    service.send("movie.tif", movie)
    service.send("copy.tif", movie)
    service.send("stack.tif", stack)
    jobs = [service.track(upload) for upload in ("movie.tif", "copy.tif", "stack.tif")]
    done = [service.await_state(job, "DONE", "FAILED") for job in jobs]
    assert done[0]["trackings"] == done[1]["trackings"]
    assert [job["state"] for job in done] == ["DONE", "DONE", "FAILED"]
    error = done[2]["error"]
    assert (error["code"], error["place"]) == ("BAD_INPUT", "stack.tif")
    assert "axis of length 3" in error["problem"]
    assert httpx2.delete(f"{service.address}/uploads/movie.tif").status_code == 204


def test_one_that_runs_and_one_that_waits_are_cancelled(service: LiveService, long_movie: bytes) -> None:
    service.send("long", long_movie)
    jobs = [service.track("long") for _ in range(2)]
    process = service.job_process()
    until(lambda: (service.job(jobs[0])["progress"] or {}).get("step") == "Segmenting")
    refused = httpx2.delete(f"{service.address}/uploads/long")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
    cancel = "mutation($id: ID!) { cancelJob(id: $id) { state cancelling } }"
    assert service.ask(cancel, id=jobs[1])["cancelJob"] == {"state": "CANCELLED", "cancelling": False}
    assert service.ask(cancel, id=jobs[0])["cancelJob"] == {"state": "RUNNING", "cancelling": True}
    assert service.await_state(jobs[0], "CANCELLED", "DONE", "FAILED")["state"] == "CANCELLED"
    assert not process.is_running()
    assert list((service.folder / "work").glob("*")) == []
    assert service.ask("{ movies { id } }") == {"movies": []}


@pytest.mark.parametrize("victim", ["job", "worker"])
def test_a_killed_process_is_made_good_once(service: LiveService, long_movie: bytes, victim: str) -> None:
    service.send("long", long_movie)
    job = service.track("long")
    for attempt in (1, 2):
        until(lambda: service.job(job)["attempts"] == attempt)  # noqa: B023 - awaited at once
        doomed = [service.job_process()]
        if victim == "worker":
            doomed.insert(0, service.worker())
        doomed[0].kill()
        for process in doomed:
            process.wait(60)
    failed = service.await_state(job, "FAILED", "DONE")
    assert (failed["error"]["code"], failed["attempts"], failed["trackings"]) == ("WORKER_LOST", 2, [])


def test_jobs_survive_a_killed_service(service: LiveService, movie: bytes, slow_movie: bytes) -> None:
    service.send("movie", movie)
    service.send("slow", slow_movie)
    jobs = [service.track("slow"), service.track("movie")]
    service.job_process()
    service.kill()
    service.start_again()
    assert service.await_state(jobs[1], "DONE", "FAILED")["state"] == "DONE"
    ended = service.await_state(jobs[0], "DONE", "FAILED")
    assert (ended["state"], ended["attempts"]) == ("DONE", 1)  # its worker had handed it back


def test_ctrl_c_hands_a_job_back_and_ends_those_who_listen(service: LiveService, slow_movie: bytes) -> None:
    service.send("slow", slow_movie)
    job = service.track("slow")
    process, events = service.job_process(), service.events(job)
    next(events)
    assert service.stop() in (0, 130)
    assert [event["state"] for event in events][-1:] in ([], ["RUNNING"])
    assert not process.is_running()
    assert "Traceback" not in service.log()
    service.start_again()
    assert service.await_state(job, "DONE", "FAILED")["attempts"] == 1


def test_the_queue_is_bounded_and_says_when_to_come_again(
    running: LiveService, store: LineageStore, neo4j_server: ServerAddress, tmp_path: Path, stack: bytes
) -> None:
    running.end()  # whose worker would take them
    with live_service(tmp_path / "data", neo4j_server, queue=2, workers=0) as service:
        service.send("stack", stack)
        for _ in range(2):
            service.track("stack")
        query = 'mutation { track(upload: "stack") { id } }'
        (error,) = httpx2.post(f"{service.address}/graphql", json={"query": query}).json()["errors"]
        assert error["extensions"]["code"] == "QUEUE_FULL"
        assert error["extensions"]["retryAfter"] == 60
        assert {job["state"] for job in service.ask("{ jobs { nodes { state } } }")["jobs"]["nodes"]} == {
            "QUEUED"
        }
