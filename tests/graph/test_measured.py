"""Filters and orders on measured features, relatives, counts: each against what NumPy finds in the graph."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.connection import Connection
from graph.measured import FeatureOrder, FeatureRange, Key
from graph.records import TrackingRecord
from graph.store import LineageStore
from graph.track_pages import TrackFilter, TrackKey, TrackOrder
from graph.windows import Window
from ingest.errors import InputError
from ingest.tracking_graph import TrackingGraph
from tests import lineages
from tests.graph.stored import parallel_tracks, put, put_alone, with_features
from tests.lineages import Drawing
from tests.strategies import lineages as random_lineages

pytestmark = pytest.mark.neo4j

ALL = Window(0, 10**6)


@pytest.fixture
def stored(store: LineageStore) -> tuple[TrackingGraph, TrackingRecord]:
    """The lineage of five cells and one beside it, among others that are not asked for."""
    drawn = lineages.generations()
    put(store, drawn, with_features(drawn.graph), author="before")
    graph = with_features(drawn.graph)
    record = put(store, drawn, graph)
    put(store, drawn, with_features(drawn.graph), author="after")
    return graph, record


@pytest.mark.parametrize("name", ["area", "odd", "x"])
def test_detections_within_a_range_of_a_feature(store: LineageStore, stored: Any, name: str) -> None:
    graph, record = stored
    values = graph.detections.x if name == "x" else graph.detections.features[name]
    least, most = np.nanquantile(values, [0.2, 0.7])
    window = Window(1, 5)
    found = store.detections(record.id, window, [FeatureRange(name, least, most), FeatureRange("y", 1.0)])
    frame = graph.detections.frame
    expected = np.flatnonzero(
        (values >= least) & (values <= most) & (graph.detections.y >= 1) & (frame >= 1) & (frame <= 5)
    )
    assert 0 < len(expected) < len(frame)
    assert sorted((found.rows.id - record.first_id).tolist()) == expected.tolist()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", ["area", "odd", "y"])
def test_detections_in_the_order_of_a_feature_come_once_whatever_the_page(
    store: LineageStore, stored: Any, name: str, descending: bool
) -> None:
    graph, record = stored
    order, seen = FeatureOrder(name, descending), []
    after: Key | None = None
    while len(rows := store.detections_by(record.id, order, ALL, after=after, first=5)):
        keys = order.keys(rows)
        for row in np.lexsort((rows.id, keys)):
            after = float(keys[row]), int(rows.id[row])
            seen.append(after[1] - record.first_id)
    values = graph.detections.y if name == "y" else graph.detections.features[name]
    values = np.where(np.isnan(values), np.inf, -values if descending else values)
    assert seen == np.argsort(values, kind="stable").tolist()


def test_detections_by_a_feature_are_those_of_the_window(store: LineageStore, stored: Any) -> None:
    _, record = stored
    window = Window(2, 3, (0.0, 0.0, 9.0, 99.0))
    rows = store.detections_by(record.id, FeatureOrder("area"), window, [FeatureRange("area", 0)], first=99)
    assert sorted(rows.frame.tolist()) == [2, 2, 3, 3]


@pytest.mark.parametrize("least", [3.0, float("nan")])
def test_a_range_that_holds_nothing_is_refused(least: float) -> None:
    with pytest.raises(InputError, match="smaller value first"):
        FeatureRange("area", least, 2.5)


def means(graph: TrackingGraph, name: str) -> np.ndarray[Any, Any]:
    values, found = graph.detections.features[name], np.full(len(graph.tracks), np.nan)
    for row in range(len(graph.tracks)):
        own = values[(graph.tracks.of_detection == row) & ~np.isnan(values)]
        found[row] = running_mean(np.sort(own)) if len(own) else np.nan
    return found


def running_mean(values: np.ndarray[Any, Any]) -> float:
    """As Cypher's avg() does it, to the last digit."""
    mean = 0.0
    for count, value in enumerate(values.tolist(), 1):
        mean += (value - mean) / count
    return mean


def test_tracks_by_begin_end_and_mean(store: LineageStore, stored: Any) -> None:
    graph, record = stored

    def labels(**wanted: Any) -> list[int]:
        return [track.label for track in store.tracks(record.id, **wanted)]

    assert labels(begins=(1, 2)) == [2, 3, 7]
    assert labels(ends=(3, 6)) == [2, 7, 5]
    assert labels(begins=(1, 2), ends=(7, 90)) == [3]
    mean = means(graph, "area")
    least, most = np.sort(mean)[[1, 3]]
    within = labels(means=(FeatureRange("area", least - 1e-9, most + 1e-9),))
    tracks = store.tracks(record.id)
    assert within == [t.label for t, m in zip(tracks, mean, strict=True) if least <= m <= most]
    assert labels(means=(FeatureRange("area", least - 1e-9), FeatureRange("area", 0, -0.0))) == []
    with pytest.raises(InputError, match=r"'nothing'.*area, odd"):
        labels(means=(FeatureRange("nothing"),))


KEYS: dict[TrackOrder, Callable[[TrackingGraph], Any]] = {
    TrackOrder(TrackKey.BEGIN): lambda g: g.tracks.begin,
    TrackOrder(TrackKey.END, descending=True): lambda g: -g.tracks.end,
    TrackOrder(TrackKey.LIFETIME): lambda g: g.tracks.end - g.tracks.begin,
    TrackOrder(TrackKey.LIFETIME, descending=True): lambda g: g.tracks.begin - g.tracks.end,
    TrackOrder(TrackKey.GENERATION, descending=True): lambda g: -g.tracks.generation,
    TrackOrder(TrackKey.MEAN, "whole"): lambda g: means(g, "whole"),
    TrackOrder(TrackKey.MEAN, "whole", descending=True): lambda g: -means(g, "whole"),
}


