"""Sums over quadrants."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.scores.dominance import dominance_sums
from ingest.tracking_graph import IntArray

places = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(-3, 7)), max_size=20)
corners = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 7)), max_size=8)


def table(rows: list[tuple[int, ...]], width: int) -> IntArray:
    return np.array(rows, np.int64).reshape(-1, width)


@settings(deadline=None)
@given(places, corners)
def test_sums_are_those_of_a_look_at_every_point(
    weighted: list[tuple[int, ...]], asked: list[tuple[int, ...]]
) -> None:
    expected = [sum(w for x, y, w in weighted if x < right and y < top) for right, top in asked]
    points = table(weighted, 3)
    assert dominance_sums(points[:, :2], points[:, 2], table(asked, 2)).tolist() == expected


def test_large_coordinates_need_no_large_memory() -> None:
    points, weights = np.array([[5, 2**40], [7, 3]]), np.array([10, 1])
    sums = dominance_sums(points, weights, np.array([[8, 2**40 + 1], [8, 2**40], [6, 2**41]]))
    assert sums.tolist() == [11, 1, 10]
