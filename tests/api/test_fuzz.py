"""Random requests to the running service: no fault inside, no hang, nothing told that should not be.

Half a minute in the suite; `make fuzz MINUTES=5` goes on for longer.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import httpx2
import pytest
import schemathesis
from graphql import GraphQLSchema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from api.limits import Limits
from api.schema import build_schema
from graph.connection import Connection
from graph.pixels import PixelStore
from graph.store import LineageStore
from tests import lineages
from tests.api.asking import DROPPED, TEXTS, queries
from tests.api.service import app_of, listening, put
from tests.graph.stored import wipe

pytestmark = [pytest.mark.neo4j, pytest.mark.filterwarnings(DROPPED), pytest.mark.usefixtures("swept")]

MINUTES = float(os.environ.get("CELLKIN_FUZZ_MINUTES", "0.4"))
KINDS = 3
SLOWEST_S = 10.0
LEAKS = re.compile(r"Traceback|MATCH \(|UNWIND|\.py\b|INTERNAL_ERROR|site-packages")
FUZZ = settings(
    max_examples=25,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Target:
    """A service to fuzz, and ids of what it holds."""

    address: str
    app: Starlette
    ids: list[str]

    def check(self, answer: Any, begun: float) -> None:
        """What holds for every answer."""
        assert time.monotonic() - begun < SLOWEST_S
        headers = {name.lower(): str(value) for name, value in answer.headers.items()}
        assert answer.status_code < 500, answer.text
        if not re.search("text/(html|javascript|css)|image", headers.get("content-type", "")):
            assert LEAKS.search(answer.text) is None, answer.text
        assert "nosniff" in headers["x-content-type-options"]


@pytest.fixture(scope="module")
def target(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzz")
    wipe(connection)
    store = LineageStore(connection, PixelStore(folder / "pixels"))
    one = put(store, lineages.generations())
    other = put(store, lineages.generations(), author="viterbi")
    with listening(app := app_of(store, folder)) as address:
        with httpx2.Client(base_url=address, timeout=60) as client:
            mutation = "mutation($c: ID!, $r: ID!) { storeScore(computed: $c, reference: $r) { id } }"
            body = {"query": mutation, "variables": {"c": one.id, "r": other.id}}
            score = client.post("/graphql", json=body).json()["data"]["storeScore"]["id"]
        tracks = [str(track.id) for track in store.tracks(one.id, first=4)]
        yield Target(address, app, [one.movie_id, one.id, other.id, score, *tracks])


def repeatedly(test: Callable[[], None]) -> None:
    """Run a property again and again, with other examples each time, for this kind's share of the time."""
    until = time.monotonic() + 60 * MINUTES / KINDS
    test()
    while time.monotonic() < until:
        test()


def test_any_valid_query_is_answered(target: Target) -> None:
    schema: GraphQLSchema = build_schema(Limits())._schema
    codes: set[str] = set()

    with httpx2.Client(base_url=target.address, timeout=60) as client:

        @FUZZ
        @given(query=queries(schema, target.ids, [*TEXTS, *target.ids]))
        def ask(query: str) -> None:
            begun = time.monotonic()
            answer = client.post("/graphql", json={"query": query})
            target.check(answer, begun)
            errors = answer.json().get("errors", [])
            codes.update(error["extensions"]["code"] for error in errors)
            assert "BAD_REQUEST" not in codes, query

        repeatedly(ask)
    assert "NOT_FOUND" in codes


def test_whatever_a_field_is_given_is_answered(target: Target) -> None:
    schema = schemathesis.graphql.from_url(f"{target.address}/graphql")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 10

    @FUZZ
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(operations))
        case = data.draw(operation.as_strategy())
        begun = time.monotonic()
        target.check(case.call(timeout=60), begun)

    repeatedly(ask)


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Range": st.sampled_from(
            ["bytes=0-0", "bytes=-5", "bytes=5-2", "bytes=0-1,3-4", "bytes=9999999-", "x", ""]
        ),
        "If-None-Match": st.sampled_from(["*", '"x"', "", ","]),
        "If-Range": st.sampled_from(['"x"', "Sat, 28 Nov 2026 00:00:00 GMT", "never"]),
        "Accept": st.sampled_from(["text/event-stream", "application/json", "*/*;q=x", ""]),
        "Content-Type": st.sampled_from(
            ["application/json", "multipart/form-data; boundary=x", "a/b; c", ""]
        ),
        "X-Request-ID": st.sampled_from(["r1", " ", "x" * 100]),
        "Expect": st.just("100-continue"),
        "Origin": st.just("https://evil.example"),
        "Accept-Encoding": st.just("gzip, br"),
    },
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
ODD = ("..", "%2e%2e", "%00", "a%2Fb", "%", "%zz", "~", "é".encode().hex(), "t" * 2000, "%F0%9F", "-1", "{}")


@st.composite
def requests(draw: st.DrawFn, target: Target) -> tuple[str, str, dict[str, str], bytes]:
    """Any request to any route, with known and unknown values in its path."""
    templates = [r.path for r in target.app.routes if isinstance(r, Route)]
    templates += [f"{r.path}/{{file}}" for r in target.app.routes if isinstance(r, Mount)]
    value = st.sampled_from([*target.ids, *ODD, "csv", "parquet", "home.js"])
    path = re.sub(r"{[^}]*}", lambda _: draw(value), draw(st.sampled_from([*templates, "/{x}", "//{x}"])))
    names = st.sampled_from(["token", "features", "first", "after", "frames", "minTrackFrames", "x"])
    texts = [t for t in TEXTS if t.isascii() and t.isprintable()]
    pairs = draw(st.dictionaries(names, st.sampled_from([*target.ids, *texts, "1", "-1", "1:2"]), max_size=3))
    query = httpx2.QueryParams(pairs)
    body = draw(
        st.binary(max_size=30) | st.sampled_from([b"", b"{}", b'{"query":"{__typename}"}', b"[" * 5000])
    )
    return draw(st.sampled_from(METHODS)), f"{path}?{query}" if pairs else path, draw(HEADERS), body


class Answered:
    """An answer as `Target.check` takes it."""

    def __init__(self, connection: HTTPConnection) -> None:
        response = connection.getresponse()
        self.status_code = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read().decode("utf-8", "replace")


def test_any_request_to_any_route_is_answered(target: Target) -> None:
    host, port = target.address.removeprefix("http://").split(":")
    statuses: set[int] = set()

    @FUZZ
    @given(request=requests(target))
    def ask(request: tuple[str, str, dict[str, str], bytes]) -> None:
        method, path, headers, body = request
        begun = time.monotonic()
        connection = HTTPConnection(host, int(port), timeout=60)
        try:
            connection.request(method, path, body or None, headers)
            answer = Answered(connection)
        finally:
            connection.close()
        statuses.add(answer.status_code)
        target.check(answer, begun)
        if answer.headers.get("content-type") == "application/json" and answer.text:
            json.loads(answer.text)

    repeatedly(ask)
    assert {200, 404, 405} <= statuses
