"""Batches of whole trackings are as small as they are said to be, and in the order that was asked for."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import bulk_reader
from graph.bulk import TrackColumns
from graph.store import LineageStore
from graph.track_pages import TrackFilter
from tests.graph.stored import parallel_tracks, put_alone

pytestmark = pytest.mark.neo4j


def test_a_batch_holds_no_more_than_it_may_and_no_track_is_divided(store: LineageStore) -> None:
    record = put_alone(store, parallel_tracks(frames=10, cells=7), frames=10)
    with patch.object(bulk_reader, "READ_ROWS", 25):
        tracks = store.track_columns(record)
        parts = list(store.cells_by_track(record, tracks, None, ()))
    assert [len(part) for part in parts] == [20, 20, 20, 10]
    assert [len(set(part.rows.track.tolist())) for part in parts] == [2, 2, 2, 1]


def test_a_track_longer_than_a_batch_is_one(store: LineageStore) -> None:
    record = put_alone(store, parallel_tracks(frames=30, cells=2), frames=30)
    with patch.object(bulk_reader, "READ_ROWS", 8):
        parts = list(store.cells_by_track(record, store.track_columns(record), None, ()))
    assert [len(part) for part in parts] == [30, 30]


def test_tracks_come_in_the_order_in_which_they_are_asked_for(store: LineageStore) -> None:
    record = put_alone(store, parallel_tracks(frames=4, cells=5), frames=4)
    order = np.array([3, 0, 4, 1])
    tracks = store.track_columns(record).take(order)
    with patch.object(bulk_reader, "READ_ROWS", 8):
        parts = list(store.cells_by_track(record, tracks, None, ()))
    rows = np.concatenate([part.rows.track for part in parts]) - record.first_id
    assert rows.tolist() == np.repeat(order, 4).tolist()
    frames = np.concatenate([part.rows.frame for part in parts])
    assert frames.tolist() == [0, 1, 2, 3] * 4


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.integers(0, 3)), max_size=8)
)
def test_tracks_are_chosen_as_one_by_one(lives: list[tuple[int, int, bool, int]]) -> None:
    begin = np.array([min(a, b) for a, b, *_ in lives], np.int64)
    end = np.array([max(a, b) for a, b, *_ in lives], np.int64)
    founder, daughters = np.array([f for *_, f, _ in lives], bool), np.array([d for *_, d in lives], np.int64)
    rows = np.arange(len(lives))
    parent = np.where(founder, -1, 7)
    columns = TrackColumns(rows, rows, begin, end, parent, rows, 1 - founder, daughters, np.zeros(len(lives)))
    wanted = TrackFilter(
        founders=False,
        divides=True,
        min_frames=2,
        max_frames=6,
        generation=1,
        alive=(3, 5),
        begins=(2, 4),
        ends=(4, 7),
    )
    found = [
        row
        for row in rows.tolist()
        if not founder[row]
        and daughters[row] >= 2
        and 2 <= end[row] - begin[row] + 1 <= 6
        and any(begin[row] <= frame <= end[row] for frame in (3, 4, 5))
        and begin[row] in range(2, 5)
        and end[row] in range(4, 8)
    ]
    assert columns.chosen(wanted).tolist() == found
    assert columns.chosen(TrackFilter()).tolist() == rows.tolist()
