"""Queries that were valid are not validated again; limits, errors and variables are as without a cache."""

from typing import Any

import graphql
import pytest

from api.limits import Limits
from api.query_cache import KEPT, LONGEST, QueryCache
from graph.records import TrackingRecord
from graph.store import LineageStore
from tests.api.service import Service, service_of

pytestmark = pytest.mark.neo4j
TRACK = "query($t: ID!, $l: Int!) { tracking(id: $t) { track(label: $l) { label } } }"
PAGE = """query($t: ID!, $n: Int!) {
  tracking(id: $t) { tracks(first: $n) { nodes { lineage { tracks { id } } } } }
}"""


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each query is that is validated from here on."""
    seen: list[int] = []

    def counted(of: Any, document: Any, *arguments: Any) -> Any:
        seen.append(len(document.loc.source.body))
        return graphql.validate(of, document, *arguments)

    monkeypatch.setattr("strawberry.schema.schema.validate", counted)
    return seen


def test_a_query_is_validated_once_whatever_its_variables(
    service: Service, tracking: TrackingRecord, validated: list[int]
) -> None:
    for label in (2, 5, 7):
        found = service.data(TRACK, t=tracking.id, l=label)["tracking"]["track"]["label"]
        assert found == label
    assert validated == [len(TRACK)]


def test_an_invalid_query_is_explained_each_time(service: Service, validated: list[int]) -> None:
    errors = [service.error("{ movies { nmae } }") for _ in range(2)]
    assert errors[0] == errors[1]
    assert "Did you mean 'name'" in errors[0]["message"]
    assert len(validated) == 2


def test_a_query_that_does_not_parse_is_refused_each_time(service: Service) -> None:
    assert "Syntax Error" in service.error("{ movies { ")["message"]
    assert "Syntax Error" in service.error("{ movies { ")["message"]


def test_limits_stand_for_a_known_query_with_larger_variables(
    store: LineageStore, tmp_path: Any, tracking: TrackingRecord, validated: list[int]
) -> None:
    service = service_of(store, tmp_path, Limits(cost=20_000))
    assert service.data(PAGE, t=tracking.id, n=2)
    assert service.error(PAGE, t=tracking.id, n=900)["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert service.data(PAGE, t=tracking.id, n=3)
    assert validated == [len(PAGE)]


def test_each_service_remembers_for_itself(
    store: LineageStore, tmp_path: Any, tracking: TrackingRecord, validated: list[int]
) -> None:
    for _ in range(2):
        service_of(store, tmp_path).data(TRACK, t=tracking.id, l=2)
    assert len(validated) == 2


def test_few_and_short_queries_are_kept_the_last_ones() -> None:
    cache, document = QueryCache(), graphql.parse("{ movies { id } }")
    for number in range(KEPT):
        cache.keep(str(number), document)
    assert cache.find("0") is document  # asked for again
    cache.keep("one more", document)
    assert (cache.find("0"), cache.find("1"), cache.find("one more")) == (document, None, document)
    cache.keep("x" * (LONGEST + 1), document)
    assert cache.find("x" * (LONGEST + 1)) is None
