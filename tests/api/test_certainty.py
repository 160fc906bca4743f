"""GraphQL on what a tracker is least sure of: divisions and links in pages."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put
from tests.lineages import Cell, drawn

pytestmark = pytest.mark.neo4j

UNSURE = {(1, 2): 0.95, (1, 3): 0.85, (2, 2): 0.3, (4, 4): 0.4, (4, 5): 1 / 3, (7, 3): 0.2}
"""(frame, label) of `generations` → probability of the link to it; all others are sure."""


@pytest.fixture
def unsure(store: LineageStore) -> TrackingRecord:
    drawing = lineages.generations()
    graph = drawing.graph
    probability = np.ones(len(graph.links))
    for (frame, label), value in UNSURE.items():
        probability[graph.links[:, 1] == graph.detections.rows(frame, label)] = value
    return put(store, drawing, author="learned", graph=replace(graph, probability=probability))


DIVISIONS = """query($t: ID!, $by: DivisionOrder! = PROBABILITY, $most: Float, $frames: FrameRange,
    $n: Int! = 10, $after: String) {
  tracking(id: $t) {
    divisions(orderBy: $by, maxProbability: $most, frames: $frames, first: $n, after: $after) {
    nodes { frame probability mother { label } daughters { label } }
    edges { cursor node { frame } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
LINKS = """query($t: ID!, $kinds: [LinkKind!], $most: Float, $n: Int! = 10, $after: String) {
  tracking(id: $t) { links(kinds: $kinds, maxProbability: $most, first: $n, after: $after) {
    nodes { kind probability earlier { ...place } later { ...place } }
    edges { cursor node { probability } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }
  fragment place on Place { id frame label y x track { label division { probability } } }"""


def mothers(service: Service, tracking: TrackingRecord, **asked: Any) -> list[int]:
    found = service.data(DIVISIONS, t=tracking.id, **asked)["tracking"]["divisions"]
    return [node["mother"]["label"] for node in found["nodes"]]


def test_the_least_certain_division_is_asked_for_first(service: Service, unsure: TrackingRecord) -> None:
    found = service.data(DIVISIONS, t=unsure.id)["tracking"]["divisions"]
    assert [
        {**node, "daughters": sorted(d["label"] for d in node["daughters"])} for node in found["nodes"]
    ] == [
        {"frame": 3, "probability": 1 / 3, "mother": {"label": 2}, "daughters": [4, 5]},
        {"frame": 0, "probability": 0.85, "mother": {"label": 1}, "daughters": [2, 3]},
    ]
    assert mothers(service, unsure, by="FRAME") == [1, 2]
    assert mothers(service, unsure, most=0.5) == [2]
    assert mothers(service, unsure, frames={"begin": 0, "end": 2}) == [1]


@pytest.mark.parametrize(("by", "labels"), [("FRAME", [1, 2]), ("PROBABILITY", [2, 1])])
def test_divisions_come_in_pages_of_either_order(
    service: Service, unsure: TrackingRecord, by: str, labels: list[int]
) -> None:
    one = service.data(DIVISIONS, t=unsure.id, by=by, n=1)["tracking"]["divisions"]
    info = one["pageInfo"]
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (True, False)
    assert info["startCursor"] == info["endCursor"] == one["edges"][0]["cursor"]
    two = service.data(DIVISIONS, t=unsure.id, by=by, n=1, after=info["endCursor"])["tracking"]["divisions"]
    assert (two["pageInfo"]["hasNextPage"], two["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert [page["nodes"][0]["mother"]["label"] for page in (one, two)] == labels
    assert mothers(service, unsure, by=by, after=two["pageInfo"]["endCursor"]) == []


def test_the_least_certain_links_come_with_both_cells(service: Service, unsure: TrackingRecord) -> None:
    found = service.data(LINKS, t=unsure.id, n=3)["tracking"]["links"]
    assert [
        (link["kind"], link["probability"], link["earlier"]["label"], link["later"]["label"])
        for link in found["nodes"]
    ] == [("NEXT", 0.2, 3, 3), ("NEXT", 0.3, 2, 2), ("DIVISION", 1 / 3, 2, 5)]
    earlier, later = found["nodes"][2]["earlier"], found["nodes"][2]["later"]
    assert earlier["track"] == {"label": 2, "division": {"probability": 1 / 3}}
    assert (later["frame"], later["track"]) == (4, {"label": 5, "division": None})
    assert (later["y"], later["x"]) == (4.5, 24.5)  # a box of 6 × 6 pixels from (2, 22)


def test_links_come_in_pages(service: Service, unsure: TrackingRecord) -> None:
    seen: list[float] = []
    after = None
    while True:
        page = service.data(LINKS, t=unsure.id, n=3, after=after, most=0.9)["tracking"]["links"]
        seen += [link["probability"] for link in page["nodes"]]
        assert page["edges"][-1]["cursor"] == page["pageInfo"]["endCursor"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [0.2, 0.3, 1 / 3, 0.4, 0.85]
    divisions = service.data(LINKS, t=unsure.id, kinds=["DIVISION"])["tracking"]["links"]["nodes"]
    assert [link["probability"] for link in divisions] == [1 / 3, 0.4, 0.85, 0.95]


def test_a_tracker_that_does_not_say_gives_null_and_all_pages(
    service: Service, tracking: TrackingRecord
) -> None:
    found = service.data(DIVISIONS, t=tracking.id, n=1)["tracking"]["divisions"]
    assert found["nodes"][0]["probability"] is None
    after = found["pageInfo"]["endCursor"]
    more = service.data(DIVISIONS, t=tracking.id, after=after)["tracking"]["divisions"]
    assert [n["mother"]["label"] for n in found["nodes"] + more["nodes"]] == [1, 2]
    links = service.data(LINKS, t=tracking.id, n=100)["tracking"]["links"]["nodes"]
    assert len(links) == tracking.links
    assert {link["probability"] for link in links} == {None}
    assert mothers(service, tracking, most=1.0) == []


def test_a_division_has_its_probability_within_a_lineage(service: Service, unsure: TrackingRecord) -> None:
    query = """query($t: ID!) { tracking(id: $t) { track(label: 4) { division { probability } lineage {
      divisions { frame probability } } } } }"""
    assert service.data(query, t=unsure.id)["tracking"]["track"] == {
        "division": None,
        "lineage": {"divisions": [{"frame": 0, "probability": 0.85}, {"frame": 3, "probability": 1 / 3}]},
    }


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"n": 0}, "first is 0"),
        ({"n": 1001}, "first is 1001"),
        ({"most": 90}, "a probability of 90"),
        ({"most": -0.5}, "a probability of -0.5"),
        ({"after": "x"}, "'x' is no cursor"),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    service: Service, unsure: TrackingRecord, variables: dict[str, Any], problem: str
) -> None:
    for query in (DIVISIONS, LINKS):
        error = service.error(query, t=unsure.id, **variables)
        assert error["extensions"]["code"] == "BAD_INPUT"
        assert problem in error["message"]
        assert error["extensions"]["remedy"]


def test_a_cursor_goes_on_in_its_own_order_only(service: Service, unsure: TrackingRecord) -> None:
    page = service.data(DIVISIONS, t=unsure.id, n=1)["tracking"]["divisions"]
    cursor = page["pageInfo"]["endCursor"]
    assert (
        "same order"
        in service.error(DIVISIONS, t=unsure.id, by="FRAME", after=cursor)["extensions"]["remedy"]
    )
    assert "no cursor" in service.error(LINKS, t=unsure.id, after=cursor)["message"]


def test_the_number_of_queries_does_not_grow_with_the_page(
    store: LineageStore, service: Service, queries: list[str]
) -> None:
    cells = []
    for n in range(20):
        y, x = 4 * (n // 5), 8 * (n % 5)
        cells.append(Cell(3 * n + 1, 0, 1, y=y, x=x, height=2, width=2))
        cells += [Cell(3 * n + k, 2, 3, 3 * n + 1, y=y, x=x + 2 * k, height=2, width=2) for k in (2, 3)]
    many, few = put(store, drawn(4, cells)), put(store, lineages.division())
    for query in (DIVISIONS, LINKS):
        counts = []
        for tracking in (few, many):
            queries.clear()
            service.data(query, t=tracking.id, n=100)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 4


def test_looking_at_all_links_again_and_again_is_too_much(service: Service, unsure: TrackingRecord) -> None:
    def asked(times: int) -> str:
        fields = " ".join(f"a{n}: links(first: 1) {{ nodes {{ kind }} }}" for n in range(times))
        return f'{{ tracking(id: "{unsure.id}") {{ {fields} }} }}'

    service.data(asked(20))
    assert service.error(asked(30))["extensions"]["code"] == "LIMIT_EXCEEDED"
