"""Who gets in: with which token, to what, from where."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import parse
from starlette.testclient import TestClient

from api import access
from api.fields import Needs, resolved
from api.limits import measure
from api.settings import Settings
from graph.records import TrackingRecord
from graph.store import LineageStore
from graph.tokens import Scope
from ingest.errors import StoreError
from tests.api.service import Service, service_of

pytestmark = pytest.mark.neo4j

QUERY = {"query": "{ movies { id } }"}
MUTATION = {"query": 'mutation { storeScore(computed: "t0", reference: "t1") { id } }'}
LINK = {"query": '{ signedUrl(path: "/trackings/t1/timeseries.csv") { url } }'}
ADMIN = "a" * 40


@pytest.fixture
def closed(store: LineageStore, tmp_path: Path) -> Service:
    """A service that needs tokens."""
    return service_of(store, tmp_path, auth="required", admin_token=ADMIN)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def code(response: Any) -> str:
    document = response.json()
    error = document["error"] if "error" in document else document["errors"][0]["extensions"]
    found: str = error["code"]
    return found


@pytest.mark.parametrize("path", ["/", "/graphql", "/static/home.js", "/healthz", "/readyz"])
def test_pages_without_data_need_no_token(closed: Service, path: str) -> None:
    assert closed.client.get(path).status_code == 200
    assert closed.client.head(path).status_code == (405 if path == "/graphql" else 200)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/graphql"),
        ("GET", "/trackings/t1/timeseries.csv"),
        ("GET", "/metrics"),
        ("GET", "/nowhere"),
        ("PUT", "/uploads/u1"),
        ("POST", "/static/home.js"),
        ("POST", "/healthz"),
    ],
)
def test_all_else_needs_one(closed: Service, method: str, path: str) -> None:
    answer = closed.client.request(method, path, json=QUERY if path == "/graphql" else None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert code(answer) == "UNAUTHENTICATED"
    assert "cellkin token create" in answer.text


@pytest.mark.parametrize(
    ("scope", "reads", "mutates", "puts"),
    [(Scope.READ, 200, 403, 403), (Scope.WRITE, 200, 200, 404), (Scope.ADMIN, 200, 200, 404)],
)
def test_each_scope_allows_what_those_before_it_do(
    store: LineageStore, closed: Service, scope: Scope, reads: int, mutates: int, puts: int
) -> None:
    _, secret = store.tokens.create(scope)
    client, headers = closed.client, bearer(secret)
    assert client.post("/graphql", json=QUERY, headers=headers).status_code == reads
    mutation = client.post("/graphql", json=MUTATION, headers=headers)
    assert mutation.status_code == mutates
    assert client.put("/nowhere", headers=headers).status_code == puts
    if mutates == 403:
        assert code(mutation) == "FORBIDDEN"
        assert "needs the scope write, and the token has read" in mutation.text
    else:
        assert code(mutation) == "NOT_FOUND"


def test_of_several_operations_the_one_that_is_asked_for_counts(store: LineageStore, closed: Service) -> None:
    _, secret = store.tokens.create(Scope.READ)
    both = f"query Look {QUERY['query']} mutation Score {MUTATION['query'].removeprefix('mutation')}"
    for name, status in (("Look", 200), ("Score", 403)):
        body = {"query": both, "operationName": name}
        assert closed.client.post("/graphql", json=body, headers=bearer(secret)).status_code == status


@pytest.mark.parametrize(
    "presented",
    ["Bearer", "Bearer ", "Basic YTpi", "Bearer ck_0123456789ab_" + "x" * 43, "Bearer é", "x" * 4000],
)
def test_what_is_no_valid_token_opens_nothing(
    closed: Service, store: LineageStore, tmp_path: Path, presented: str
) -> None:
    open_service = service_of(store, tmp_path)
    for service in (closed, open_service):
        raw = [(b"authorization", presented.encode())]
        answer = service.client.post("/graphql", json=QUERY, headers=raw)
        assert answer.status_code == 401
        assert code(answer) == "UNAUTHENTICATED"


def test_a_revoked_token_opens_nothing_after_some_seconds(
    store: LineageStore, closed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "REMEMBERED_S", 0.2)
    record, secret = store.tokens.create(Scope.READ)
    assert closed.client.post("/graphql", json=QUERY, headers=bearer(secret)).status_code == 200
    store.tokens.revoke(record.id)
    time.sleep(0.3)
    assert closed.client.post("/graphql", json=QUERY, headers=bearer(secret)).status_code == 401


def test_an_expired_token_opens_nothing_at_once(store: LineageStore, closed: Service) -> None:
    _, secret = store.tokens.create(Scope.READ, lifetime=timedelta(seconds=1))
    assert closed.client.post("/graphql", json=QUERY, headers=bearer(secret)).status_code == 200
    time.sleep(1.1)
    assert closed.client.post("/graphql", json=QUERY, headers=bearer(secret)).status_code == 401


def test_a_token_is_looked_up_once_for_many_requests(
    store: LineageStore, closed: Service, queries: list[str]
) -> None:
    _, secret = store.tokens.create(Scope.READ)
    queries.clear()
    for _ in range(5):
        closed.client.post("/graphql", json=QUERY, headers=bearer(secret))
    assert sum("Token" in query and "last_used" not in query for query in queries) == 1


def test_without_a_database_nobody_is_known(
    store: LineageStore, closed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = store.tokens.create(Scope.READ)

    def gone(_secret: str) -> None:
        raise StoreError("no Neo4j answers")

    monkeypatch.setattr(access, "REMEMBERED_S", 0.0)
    _, known = store.tokens.create(Scope.READ)
    assert closed.client.get("/metrics", headers=bearer(known)).status_code == 200
    monkeypatch.setattr(store.tokens, "check", gone)
    answer = closed.client.post("/graphql", json=QUERY, headers=bearer(secret))
    assert (answer.status_code, code(answer)) == (503, "STORE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert closed.client.get("/metrics", headers=bearer(known)).status_code == 200
    monkeypatch.setattr(access, "TRUSTED_S", 0.0)
    assert closed.client.get("/metrics", headers=bearer(known)).status_code == 503


def test_the_token_of_the_environment_has_every_scope(closed: Service) -> None:
    mutation = closed.client.post("/graphql", json=MUTATION, headers=bearer(ADMIN))
    assert (mutation.status_code, code(mutation)) == (200, "NOT_FOUND")
    assert closed.client.post("/graphql", json=QUERY, headers=bearer(ADMIN[:-1])).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({}, 200, "movies"),
        ({"host": "127.0.0.1:8000"}, 200, "movies"),
        ({"host": "[::1]:8000"}, 200, "movies"),
        ({"host": "LOCALHOST:8000"}, 200, "movies"),
        ({"host": "cells.example.org"}, 400, "cells.example.org"),
        ({"x-forwarded-proto": "https"}, 401, "a proxy forwards it (x-forwarded-proto)"),
        ({"x-forwarded-for": "192.0.2.7"}, 401, "a proxy forwards it (x-forwarded-for)"),
        ({"forwarded": "for=192.0.2.7"}, 401, "a proxy forwards it (forwarded)"),
        ({"via": "1.1 proxy"}, 401, "a proxy forwards it (via)"),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, 200, "movies"),
        (
            {"host": "localhost:8000", "origin": "http://localhost:5173"},
            401,
            "a page of http://localhost:5173",
        ),
        ({"origin": "https://lab.example.org"}, 401, "a page of https://lab.example.org"),
        ({"origin": "null"}, 401, "a page of null"),
    ],
)
def test_loopback_is_open_to_its_own_name_and_pages_and_to_no_proxy(
    store: LineageStore, tmp_path: Path, headers: dict[str, str], status: int, said: str
) -> None:
    elsewhere = "https://lab.example.org,http://localhost:5173"
    service = service_of(store, tmp_path, allowed_origins=elsewhere)
    answer = service.client.post("/graphql", json=QUERY, headers=headers)
    assert answer.status_code == status
    assert said in answer.text


def test_http_1_0_is_taken_for_a_proxy(service: Service) -> None:
    """So nginx forwarded up to 1.29.6, with this machine's name, unless told otherwise."""

    async def as_nginx(scope: Any, receive: Any, send: Any) -> None:
        await service.client.app(scope | {"http_version": "1.0"}, receive, send)

    client = TestClient(as_nginx, base_url="http://localhost:8000")
    refused = client.post("/graphql", json=QUERY)
    assert (refused.status_code, "HTTP/1.0" in refused.text) == (401, True)
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("field", ["deleteTracking", "deleteMovie"])
def test_what_is_stored_is_removed_by_an_administrator_alone(
    store: LineageStore, closed: Service, field: str
) -> None:
    mutation = {"query": f'mutation {{ {field}(id: "t0") }}'}
    for scope, expected in ((Scope.WRITE, "FORBIDDEN"), (Scope.ADMIN, "NOT_FOUND")):
        _, secret = store.tokens.create(scope)
        answer = closed.client.post("/graphql", json=mutation, headers=bearer(secret))
        assert code(answer) == expected


