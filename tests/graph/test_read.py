"""What is read is what was written, by index and in columns."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import numpy as np
import pytest

import graph as graph_package
from graph import read
from graph.connection import Connection
from graph.store import LineageStore
from ingest.errors import ConflictError
from tests import lineages
from tests.graph.stored import put, with_features
from tests.lineages import Drawing

pytestmark = pytest.mark.neo4j

SMALL = ("Movie", "Tracking", "Token")
"""Labels of so few nodes that a look at all of them costs nothing."""


CYPHER = re.compile(r"\b(MATCH|MERGE|CREATE|RETURN)\b")


def statements() -> Iterator[Any]:
    """Every statement of every module; those that begin with _ are parts of others."""
    for module in pkgutil.walk_packages(graph_package.__path__, "graph."):
        for name, text in vars(importlib.import_module(module.name)).items():
            if name.isupper() and not name.startswith("_") and isinstance(text, str) and CYPHER.search(text):
                yield pytest.param(text, id=f"{module.name}.{name}")


def operators(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield plan["operatorType"], plan["args"].get("Details", "")
    for child in plan.get("children", []):
        yield from operators(child)


@pytest.mark.parametrize("statement", list(statements()))
def test_every_statement_looks_things_up_by_index(filled: Connection, statement: LiteralString) -> None:
    connection = filled
    explained = f"EXPLAIN {statement}"
    plan = connection.read(lambda tx: tx.run(explained).consume().plan)
    assert plan is not None
    for operator, details in operators(plan):
        assert "AllNodesScan" not in operator
        if "Scan" in operator:
            assert details.partition(":")[2].startswith(SMALL), (operator, details)


@pytest.mark.parametrize("drawing", lineages.RIGHT)
def test_a_lineage_is_what_descends_from_its_founder(
    store: LineageStore, drawing: Callable[[], Drawing]
) -> None:
    graph = drawing().graph
    record = put(store, drawing())
    tracks = graph.tracks
    found = store.lineages([record.first_id + row for row in range(len(tracks))])
    assert [lineage.founder - record.first_id for lineage in found] == np.unique(tracks.founder).tolist()
    for lineage in found:
        rows = np.flatnonzero(tracks.founder == lineage.founder - record.first_id)
        assert [track.id - record.first_id for track in lineage.tracks] == rows.tolist()
        for track, row in zip(lineage.tracks, rows, strict=True):
            parent = -1 if track.parent is None else track.parent - record.first_id
            assert (track.begin, track.end) == (tracks.begin[row], tracks.end[row])
            assert (parent, track.generation) == (tracks.parent[row], tracks.generation[row])
            daughters = [daughter - record.first_id for daughter in track.daughters]
            assert daughters == np.flatnonzero(tracks.parent == row).tolist()
            own = np.flatnonzero(tracks.of_detection == row)
            series = lineage.detections.of_track(track.id)
            np.testing.assert_array_equal(series.frame, graph.detections.frame[own])
            np.testing.assert_array_equal(series.id - record.first_id, own)


def test_any_track_leads_to_its_lineage_and_each_lineage_comes_once(store: LineageStore) -> None:
    record = put(store, lineages.generations())
    by_label = {track.label: track.id for track in store.tracks(record.id)}
    (lineage,) = store.lineages([by_label[5], by_label[3], by_label[5], 12345])
    assert [track.label for track in lineage.tracks] == [1, 2, 3, 4, 5]
    assert lineage.founder == by_label[1]


def test_a_time_series_holds_what_was_measured(store: LineageStore) -> None:
    drawn = lineages.gap()
    graph = with_features(drawn.graph)
    record = put(store, drawn, graph)
    (row,) = [track.id - record.first_id for track in store.tracks(record.id, label=1)]
    own = np.flatnonzero(graph.tracks.of_detection == row)
    series = store.time_series([record.first_id + row])
    assert series.frame.tolist() == [0, 1, 3, 4]
    np.testing.assert_array_equal(series.y, graph.detections.y[own])
    for name, column in graph.detections.features.items():
        np.testing.assert_array_equal(series.features[name], column[own])


def test_series_of_trackings_with_different_features_share_columns(store: LineageStore) -> None:
    drawn = lineages.one_track()
    plain = put(store, drawn)
    more = put(store, drawn, with_features(drawn.graph))
    series = store.time_series([more.first_id, plain.first_id])
    assert list(series.features) == ["area", "odd"]
    assert np.isnan(series.of_track(plain.first_id).features["odd"]).all()
    assert len(series.of_track(12345)) == 0


def test_tracks_are_paged_and_filtered(store: LineageStore) -> None:
    drawn = lineages.generations()
    put(store, drawn, author="before")
    record = put(store, drawn)
    put(store, drawn, author="after")
    everything = store.tracks(record.id)
    pages, after = [], None
    while page := store.tracks(record.id, first=2, after=after):
        pages += page
        after = page[-1].id
    assert pages == everything
    assert store.tracks_by_id([track.id for track in everything]) == {t.id: t for t in everything}

    def labels(**filters: Any) -> list[int]:
        return [track.label for track in store.tracks(record.id, **filters)]

    assert labels() == [1, 2, 3, 7, 4, 5]
    assert labels(divides=True) == [1, 2]
    assert labels(divides=False) == [3, 7, 4, 5]
    assert labels(founders=True) == [1, 7]
    assert labels(founders=False, min_frames=4) == [3, 4]
    assert labels(min_frames=4) == [3, 7, 4]
    assert labels(label=5) == [5]


def test_a_mother_of_one_daughter_does_not_divide(store: LineageStore) -> None:
    record = put(store, lineages.one_daughter_seen())
    assert record.divisions == 0
    assert store.tracks(record.id, divides=True) == []


def test_a_tracking_that_is_removed_while_it_is_read_is_no_smaller_tracking(
    store: LineageStore, connection: Connection
) -> None:
    record = put(store, lineages.generations())
    store.delete_tracking(record.id)
    with pytest.raises(ConflictError, match="removed while it was read"):
        connection.read(lambda tx: read.tracking_graph(tx, record))
