"""Whatever is asked gets an answer or an error that says what to do; never a fault."""

import re
from contextlib import suppress

import numpy as np
import pytest
from graphql import GraphQLObjectType, parse, validate
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.limits import Limits
from api.pages import cursor_of, key_cursor_of
from api.schema import build_schema
from graph.connection import Connection
from graph.pixels import PixelStore
from graph.records import TrackingKind
from graph.store import LineageStore
from tests import lineages
from tests.api.asking import DROPPED, queries
from tests.api.service import Service, put, service_of, with_feature
from tests.graph.stored import wipe

SCHEMA = build_schema(Limits())._schema
CODES = {"BAD_INPUT", "NOT_FOUND", "LIMIT_EXCEEDED"}
WORDS = ["area", "mean_0", "area_um2", "y", "odd", "lap", "lap 1", "TRA", "link_id"]
CURSORS = [
    *(cursor_of(key) for key in (0, 1 << 33, 10**17)),
    *(key_cursor_of(o, (2.0, 5)) for o in ("FRAME", "PROBABILITY", "LINKS", "END:None:up", "area:down")),
]


@pytest.fixture(scope="module")
def stocked(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> tuple[Service, list[str]]:
    """A service over a few trackings and scores, and the ids of what is in them."""
    wipe(connection)
    folder = tmp_path_factory.mktemp("stocked")
    store = LineageStore(connection, PixelStore(folder / "pixels"))
    pair = lineages.missed_division()
    truth = put(store, pair.reference, kind=TrackingKind.GROUND_TRUTH)
    guess = put(store, pair.computed, movie_of=pair.reference)
    service = service_of(store, folder)
    score = "mutation($c: ID!, $r: ID!) { storeScore(computed: $c, reference: $r) { id } }"
    stored = service.data(score, c=guess.id, r=truth.id)["storeScore"]["id"]
    drawing = lineages.generations()
    values = np.where(drawing.graph.detections.label == 3, np.nan, 1.0 * drawing.graph.detections.frame)
    big = put(store, drawing, graph=with_feature(drawing.graph, "mean_0", values))
    bare = put(store, lineages.gap(), calibrated=False, labels=False)
    trackings = [truth, guess, big, bare]
    cells = [str(tracking.first_id + row) for tracking in trackings for row in (0, 1, 2, 5)]
    return service, [*cells, *(t.id for t in trackings), *(t.movie_id for t in trackings), stored]


@pytest.mark.filterwarnings(DROPPED)
@pytest.mark.neo4j
@pytest.mark.usefixtures("swept")
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_query_is_answered_or_refused_with_a_reason(
    stocked: tuple[Service, list[str]], data: st.DataObject
) -> None:
    service, ids = stocked
    query = data.draw(queries(SCHEMA, ids, WORDS + CURSORS))
    response = service.client.post("/graphql", json={"query": query})
    assert response.status_code == 200, response.text
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] in CODES, (error, query)
        assert error["extensions"]["remedy"]


@settings(max_examples=40, deadline=None)
@given(queries(SCHEMA, ["t0"], ["area"]))
def test_random_queries_are_valid(query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []


class EveryFieldSeenError(Exception):
    """No more queries are needed."""


def test_random_queries_reach_every_type() -> None:
    assert SCHEMA.query_type is not None
    types = [SCHEMA.query_type, *(SCHEMA.type_map[name] for name in ("Tracking", "Track", "Statistics"))]
    missing = {name for type_ in types if isinstance(type_, GraphQLObjectType) for name in type_.fields}

    # What is generated depends on the modules that other tests have loaded: how many it takes differs.
    @settings(max_examples=5000, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(queries(SCHEMA, ["t0"], ["area"]))
    def look(query: str) -> None:
        missing.difference_update(re.findall(r"[A-Za-z0-9]+", query))
        if not missing:
            raise EveryFieldSeenError

    with suppress(EveryFieldSeenError):
        look()
    assert missing == set()