@pytest.mark.parametrize(
    ("host", "auth", "required"),
    [
        ("127.0.0.1", "loopback-open", False),
        ("127.0.0.9", "loopback-open", False),
        ("::1", "loopback-open", False),
        ("localhost", "loopback-open", False),
        ("localhost", "required", True),
        ("0.0.0.0", "loopback-open", True),  # noqa: S104
        ("::", "loopback-open", True),
        ("", "loopback-open", True),
        ("192.0.2.7", "loopback-open", True),
        ("cells.example.org", "loopback-open", True),
    ],
)
def test_beyond_loopback_tokens_are_always_required(host: str, auth: str, required: bool) -> None:
    assert Settings(host=host, auth=auth).tokens_required is required
    assert Settings(host=host, auth=auth, allowed_hosts="cells.example.org").tokens_required


def test_a_signed_link_reads_one_file_and_nothing_else(
    store: LineageStore, closed: Service, tracking: TrackingRecord
) -> None:
    _, secret = store.tokens.create(Scope.READ)
    query = {"query": f'{{ signedUrl(path: "/trackings/{tracking.id}/timeseries.csv") {{ url expires }} }}'}
    made = closed.client.post("/graphql", json=query, headers=bearer(secret)).json()["data"]["signedUrl"]
    assert closed.client.get(made["url"]).status_code == 200
    assert closed.client.head(made["url"]).status_code == 200
    token = made["url"].partition("?")[2]
    for method, path in (
        ("GET", f"/trackings/{tracking.id}/timeseries.parquet"),
        ("GET", "/metrics"),
        ("PUT", f"/trackings/{tracking.id}/timeseries.csv"),
        ("POST", "/graphql"),
    ):
        answer = closed.client.request(method, f"{path}?{token}", json=QUERY)
        assert answer.status_code == 401, path


