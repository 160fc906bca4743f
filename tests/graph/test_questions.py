"""Windows, filters and relations: each answer against what NumPy finds in the graph that was written."""

from typing import Any

import numpy as np
import pytest

from graph.connection import Connection
from graph.records import TrackingRecord
from graph.store import LineageStore
from graph.track_pages import Rise
from graph.windows import Window
from ingest.errors import InputError
from ingest.tracking_graph import TrackingGraph
from tests import lineages
from tests.graph.stored import parallel_tracks, put, put_alone, with_features

pytestmark = pytest.mark.neo4j

WINDOWS = [
    Window(0, 0),
    Window(2, 4),
    Window(7, 7),
    Window(5, 90),
    Window(8, 12),
    Window(1, 6, (0.0, 10.0, 9.5, 26.0)),
]


@pytest.fixture
def stored(store: LineageStore) -> tuple[TrackingGraph, TrackingRecord]:
    """The lineage of five cells and one beside it, among others that are not asked for."""
    drawn = lineages.generations()
    put(store, drawn, author="before")
    graph = with_features(drawn.graph)
    record = put(store, drawn, graph)
    put(store, drawn, author="after")
    return graph, record


def rows_in(graph: TrackingGraph, window: Window) -> list[int]:
    cells = graph.detections
    y0, x0, y1, x1 = window.box or (-np.inf, -np.inf, np.inf, np.inf)
    within = (cells.y >= y0) & (cells.y < y1) & (cells.x >= x0) & (cells.x < x1)
    return np.flatnonzero(within & (cells.frame >= window.begin) & (cells.frame <= window.end)).tolist()


@pytest.mark.parametrize("knows_frames", [True, False])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_holds_what_lies_in_it(
    store: LineageStore, connection: Connection, stored: Any, window: Window, knows_frames: bool
) -> None:
    graph, record = stored
    if not knows_frames:  # as an earlier version stored it
        connection.write(lambda tx: tx.run("MATCH (t:Tracking) REMOVE t.frame_start").consume())
    found = store.detections(record.id, window).rows
    order = np.argsort(found.id)
    rows = rows_in(graph, window)
    assert (found.id[order] - record.first_id).tolist() == rows
    np.testing.assert_array_equal(found.frame[order], graph.detections.frame[rows])
    np.testing.assert_array_equal(found.track[order] - record.first_id, graph.tracks.of_detection[rows])
    np.testing.assert_array_equal(found.features["odd"][order], graph.detections.features["odd"][rows])


def test_a_window_is_read_in_pages(store: LineageStore, stored: Any) -> None:
    graph, record = stored
    window, after, rows = Window(1, 6), None, []
    while True:
        page = store.detections(record.id, window, first=3, after=after)
        rows += (page.rows.id - record.first_id).tolist()
        assert np.all(np.diff(page.rows.track) >= 0)
        if (after := page.last) is None:
            break
    assert sorted(rows) == rows_in(graph, window)


@pytest.mark.parametrize("bad", [(-1, 3, None), (4, 3, None), (0, 1, (5.0, 0.0, 5.0, 9.0))])
def test_a_window_that_holds_nothing_is_refused(bad: Any) -> None:
    with pytest.raises(InputError, match="window"):
        Window(*bad)


def test_tracks_by_generation_length_and_time(store: LineageStore, stored: Any) -> None:
    _, record = stored

    def labels(**wanted: Any) -> list[int]:
        return [track.label for track in store.tracks(record.id, **wanted)]

    assert labels(generation=1) == [2, 3]
    assert labels(max_frames=3) == [1, 2, 5]
    assert labels(min_frames=4, max_frames=4) == [7, 4]
    assert labels(alive=(0, 1)) == [1, 2, 3]
    assert labels(alive=(7, 9)) == [3, 4]
    assert labels(label=7) == [7]
    assert labels(label=6) == []


