"""Jobs in GraphQL: handed in, listed, changed, refused; subscriptions in their protocol."""

import json
from typing import Any

import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from graph.job_records import JobProgress, JobState
from graph.lease import new_writer
from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put

pytestmark = pytest.mark.neo4j

JOB = """id kind state cancelling arguments uploads attempts notes
         progress { step done total } error { code remedy }"""
PROTOCOL = "graphql-transport-ws"


@pytest.fixture
def sent(service: Service, stack: bytes) -> Service:
    """A service that has the uploads `stack.tif` and `masks.zip`."""
    for name in ("stack.tif", "masks.zip"):
        assert service.client.put(f"/uploads/{name}", content=stack).status_code == 201
    return service


def handed_in(service: Service) -> str:
    job: str = service.data('mutation { track(upload: "stack.tif") { id } }')["track"]["id"]
    return job


def test_a_job_is_handed_in_as_it_was_asked_for(sent: Service) -> None:
    asked = f"""mutation {{ track(upload: "stack.tif", labels: "masks.zip", name: "a movie", axes: "TYX",
      pixelSize: 0.65, minutesPerFrame: 7.5, channel: "GFP", tracker: LEARNED,
      decision: ASSIGNMENT) {{ {JOB} }} }}"""
    job = sent.data(asked)["track"]
    assert (job["kind"], job["state"], job["uploads"]) == ("TRACK", "QUEUED", ["stack.tif", "masks.zip"])
    assert job["arguments"] == {
        "upload": "stack.tif",
        "labels": "masks.zip",
        "name": "a movie",
        "axes": "TYX",
        "pixel_size": 0.65,
        "minutes_per_frame": 7.5,
        "channel": "GFP",
        "tracker": "learned",
        "decision": "assignment",
    }
    assert sent.data(f"query($id: ID!) {{ job(id: $id) {{ {JOB} }} }}", id=job["id"])["job"] == job
    asked = 'mutation { track(upload: "stack.tif", diameter: 12, force: true) { arguments } }'
    assert sent.data(asked)["track"]["arguments"] == {
        "upload": "stack.tif",
        "tracker": "learned",
        "decision": "joint",
        "diameter": 12,
        "force": True,
    }
    asked = """mutation { ingest(upload: "stack.tif", tracking: "masks.zip", kind: CURATED, author: "A. C.") {
      arguments } }"""
    assert sent.data(asked)["ingest"]["arguments"] == {
        "upload": "stack.tif",
        "tracking": "masks.zip",
        "kind": "CURATED",
        "author": "A. C.",
    }


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ('track(upload: "nothing") { id }', "NOT_FOUND"),
        ('track(upload: "../stack.tif") { id }', "BAD_INPUT"),
        ('track(upload: "stack.tif", labels: "nothing") { id }', "NOT_FOUND"),
        ('track(upload: "begun") { id }', "CONFLICT"),
        ('track(upload: "stack.tif", tracker: LAP, decision: ASSIGNMENT) { id }', "BAD_INPUT"),
        ('track(upload: "stack.tif", pixelSize: 0) { id }', "BAD_INPUT"),
        ('ingest(upload: "stack.tif", kind: CURATED, curatedFrom: "t1") { id }', "NOT_FOUND"),
        ('ingest(upload: "stack.tif", curatedFrom: "t1") { id }', "BAD_INPUT"),
        ('track(upload: "stack.tif", minutesPerFrame: -1) { id }', "BAD_INPUT"),
        ('track(upload: "stack.tif", diameter: -3) { id }', "BAD_INPUT"),
        (f'ingest(upload: "stack.tif", author: "{"x" * 300}") {{ id }}', "BAD_INPUT"),
        ('cancelJob(id: "j0") { id }', "NOT_FOUND"),
        ('retryJob(id: "j0") { id }', "NOT_FOUND"),
        ('deleteJob(id: "j0")', "NOT_FOUND"),
        ('deleteTracking(id: "t0")', "NOT_FOUND"),
        ('deleteMovie(id: "m0")', "NOT_FOUND"),
    ],
)
def test_what_cannot_be_is_refused_at_once(sent: Service, field: str, code: str) -> None:
    headers = {"content-range": "bytes 0-1/900"}
    assert sent.client.put("/uploads/begun", content=b"II", headers=headers).status_code == 202
    error = sent.error(f"mutation {{ {field} }}")
    assert error["extensions"]["code"] == code
    assert error["extensions"]["remedy"]
    assert sent.data("{ jobs { nodes { id } } }")["jobs"]["nodes"] == []