@st.composite
def measured(draw: st.DrawFn) -> tuple[Drawing, TrackingGraph]:
    """A lineage whose cells have a feature of few values, many of them equal, some unknown."""
    drawing = draw(random_lineages())
    count = len(drawing.graph.detections)
    values = draw(st.lists(st.sampled_from([2.0, -3.0, 64.0, np.nan]), min_size=count, max_size=count))
    return drawing, with_features(drawing.graph, whole=np.array(values, np.float64))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(measured())
def test_tracks_come_once_and_in_order_whatever_the_page(
    store: LineageStore, made: tuple[Drawing, TrackingGraph]
) -> None:
    drawing, graph = made
    record = put(store, drawing, graph)
    for order, key_of in KEYS.items():
        seen: list[int] = []
        after: Key | None = None
        while page := store.tracks_by(record.id, order, after=after, first=2):
            seen += [track.id - record.first_id for _, track in page]
            after = page[-1][0]
        keys = np.where(np.isnan(key_of(graph)), np.inf, key_of(graph))
        assert seen == np.argsort(keys, kind="stable").tolist(), order


def test_tracks_of_the_same_values_have_the_same_mean(store: LineageStore) -> None:
    in_turn = np.array([[0.3, 0.2, 0.1], [0.1, 0.2, 0.3], [0.2, 0.3, 0.1], [0.1, 0.1, 0.1]])  # of each track
    graph = with_features(parallel_tracks(frames=3, cells=4), odd=in_turn.T.ravel())
    record = put_alone(store, graph, frames=3)
    for descending, expected in ((False, [4, 1, 2, 3]), (True, [1, 2, 3, 4])):
        order = TrackOrder(TrackKey.MEAN, "odd", descending=descending)
        assert [track.label for _, track in store.tracks_by(record.id, order)] == expected
    constant = FeatureRange("odd", 0.1, 0.1)
    assert [track.label for track in store.tracks(record.id, means=(constant,))] == [4]


def test_an_order_keeps_to_the_filter(store: LineageStore, stored: Any) -> None:
    _, record = stored
    found = store.tracks_by(record.id, TrackOrder(TrackKey.LIFETIME), TrackFilter(founders=False))
    assert [track.label for _, track in found] == [2, 5, 4, 3]


@pytest.mark.parametrize(("by", "feature"), [(TrackKey.MEAN, None), (TrackKey.END, "area")])
def test_an_order_that_says_too_little_or_too_much_is_refused(by: TrackKey, feature: str | None) -> None:
    with pytest.raises(InputError, match="order of tracks"):
        TrackOrder(by, feature)


def test_infinite_values_have_a_place_in_every_order(store: LineageStore) -> None:
    graph = parallel_tracks(frames=2, cells=3)
    value = np.array([np.inf, -np.inf, 1.0, -np.inf, -np.inf, 2.0])  # the mean of track 1 is no number
    record = put_alone(store, with_features(graph, far=value), frames=2)
    order = TrackOrder(TrackKey.MEAN, "far")
    assert [track.label for _, track in store.tracks_by(record.id, order)] == [2, 3, 1]
    rows = store.detections_by(record.id, FeatureOrder("far"), ALL, first=2)
    assert sorted((rows.id - record.first_id).tolist()) == [1, 3]


def test_ancestors_and_descendants_to_any_depth(store: LineageStore, stored: Any) -> None:
    _, record = stored
    by_label = {track.label: track.id for track in store.tracks(record.id)}

    def named(found: dict[int, tuple[int, ...]]) -> dict[int, list[int]]:
        label = {track: label for label, track in by_label.items()}
        return {label[track]: [label[i] for i in ids] for track, ids in found.items()}

    asked = [by_label[label] for label in (5, 1, 2, 7)] + [12345]
    assert named(store.ancestors_of(asked)) == {1: [], 2: [1], 5: [2, 1], 7: []}
    assert named(store.descendants_of(asked)) == {1: [2, 3, 4, 5], 2: [4, 5], 5: [], 7: []}


def test_detections_by_id_hold_what_was_written(store: LineageStore, stored: Any) -> None:
    graph, record = stored
    rows = store.detections_by_id([record.first_id + row for row in (19, 3, 3)] + [12345])
    assert sorted((rows.id - record.first_id).tolist()) == [3, 19]
    for i, frame, track in zip(rows.id - record.first_id, rows.frame, rows.track, strict=True):
        assert frame == graph.detections.frame[i]
        assert track - record.first_id == graph.tracks.of_detection[i]


@pytest.mark.parametrize("knows_frames", [True, False])
def test_counts_of_each_frame(
    store: LineageStore, connection: Connection, stored: Any, knows_frames: bool
) -> None:
    graph, record = stored
    if not knows_frames:  # as an earlier version stored it
        connection.write(lambda tx: tx.run("MATCH (t:Tracking) REMOVE t.frame_start").consume())
    counts = store.frame_counts(record.id)
    assert counts.detections.tolist() == np.bincount(graph.detections.frame).tolist()
    assert counts.divisions.tolist() == [1, 0, 0, 1, 0, 0, 0, 0]
    assert counts.begins.tolist() == [1, 0, 1, 0, 0, 0, 0, 0]
    assert counts.losses.tolist() == [0, 0, 0, 0, 0, 1, 1, 2]


def test_counts_of_a_movie_without_cells(store: LineageStore) -> None:
    counts = store.frame_counts(put(store, lineages.no_cells()).id)
    assert counts.detections.tolist() == counts.losses.tolist() == [0, 0, 0]
