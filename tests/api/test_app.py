"""The service around GraphQL: pages from the package, addresses, headers, and requests that are none."""

import hashlib
import re
from pathlib import Path

import pytest
from starlette.testclient import WebSocketDenialResponse

from api.app import STATIC
from api.limits import Limits
from graph.records import TrackingRecord
from graph.scores.aogm import CHALLENGE_WEIGHTS
from graph.store import LineageStore
from ingest.errors import StoreError
from tests.api.service import Service, service_of

pytestmark = pytest.mark.neo4j

PAGES = ("/", "/graphql")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_and_all_that_it_loads_come_from_the_service(service: Service, path: str) -> None:
    page = service.client.get(path, headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(loaded) >= 3
    for address in loaded:
        assert service.client.get(address).status_code == 200, address


@pytest.mark.parametrize(
    "name", ["index.html", "graphiql.html", "home.js", "graphiql.js", "token.js", "home.css", "graphiql.css"]
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


def test_pages_elsewhere_may_ask_only_where_they_are_named(store: LineageStore, tmp_path: Path) -> None:
    origin = "https://lab.example.org"
    ask = {"origin": origin, "access-control-request-method": "POST"}
    asked = ask | {"access-control-request-headers": "authorization, content-type"}
    closed = service_of(store, tmp_path).client
    assert closed.options("/graphql", headers=asked).status_code == 401
    named = service_of(store, tmp_path, allowed_origins=origin, auth="required").client
    allowed = named.options("/graphql", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in allowed.headers
    answer = named.post("/graphql", json={"query": "{ movies { id } }"}, headers={"origin": origin})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == origin
    other = named.options("/graphql", headers=asked | {"origin": "https://evil.example"})
    assert (other.status_code, other.headers.get("access-control-allow-origin")) == (400, None)


def test_the_service_says_that_it_runs(service: Service) -> None:
    assert service.client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:8000", 200), ("evil.example", 400), ("", 400)],
)
def test_only_its_own_names_are_answered(service: Service, host: str, status: int) -> None:
    answer = service.client.get("/healthz", headers={"host": host})
    assert answer.status_code == status
    if status == 400:
        error = answer.json()["error"]
        assert (error["code"], "CELLKIN_ALLOWED_HOSTS" in error["remedy"]) == ("UNKNOWN_HOST", True)
        assert repr(host) in error["problem"]


def test_a_query_to_another_name_is_refused_as_graphql_refuses(service: Service) -> None:
    query = {"query": "{ movies(first: 1) { nodes { id } } }"}
    answer = service.client.post("/graphql", json=query, headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNKNOWN_HOST"
    with pytest.raises(WebSocketDenialResponse) as refused:
        service.client.websocket_connect("/graphql", headers={"host": "evil.example"}).__enter__()
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/vendor/../../app.py"]
)
def test_static_files_are_only_those_of_their_folder(service: Service, path: str) -> None:
    assert service.client.get(path).status_code == 404


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
    assert ".parquet or .arrow or .csv" in answer.json()["error"]["remedy"]


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


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_like_all_else(
    store: LineageStore, tmp_path: Path, chunked: bool
) -> None:
    service = service_of(store, tmp_path, Limits(body=30))
    content = b'{"query": "{ movies { id name } }"}'
    headers = {"content-type": "application/json"}
    answer = service.client.post("/graphql", content=iter([content]) if chunked else content, headers=headers)
    assert answer.status_code == 413
    (error,) = answer.json()["errors"]
    told = {"code": "TOO_LARGE", "problem": "a body of more than 30 bytes", "place": "/graphql"}
    assert error["extensions"].items() >= told.items()
    assert "PUT /uploads" in error["extensions"]["remedy"]
    elsewhere = service.client.request("GET", "/healthz", content=content)
    assert elsewhere.json()["error"].items() >= {**told, "place": "/healthz"}.items()


def between(name: str, begin: str) -> str:
    """The text in backquotes that follows in a script."""
    found = re.search(re.escape(begin) + " `(.*?)`", (STATIC / name).read_text(), re.DOTALL)
    assert found is not None, begin
    return found[1]


def test_the_start_page_knows_the_usual_weights() -> None:
    found = re.search(r"const WEIGHTS = {(.*?)}", (STATIC / "home.js").read_text())
    assert found is not None
    known = dict(re.findall(r"(\w+): ([\d.]+)", found[1]))
    assert {name: float(weight) for name, weight in known.items()} == CHALLENGE_WEIGHTS


def test_the_examples_of_the_pages_run(service: Service, tracking: TrackingRecord) -> None:
    example = between("home.js", "const lineages = (tracking) =>").replace("${tracking}", tracking.id)
    assert [node["label"] for node in service.data(example)["tracking"]["tracks"]["nodes"]] == [1]
    opened = between("graphiql.js", "const EXAMPLE =")
    assert service.data(opened)["movies"][0]["trackings"][0]["id"] == tracking.id
    commented = re.sub(r"^# ?", "", opened[opened.index("# query Lineage") :], flags=re.MULTILINE)
    lineage = service.data(commented.replace("…", tracking.id))["tracking"]["track"]["lineage"]
    assert lineage["divisions"][0] == {"frame": 0, "mother": {"label": 1}}