def test_pages_of_jobs_by_state(sent: Service) -> None:
    ids = [handed_in(sent) for _ in range(5)]
    sent.data("mutation($id: ID!) { cancelJob(id: $id) { state } }", id=ids[2])
    query = """query($after: String, $states: [JobState!]) { jobs(first: 2, after: $after, states: $states) {
               nodes { id } edges { cursor } pageInfo { hasNextPage endCursor } } }"""
    seen: list[str] = []
    page: dict[str, Any] = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
    while page["pageInfo"]["hasNextPage"]:
        page = sent.data(query, after=page["pageInfo"]["endCursor"], states=["QUEUED"])["jobs"]
        assert page["edges"][-1]["cursor"] == page["pageInfo"]["endCursor"]
        seen += [node["id"] for node in page["nodes"]]
    assert seen == [ids[4], ids[3], ids[1], ids[0]]
    assert sent.error("{ jobs(first: 0) { nodes { id } } }")["extensions"]["code"] == "BAD_INPUT"


def test_cancelled_tried_again_and_deleted(sent: Service) -> None:
    job = handed_in(sent)
    states = []
    for change in ("cancelJob", "retryJob", "cancelJob"):
        answer = sent.data(f"mutation($id: ID!) {{ {change}(id: $id) {{ state }} }}", id=job)
        states.append(answer[change]["state"])
    assert states == ["CANCELLED", "QUEUED", "CANCELLED"]
    assert sent.client.delete("/uploads/stack.tif").status_code == 204
    again = sent.error("mutation($id: ID!) { retryJob(id: $id) { state } }", id=job)
    assert again["extensions"]["code"] == "NOT_FOUND"  # its upload is gone
    assert sent.data("mutation($id: ID!) { deleteJob(id: $id) }", id=job) == {"deleteJob": job}
    assert sent.error("query($id: ID!) { job(id: $id) { id } }", id=job)["extensions"]["code"] == "NOT_FOUND"


def test_trackings_and_movies_are_deleted(
    service: Service, store: LineageStore, tracking: TrackingRecord
) -> None:
    other = put(store, lineages.generations(), author="viterbi")
    deleted = service.data("mutation($id: ID!) { deleteTracking(id: $id) }", id=tracking.id)
    assert deleted == {"deleteTracking": tracking.id}
    assert [t["id"] for t in service.data("{ trackings { id } }")["trackings"]] == [other.id]
    service.data("mutation($id: ID!) { deleteMovie(id: $id) }", id=tracking.movie_id)
    assert service.data("{ movies { id } trackings { id } }") == {"movies": [], "trackings": []}


def test_the_trackings_of_a_job_are_those_that_are_there(
    sent: Service, store: LineageStore, tracking: TrackingRecord
) -> None:
    job, queue = handed_in(sent), store.job_queue(new_writer())
    queue.claim()
    queue.report(job, JobProgress("Linking", 2, 3))
    queue.keep(job, results=["t0", tracking.id])
    query = "query($id: ID!) { job(id: $id) { state progress { step done total } trackings { id } } }"
    assert sent.data(query, id=job)["job"] == {
        "state": "RUNNING",
        "progress": {"step": "Linking", "done": 2, "total": 3},
        "trackings": [{"id": tracking.id}],
    }


def connected(service: Service, **how: Any) -> WebSocketTestSession:
    return service.client.websocket_connect("ws://localhost/graphql", subprotocols=[PROTOCOL], **how)


def subscribe(socket: WebSocketTestSession, query: str, **variables: Any) -> None:
    socket.send_json({"type": "connection_init"})
    assert socket.receive_json() == {"type": "connection_ack"}
    socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}})


DEEP = f'subscription {{ jobProgress(id: "j0") {{ {"trackings { movie { " * 15} id {"} }" * 15} }} }}'
PROGRESS = "subscription($id: ID!) { jobProgress(id: $id) { state trackings { id } } }"


