"""The service around GraphQL: pages from the package, addresses, headers, and requests that are none."""

import hashlib
import re
from pathlib import Path

import pytest

from api.app import STATIC
from api.limits import Limits
from graph.records import TrackingRecord
from graph.store import LineageStore
from ingest.errors import StoreError
from tests import lineages
from tests.api.service import Service, put, service_of

pytestmark = pytest.mark.neo4j

PAGES = ("/", "/graphql")


@pytest.fixture
def service(store: LineageStore, tmp_path: Path) -> Service:
    return service_of(store, tmp_path)


@pytest.fixture
def tracking(store: LineageStore) -> TrackingRecord:
    return put(store, lineages.division())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_and_all_that_it_loads_come_from_the_service(service: Service, path: str) -> None:
    page = service.client.get(path, headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(loaded) >= 3
    for address in loaded:
        assert service.client.get(address).status_code == 200, address


@pytest.mark.parametrize(
    "name", ["index.html", "graphiql.html", "home.js", "graphiql.js", "home.css", "graphiql.css"]
)
def test_no_page_names_another_host(name: str) -> None:
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", (STATIC / name).read_text()) == []


def test_the_vendored_files_are_the_packages_own() -> None:
    sums = (STATIC / "vendor/SHA256SUMS").read_text().split()
    assert len(sums) == 12
    for digest, name in zip(sums[::2], sums[1::2], strict=True):
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize(
    "path", [*PAGES, "/healthz", "/static/home.js", "/nowhere", "/trackings/t0/timeseries.csv"]
)
def test_every_answer_has_the_security_headers(service: Service, path: str) -> None:
    headers = service.client.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


def test_the_service_says_that_it_runs(service: Service) -> None:
    assert service.client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:8000", 200), ("evil.example", 400), ("", 400)],
)
def test_only_its_own_names_are_answered(service: Service, host: str, status: int) -> None:
    assert service.client.get("/healthz", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/vendor/../../app.py"]
)
def test_static_files_are_only_those_of_their_folder(service: Service, path: str) -> None:
    assert service.client.get(path).status_code == 404


def test_a_query_in_the_address_opens_graphiql_and_runs_nothing(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "movies", pytest.fail)
    page = service.client.get("/graphql", params={"query": "{ movies { id } }"})
    assert page.status_code == 200
    assert "graphiql.min.js" in page.text


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


@pytest.mark.parametrize("path", ["/trackings/t0/timeseries.parquet", "/trackings/..%2Ft/timeseries.csv"])
def test_a_table_that_is_not_there_is_said_so(service: Service, path: str) -> None:
    answer = service.client.get(path)
    assert answer.status_code == 404
    if answer.headers["content-type"] == "application/json":
        assert answer.json()["error"]["code"] == "NOT_FOUND"
        assert answer.json()["error"]["remedy"]


def test_a_table_of_another_form_is_not_there(service: Service, tracking: TrackingRecord) -> None:
    answer = service.client.get(f"/trackings/{tracking.id}/timeseries.xlsx")
    assert answer.status_code == 404
    assert ".parquet or .csv" in answer.text


def test_a_table_without_a_database_is_for_later(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(tracking: str) -> None:
        raise StoreError("no Neo4j answers", place="bolt://localhost", remedy="start it")

    monkeypatch.setattr(store, "tracking", gone)
    answer = service.client.get("/trackings/t1/timeseries.csv")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["error"]["problem"] == "no Neo4j answers"


def test_a_fault_in_a_table_shows_no_traceback(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tracking: str) -> None:
        raise KeyError("/home/someone/secret")

    monkeypatch.setattr(store, "tracking", broken)
    answer = service.client.get("/trackings/t1/timeseries.csv")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_each_application_is_its_own(store: LineageStore, tmp_path: Path) -> None:
    one, other = (
        service_of(store, tmp_path / name, Limits(body=size)) for name, size in (("a", 30), ("b", 4000))
    )
    query = {"query": "{ movies { id name } }"}
    statuses = [s.client.post("/graphql", json=query).status_code for s in (one, other, one)]
    assert statuses == [413, 200, 413]
