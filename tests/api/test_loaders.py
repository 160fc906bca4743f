"""Look-ups in batches: few queries, bounded, and no failure spreads."""

import re
from pathlib import Path

import pytest

from api.limits import Limits
from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put, service_of
from tests.conftest import REPOSITORY
from tests.lineages import Cell, drawn

pytestmark = pytest.mark.neo4j


def test_the_number_of_queries_does_not_grow_with_the_number_of_cells(
    store: LineageStore, service: Service, queries: list[str]
) -> None:
    many = [Cell(n, 0, 3, y=2 * (n // 20), x=2 * (n % 20), height=1, width=1) for n in range(1, 201)]
    big = put(store, drawn(4, many))
    small = put(store, lineages.division())
    everything = """query($t: ID!) { tracking(id: $t) { movie { name } tracks(first: 200) { nodes {
      label parent { label } daughters { label parent { id } tracking { id } } tracking { movie { id } }
      sisters { label } ancestors { label } descendants { label }
      lineage { founder { id } tracks { label } } division { frame } %s } } } }"""
    for measured in (
        "detections { frame area }",
        'timeSeries(features: ["area"]) { frame columns { values } }',
        'timeCourses(features: ["area"], alignTo: BIRTH) { track leftOut columns { values } }',
    ):
        counts = []
        for tracking in (small, big):
            queries.clear()
            service.data(everything % measured, t=tracking.id)
            counts.append(len(queries))
        assert counts[0] >= counts[1]
        assert counts[1] <= 14


TREE = "label daughters { label daughters { label daughters { label } } }"


def test_a_lineage_is_one_query_however_deep(
    service: Service, tracking: TrackingRecord, queries: list[str]
) -> None:
    founder = service.track_id(tracking, 1)
    queries.clear()
    query = f"""query($t: ID!) {{ lineage(track: $t) {{ founder {{ {TREE} }}
      tracks {{ parent {{ label }} }} divisions {{ daughters {{ label }} }} }} }}"""
    service.data(query, t=founder)
    assert len(queries) == 1


def test_the_movies_of_the_start_page_are_a_handful_of_queries(
    store: LineageStore, service: Service, queries: list[str]
) -> None:
    for drawing in (lineages.division, lineages.gap, lineages.generations):
        put(store, drawing())
    home = (REPOSITORY / "api/static/home.js").read_text()
    found = re.search(r"const MOVIES = `(.*?)`", home, re.DOTALL)
    assert found is not None
    queries.clear()
    assert len(service.data(found[1])["movies"]) == 3
    assert len(queries) <= 4


def test_too_many_detections_are_refused(store: LineageStore, tmp_path: Path) -> None:
    tracking = put(store, lineages.generations())
    query = "query($t: ID!) { tracking(id: $t) { tracks { nodes { detections { frame } } } } }"
    for left, refused in ((22, False), (21, True)):
        service = service_of(store, tmp_path, Limits(detections=left))
        answer = service.answer(query, t=tracking.id)
        assert ("errors" in answer) == refused
    assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "more than 21 detections" in answer["errors"][0]["message"]


def test_a_field_that_fails_takes_nothing_from_others_that_wait_for_the_same(
    service: Service, tracking: TrackingRecord
) -> None:
    query = """query($t: ID!) {
      failing: tracking(id: $t) { movie { name } tracks(first: 0) { nodes { id } } }
      other: tracking(id: $t) { movie { name } tracks(first: 1) { nodes { tracking { movie { name } } } } }
    }"""
    answer = service.answer(query, t=tracking.id)
    drawn = {"movie": {"name": "drawn"}}
    assert answer["data"] == {"failing": None, "other": {**drawn, "tracks": {"nodes": [{"tracking": drawn}]}}}
    assert [error["path"] for error in answer["errors"]] == [["failing", "tracks"]]
