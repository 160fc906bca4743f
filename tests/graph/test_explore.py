"""Neo4j Browser: the saved queries answer, by index; links carry them whole."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from graph.connection import Connection
from graph.explore.browser import STYLE, SavedQuery, saved_queries, saved_query
from graph.store import LineageStore
from ingest.tracking_graph import LinkKind
from tests import lineages
from tests.graph.stored import put, with_probability

QUERIES = [pytest.param(query, id=query.name) for query in saved_queries()]


def ask(connection: Connection, query: SavedQuery, before: str = "", **parameters: Any) -> Any:
    text: Any = before + query.text
    return connection.read(lambda tx: (list(result := tx.run(text, parameters)), result.consume().plan))


@pytest.mark.neo4j
@pytest.mark.parametrize("query", QUERIES)
def test_a_saved_query_finds_its_start_by_index(filled: Connection, query: SavedQuery) -> None:
    _, plan = ask(filled, query, "EXPLAIN ", tracking="t1", founder=1)
    operators = [plan]
    while operators:
        operator = operators.pop()
        assert "Scan" not in operator["operatorType"], query.name
        operators += operator.get("children", [])


@pytest.mark.neo4j
def test_saved_queries_show_what_their_titles_say(store: LineageStore, connection: Connection) -> None:
    record = put(store, lineages.generations())
    put(store, lineages.generations(), author="beside")
    founder = store.largest_lineage(record.id)
    found = {
        query.name: ask(connection, query, tracking=record.id, founder=founder)[0]
        for query in saved_queries()
    }
    assert len(found["lineage"]) == 5  # a path to each track
    divisions = [[track["label"] for track in row["path"].nodes] for row in found["divisions"]]
    assert divisions == [[1, 3], [1, 2], [2, 5], [2, 4]] or sorted(divisions) == [
        [1, 2],
        [1, 3],
        [2, 4],
        [2, 5],
    ]
    assert [row["frames"] for row in found["longest_tracks"]] == [7, 4, 4, 3, 3, 1]
    assert found["missed_divisions"] == found["false_divisions"] == []
    assert found["unlike_sisters"] == found["least_certain_divisions"] == []


@pytest.mark.neo4j
def test_the_least_certain_divisions_come_first_with_each_daughter(
    store: LineageStore, connection: Connection
) -> None:
    drawn = lineages.generations()
    graph = drawn.graph
    probability = np.where(graph.kind == LinkKind.DIVISION, 0.9, 0.1)
    fifth = graph.detections.rows(4, 5)
    probability[graph.links[:, 1] == fifth] = 0.625
    record = put(store, drawn, with_probability(graph, probability))
    query = saved_query("least_certain_divisions")
    found = ask(connection, query, tracking=record.id)[0]
    shown = [([track["label"] for track in row["path"].nodes], row["probability"]) for row in found]
    assert sorted(shown[:2]) == [([2, 4], 0.625), ([2, 5], 0.625)]
    assert sorted(shown[2:]) == [([1, 2], 0.9), ([1, 3], 0.9)]
    captions = {edge.end_node["label"]: edge["name"] for row in found for edge in row["path"].relationships}
    assert captions == {2: "0.90", 3: "0.90", 4: "0.90", 5: "0.62"}


@pytest.mark.neo4j
def test_a_link_holds_the_query_and_the_id_that_it_needs(store: LineageStore) -> None:
    record = put(store, lineages.generations())
    browser = store.browser
    assert browser is not None
    founder = store.largest_lineage(record.id)
    assert founder is not None
    links = browser.links(record.id, founder)
    assert set(links) == {query.title for query in saved_queries()}
    for query in saved_queries():
        address = urlsplit(links[query.title])
        asked = parse_qs(address.query)
        value = {"tracking": f"'{record.id}'", "founder": str(founder)}[query.needs]
        assert asked["arg"] == [query.text.replace(f"${query.needs}", value)]
        assert value in query.text.replace(f"${query.needs}", value)
        assert asked["cmd"] == ["edit"]
        assert address.path == "/browser/"


def test_the_style_has_a_rule_for_every_label_and_kind_of_link() -> None:
    style = STYLE.read_text("utf-8")
    for label in ("Movie", "Tracking", "Track", "Detection", "Score", "Error"):
        assert f"node.{label} " in style
    for kind in ("DIVIDES_INTO", "HAS", "HAS_TRACK", "NEXT", "GAP", "DIVISION", "AT"):
        assert f"relationship.{kind} " in style