def test_a_subscription_tells_of_each_change(sent: Service, store: LineageStore) -> None:
    job, queue = handed_in(sent), store.job_queue(new_writer())
    with connected(sent) as socket:
        subscribe(socket, PROGRESS, id=job)
        states = []
        for change in (queue.claim, lambda: queue.end(job, JobState.DONE), None):
            told = socket.receive_json()
            states.append(told["payload"]["data"]["jobProgress"]["state"])
            if change is not None:
                change()
        assert states == ["QUEUED", "RUNNING", "DONE"]
        assert socket.receive_json() == {"id": "1", "type": "complete"}


def test_errors_of_a_subscription_have_codes(sent: Service) -> None:
    for query, code in (
        (PROGRESS, "NOT_FOUND"),
        ("subscription { jobProgress { state } }", "INVALID_QUERY"),
        (DEEP, "LIMIT_EXCEEDED"),
    ):
        with connected(sent) as socket:
            subscribe(socket, query, id="j0")
            told = socket.receive_json()
            errors = told["payload"] if told["type"] == "error" else told["payload"]["errors"]
            assert errors[0]["extensions"]["code"] == code


@pytest.mark.parametrize("query", ["{ movies { id } }", 'mutation { deleteMovie(id: "m0") }'])
def test_nothing_but_subscriptions_goes_over_a_websocket(sent: Service, query: str) -> None:
    with connected(sent) as socket:
        subscribe(socket, query)
        told = socket.receive_json()
        assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "INVALID_QUERY")


def test_a_subscription_by_post_is_told_where_to_go(sent: Service) -> None:
    error = sent.error(PROGRESS, id=handed_in(sent))["extensions"]
    assert error["code"] == "INVALID_QUERY"
    assert "graphql-transport-ws" in error["remedy"]


@pytest.mark.parametrize(
    ("name", "value"), [("pixelSize", "-1"), ("minutesPerFrame", "0"), ("diameter", "-3")]
)
def test_a_number_that_cannot_be_is_named(sent: Service, name: str, value: str) -> None:
    error = sent.error(f'mutation {{ track(upload: "stack.tif", {name}: {value}) {{ id }} }}')["extensions"]
    assert (error["place"], float(error["problem"].split()[0])) == (name, float(value))
    assert name in error["remedy"]


def test_diameter_and_labels_do_not_go_together(sent: Service) -> None:
    asked = 'mutation { track(upload: "stack.tif", labels: "masks.zip", diameter: 9) { id } }'
    error = sent.error(asked)["extensions"]
    assert (error["code"], error["place"]) == ("BAD_INPUT", "diameter")
    assert "labels" in error["remedy"]


def test_a_job_that_waits_needs_no_second_try(sent: Service) -> None:
    error = sent.error("mutation($id: ID!) { retryJob(id: $id) { id } }", id=handed_in(sent))["extensions"]
    assert (error["code"], error["problem"]) == ("CONFLICT", "it is QUEUED")
    assert "cancel" in error["remedy"]


def ended(socket: WebSocketTestSession) -> int:
    with pytest.raises(WebSocketDisconnect) as caught:
        socket.receive_json()
    return caught.value.code


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "[" * 100_000,
        '{"type": 5}',
        '{"type": "subscribe", "id": "1", "payload": "x"}',
        '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ a }"}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": 5}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "complete", "id": {}}',
        json.dumps({"type": "connection_init", "payload": "9"}),
        "9" * 6000,
    ],
)
def test_messages_of_another_form_end_the_connection(sent: Service, text: str) -> None:
    with connected(sent) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
        socket.send_text(text)
        assert ended(socket) in (4400, 4429)


def test_a_page_elsewhere_gets_no_connection(sent: Service) -> None:
    with pytest.raises(WebSocketDisconnect), connected(sent, headers={"origin": "https://evil.example"}):
        pass
    with connected(sent, headers={"origin": "http://localhost"}) as socket:
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}


def test_only_the_one_protocol_is_spoken(sent: Service) -> None:
    with sent.client.websocket_connect("ws://localhost/graphql", subprotocols=["graphql-ws"]) as socket:
        assert ended(socket) == 4406