def test_only_files_of_trackings_get_a_link(service: Service) -> None:
    for path in ("/metrics", "//evil.example/trackings/", "trackings/t1", ""):
        error = service.error("query($p: String!) { signedUrl(path: $p) { url } }", p=path)
        assert error["extensions"]["code"] == "BAD_INPUT"
    error = service.error(LINK["query"])
    assert error["extensions"]["code"] == "NOT_FOUND"


def test_a_field_may_need_more_than_its_operation() -> None:
    @strawberry.type
    class Query:
        @resolved(Needs(scope="ADMIN"))
        def secrets(self) -> int:
            """For few."""
            return 1

        @strawberry.field
        def news(self) -> int:
            return 2

    schema = strawberry.Schema(Query)._schema
    assert measure(parse("{ news }"), schema, {}).scope is Scope.READ
    assert measure(parse("{ news ...f } fragment f on Query { secrets }"), schema, {}).scope is Scope.ADMIN


def test_a_route_may_need_more_than_its_method(store: LineageStore, tmp_path: Path) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from tests.api.service import app_of

    async def dump(request: object) -> PlainTextResponse:
        return PlainTextResponse("all of it")

    app = app_of(store, tmp_path, auth="required")
    app.router.routes.append(Route("/dump", access.needs(Scope.ADMIN)(dump)))
    client = TestClient(app, base_url="http://localhost")
    for scope, status in ((Scope.WRITE, 403), (Scope.ADMIN, 200)):
        _, secret = store.tokens.create(scope)
        assert client.get("/dump", headers=bearer(secret)).status_code == status
