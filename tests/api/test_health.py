"""Whether the service lives, and whether it can answer."""

import threading
import time

import pytest

from api import health
from graph.store import LineageStore
from ingest.errors import StoreError
from tests.api.service import Service

pytestmark = pytest.mark.neo4j


def test_it_is_ready_when_the_database_answers(service: Service) -> None:
    assert service.client.get("/readyz").json() == {"status": "ready"}


def test_it_is_not_ready_with_another_schema(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.schema.SCHEMA_VERSION", 77)
    answer = service.client.get("/readyz")
    assert answer.status_code == 503
    assert "this cellkin knows 77" in answer.json()["error"]["problem"]


def test_it_is_not_ready_without_a_database_and_is_again_with_it(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "REMEMBERED_S", 0.0)

    def gone() -> None:
        raise StoreError("no Neo4j answers", remedy="start it")

    with monkeypatch.context() as patched:
        patched.setattr(store, "require_ready", gone)
        answer = service.client.get("/readyz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["error"]["problem"] == "no Neo4j answers"
        assert service.client.get("/healthz").status_code == 200
    assert service.client.get("/readyz").status_code == 200


def test_a_database_that_is_silent_is_not_waited_for(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = threading.Event()
    monkeypatch.setattr(health, "READY_S", 0.3)
    monkeypatch.setattr(store, "require_ready", lambda: silence.wait(20))
    begun = time.monotonic()
    answer = service.client.get("/readyz")
    silence.set()
    assert time.monotonic() - begun < 5
    assert answer.status_code == 503
    assert "does not answer within 0.3 s" in answer.text
