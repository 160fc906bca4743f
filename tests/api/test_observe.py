"""What the service says of itself: ids, a line a request, counts; and what it never says."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.logs import NAME, configure
from api.settings import LogFormat
from graph.records import TrackingRecord
from graph.store import LineageStore
from graph.tokens import Scope
from ingest.errors import StoreError
from tests.api.service import Service, service_of

pytestmark = pytest.mark.neo4j


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [r.msg for r in caplog.records if r.name == NAME and isinstance(r.msg, dict)]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, NAME):
        yield caplog


def test_a_request_is_one_line_with_its_id(
    service: Service, tracking: TrackingRecord, logged: pytest.LogCaptureFixture
) -> None:
    query = {"query": "query Names($secret: String) { movies { name } }", "variables": {"secret": "sesame"}}
    answer = service.client.post("/graphql", json=query, headers={"x-request-id": "run-7.b"})
    assert answer.headers["x-request-id"] == "run-7.b"
    service.client.get(f"/trackings/{tracking.id}/timeseries.csv?name=hidden")
    one, other = events(logged)
    assert (one["request_id"], one["method"], one["route"], one["status"]) == (
        "run-7.b",
        "POST",
        "/graphql",
        200,
    )
    assert (one["operation"], one["caller"], one["cost"]) == ("query Names", "local", 21 + 20 - 1)
    assert len(one["query"]) == 12
    assert 0 < one["ms"] < 60_000
    assert other["route"] == "/trackings/{tracking}/{kind}.{form}"
    assert other["path"] == f"/trackings/{tracking.id}/timeseries.csv"
    assert re.search("sesame|hidden|movies", logged.text) is None


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "a\tb", '"><script>'])
def test_an_id_that_is_none_is_replaced(service: Service, given: str) -> None:
    headers = [(b"x-request-id", given.encode())]
    found = service.client.get("/healthz", headers=headers).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", found)


def test_tokens_are_logged_by_name_and_never_whole(
    store: LineageStore, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    service = service_of(store, tmp_path, auth="required")
    record, secret = store.tokens.create(Scope.READ, name="notebook")
    headers = {"authorization": f"Bearer {secret}"}
    service.client.post("/graphql", json={"query": "{ movies { id } }"}, headers=headers)
    service.client.get("/trackings/t0/timeseries.csv?token=abc.def")
    one, other = events(logged)
    assert one["caller"] == f"notebook ({record.id})"
    assert (other["caller"], other["status"], other["errors"]) == (None, 401, "UNAUTHENTICATED")
    assert other["route"] == "/trackings/{tracking}/{kind}.{form}"
    assert secret[16:] not in logged.text
    assert "abc.def" not in logged.text


def test_a_fault_is_logged_with_its_traceback_and_told_without(
    store: LineageStore,
    service: Service,
    logged: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("/home/someone/secret")

    monkeypatch.setattr(store, "tracking", broken)
    answer = service.client.get("/trackings/t1/timeseries.csv")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "INTERNAL_ERROR"
    assert answer.headers["x-content-type-options"] == "nosniff"
    fault, request = events(logged)
    assert fault["event"] == "fault"
    assert fault["request_id"] == request["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text


def test_probes_are_logged_only_when_they_fail(
    store: LineageStore,
    service: Service,
    logged: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert service.client.get(path).status_code == 200
    assert events(logged) == []


def test_the_log_as_json_is_an_object_a_line(
    service: Service, store: LineageStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {name: logging.getLogger(name) for name in (NAME, "uvicorn", "uvicorn.error", "strawberry")}
    before = {name: (log.handlers, log.propagate, log.level) for name, log in kept.items()}
    try:
        configure(LogFormat.JSON)
        monkeypatch.setattr(store, "tracking", lambda _: 1 / 0)
        service.client.get("/trackings/t1/timeseries.csv", headers={"x-request-id": "r1"})
        logging.getLogger("uvicorn.error").warning("from a %s", "library")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        configure(LogFormat.CONSOLE)
        service.client.get("/nowhere%0Aforged")
        shown = capsys.readouterr().err
    finally:
        for name, (handlers, propagate, level) in before.items():
            kept[name].handlers, kept[name].propagate = handlers, propagate
            kept[name].setLevel(level)
    assert [line["event"] for line in lines] == ["fault", "request", "from a library"]
    assert "ZeroDivisionError" in lines[0]["exception"]
    assert lines[1]["level"] == "error"
    assert len(shown.splitlines()) == 1
    assert "status=404" in shown


def test_the_metrics_count_what_happened(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch, tracking: TrackingRecord
) -> None:
    service.data("{ movies { id } }")
    service.error("{ moovies { id } }")
    for form in ("csv", "csv", "parquet"):
        service.client.get(f"/trackings/{tracking.id}/timeseries.{form}")
    service.client.get("/wp-login.php")
    service.client.request("BREW", "/")

    def gone() -> None:
        raise StoreError("no Neo4j answers")

    monkeypatch.setattr(store, "movies", gone)
    service.error("{ movies { id } }")
    text = service.client.get("/metrics").text
    table = 'method="GET",route="/trackings/{tracking}/{kind}.{form}",status="200"'
    for expected in (
        'cellkin_requests_total{method="POST",route="/graphql",status="200"} 2.0',
        'cellkin_requests_total{method="POST",route="/graphql",status="503"} 1.0',
        f"cellkin_requests_total{{{table}}} 3.0",
        'cellkin_requests_total{method="GET",route="(none)",status="404"} 1.0',
        'cellkin_requests_total{method="OTHER",route="/",status="405"} 1.0',
        'cellkin_errors_total{code="STORE_UNAVAILABLE"} 1.0',
        'cellkin_errors_total{code="INVALID_QUERY"} 1.0',
        'cellkin_request_seconds_count{route="/graphql"} 3.0',
        "cellkin_requests_in_flight 1.0",
        "cellkin_store_transactions 0.0",
        "cellkin_graphql_cost_count 3.0",
    ):
        assert expected in text, expected


def test_each_application_counts_for_itself(store: LineageStore, tmp_path: Path) -> None:
    one, other = service_of(store, tmp_path), service_of(store, tmp_path)
    one.client.get("/healthz")
    assert 'route="/healthz"' in one.client.get("/metrics").text
    assert 'route="/healthz"' not in other.client.get("/metrics").text