def test_tracks_along_which_a_feature_grows(store: LineageStore) -> None:
    graph = parallel_tracks(frames=8, cells=4)
    frame, cell = graph.detections.frame, np.tile(np.arange(4), 8)
    # track 1 stays; 2 doubles at its end; 3 doubles for one noisy frame; 4 halves
    value = np.select(
        [cell == 0, cell == 1, cell == 2],
        [5.0, np.where(frame >= 5, 9.0, 3.0), np.where(frame == 7, 6.0, 4.0)],
        np.where(frame >= 5, 1.0, 2.0),
    )
    record = put_alone(store, with_features(graph, mean_0=value), frames=8)

    def labels(factor: float, feature: str = "mean_0") -> list[int]:
        return [track.label for track in store.tracks(record.id, rises=Rise(feature, factor))]

    assert labels(3.0) == [2]
    assert labels(3.001) == []
    assert labels(1.1) == [2, 3]
    assert labels(0.5) == [1, 2, 3, 4]
    with pytest.raises(InputError, match=r"'mean_7'.*area, odd, mean_0"):
        labels(1.5, "mean_7")


def test_a_short_track_rises_between_its_halves(store: LineageStore) -> None:
    graph = parallel_tracks(frames=2, cells=1)
    record = put_alone(store, with_features(graph, mean_0=np.array([2.0, 5.0])), frames=2)
    assert len(store.tracks(record.id, rises=Rise("mean_0", 2.5))) == 1
    assert len(store.tracks(record.id, rises=Rise("mean_0", 2.6))) == 0
    alone = put_alone(store, with_features(parallel_tracks(1, 1), mean_0=np.array([2.0])), frames=1)
    assert store.tracks(alone.id, rises=Rise("mean_0", 0.1)) == []


def test_mothers_and_daughters_and_sisters(store: LineageStore, stored: Any) -> None:
    _, record = stored
    label = {track.id: track.label for track in store.tracks(record.id)}
    pairs = store.mothers_and_daughters(record.id)
    named = [(label[one], label[other]) for one, other in zip(pairs.one, pairs.other, strict=True)]
    assert named == [(1, 2), (1, 3), (2, 4), (2, 5)]
    assert pairs.one_frames.tolist() == [1, 1, 3, 3]
    assert pairs.other_frames.tolist() == [3, 7, 4, 3]
    assert pairs.one_whole.tolist() == [False, False, True, True]
    assert pairs.other_whole.tolist() == [True, False, False, False]
    assert not pairs.whole.any()
    sisters = store.sisters(record.id)
    named = [(label[one], label[other]) for one, other in zip(sisters.one, sisters.other, strict=True)]
    assert named == [(2, 3), (4, 5)]
    assert (sisters.one_frames.tolist(), sisters.other_frames.tolist()) == ([3, 4], [7, 3])
    assert sisters.one_whole.tolist() == [True, False]
    by_label = {label: track for track, label in label.items()}
    found = store.sisters_of([by_label[5], by_label[1], 12345])
    assert found == {by_label[5]: (by_label[4],), by_label[1]: ()}


def test_three_daughters_are_three_pairs_of_sisters_and_one_is_none(store: LineageStore) -> None:
    three = put(store, lineages.division_into_three())
    assert len(store.sisters(three.id)) == 3
    assert len(store.mothers_and_daughters(three.id)) == 3
    one = put(store, lineages.one_daughter_seen())
    assert (
        len(store.sisters(one.id))
        == len(store.mothers_and_daughters(one.id))
        == len(store.lives(one.id))
        == 0
    )


def test_how_long_cells_live(store: LineageStore, stored: Any) -> None:
    _, record = stored
    lives = store.lives(record.id)
    label = {track.id: track.label for track in store.tracks(record.id)}
    assert [label[track] for track in lives.track] == [2, 3, 4, 5]
    assert lives.generation.tolist() == [1, 1, 2, 2]
    assert lives.frames.tolist() == [3, 7, 4, 3]
    assert lives.divided.tolist() == [True, False, False, False]
    times, undivided = lives.survival()  # four cells live 3 frames at least, of which one divides
    assert (times.tolist(), undivided.tolist()) == ([3], [0.75])


def test_the_mean_of_a_feature_along_each_track(store: LineageStore, stored: Any) -> None:
    graph, record = stored
    ids = [track.id for track in store.tracks(record.id)]
    means = store.track_means(ids, "odd")
    for row in range(len(graph.tracks)):
        values = graph.detections.features["odd"][graph.tracks.of_detection == row]
        expected = np.nan if np.isnan(values).all() else np.nanmean(values)
        np.testing.assert_allclose(means[record.first_id + row], expected)
