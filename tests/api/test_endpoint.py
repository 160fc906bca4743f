"""GraphQL over HTTP: errors with codes, and requests that are none."""

import logging
import re
from pathlib import Path

import pytest

from api.limits import Limits
from graph.records import TrackingRecord
from graph.store import LineageStore
from ingest.errors import StoreError
from tests.api.service import Service, service_of
from tests.api.test_observe import events

pytestmark = pytest.mark.neo4j


@pytest.mark.parametrize(
    "query",
    [
        '{ movie(id: "m0") { id } }',
        '{ tracking(id: "../t0") { id } }',
        '{ track(id: "4294967296") { id } }',
        '{ track(id: "seven") { id } }',
        '{ track(id: "٣") { id } }',
        '{ track(id: "99999999999999999999") { id } }',
        '{ lineage(track: "1") { founder { id } } }',
        '{ timeSeries(track: "-1") { frame } }',
    ],
)
def test_what_is_not_there_is_said_so(service: Service, query: str) -> None:
    error = service.error(query)
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["extensions"]["remedy"]
    assert len(error["path"]) == 1


def test_a_label_that_is_not_there_leaves_the_rest_of_the_answer(
    service: Service, tracking: TrackingRecord
) -> None:
    answer = service.answer(
        "query($t: ID!) { tracking(id: $t) { id track(label: 6) { id } } }", t=tracking.id
    )
    assert answer["data"] == {"tracking": {"id": tracking.id, "track": None}}
    assert answer["errors"][0]["extensions"]["problem"] == "no track has label 6"


def test_a_query_beyond_the_limits_gets_a_code(service: Service) -> None:
    deep = "{ track(id: 1) " + "{ parent " * 30 + "{ id }" + " }" * 30 + " }"
    assert service.error(deep)["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("query", ["{", "{ moovies { id } }", "query($n: Int!) { movies { id } }", ""])
def test_an_invalid_query_is_explained(service: Service, query: str) -> None:
    if not query:
        response = service.client.post("/graphql", json={"query": query})
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        return
    for error in service.answer(query)["errors"]:
        assert error["extensions"] == {"code": "INVALID_QUERY"}
        assert re.search(r"Syntax Error|moovies|\$n", error["message"])


def test_a_fault_inside_is_logged_and_not_told(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise KeyError("MATCH (secret) of /home/someone")

    monkeypatch.setattr(store, "movies", broken)
    with caplog.at_level(logging.INFO):
        answer = service.answer("{ movies { id } }" + " " * 2000)
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR"}
    assert "secret" not in str(answer)
    (fault,) = [event for event in events(caplog) if event["event"] == "fault"]
    assert "secret" in str(fault["exc_info"])
    assert fault["path"] == "movies"
    assert "{ movies" not in caplog.text.replace("broken", "")


def test_what_the_user_can_mend_is_told_and_not_logged_as_a_fault(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> None:
        raise StoreError("no Neo4j answers", place="bolt://localhost:7687", remedy="start it")

    monkeypatch.setattr(store, "movies", gone)
    answer = service.client.post("/graphql", json={"query": "{ movies { id } }"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    (error,) = answer.json()["errors"]
    assert error["message"] == "bolt://localhost:7687: no Neo4j answers; start it"
    assert error["extensions"] == {
        "code": "STORE_UNAVAILABLE",
        "problem": "no Neo4j answers",
        "place": "bolt://localhost:7687",
        "remedy": "start it",
        "retryAfter": 5,
    }
    assert [event for event in events(caplog) if event["event"] == "fault"] == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"query": "\xff"}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b'"{ movies { id } }"', "application/json", 422),
        (b"null", "application/json", 422),
        (b'[{"query": "{ movies { id } }"}]', "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b'{"query": 1}', "application/json", 400),
        (b'{"query": null}', "application/json", 400),
        (b'{"query": "{ movies { id } }", "variables": []}', "application/json", 400),
        (b'{"query": "{ movies { id } }", "operationName": "Nothing"}', "application/json", 400),
        (b'{"query": "{ movies { id } }", "operationName": [1]}', "application/json", 400),
        (b'{"query": "{ movies { id } }", "variables": {"x": NaN}}', "application/json", 422),
        (
            b'{"query": "{ movies { id } }", "variables": {"x": ' + b"9" * 5000 + b"}}",
            "application/json",
            422,
        ),
        (b'{"query": "{ movies { id } }", "variables": {"x": "\\ud800"}}', "application/json", 422),
        (b'{"query": "{ movies { id } }"}', "text/plain", 400),
        (b"query=%7Bmovies%7Bid%7D%7D", "application/x-www-form-urlencoded", 400),
    ],
)
def test_what_is_no_query_is_refused_with_a_code(
    service: Service, body: bytes, content_type: str, status: int
) -> None:
    answer = service.client.post("/graphql", content=body, headers={"content-type": content_type})
    assert answer.status_code == status, answer.text
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(service: Service, method: str) -> None:
    assert service.client.request(method, "/graphql").status_code == 405


def test_a_body_that_is_too_large_is_refused_before_it_is_read(store: LineageStore, tmp_path: Path) -> None:
    service = service_of(store, tmp_path, Limits(body=1000))
    query = {"query": "{ movies { id } }"}
    assert service.client.post("/graphql", json=query).status_code == 200
    assert service.client.post("/graphql", json={**query, "variables": {"x": "y" * 1000}}).status_code == 413


def test_a_query_in_the_address_opens_graphiql_and_runs_nothing(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "movies", pytest.fail)
    page = service.client.get("/graphql", params={"query": "{ movies { id } }"})
    assert page.status_code == 200
    assert "graphiql.min.js" in page.text
