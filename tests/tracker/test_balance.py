"""What a division costs follows from how often tracks begin and end."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.tracking_graph import BoolArray, Detections, LinkKind, TrackingGraph
from tracker.balance import ERROR, STEP, balanced

DEAREST = 4.0
Decide = Callable[[float], TrackingGraph]


# m-m < d-d    each mother divides while that costs less than it is worth; else one daughter goes on as she,
#       e-e    and the other begins a track
#     p        pieces begin and end
def culture(worth: Sequence[float], pieces: int, *, skipped: int = 0) -> tuple[Decide, BoolArray]:
    """What a decision makes of mothers and pieces; and that all are away from the edge.

    `skipped` is of frames without cells, before the division.
    """
    mothers = len(worth)
    counts = [mothers, mothers + pieces, *[0] * skipped, 2 * mothers, 2 * mothers]
    frame = np.repeat(np.arange(len(counts)), counts)
    label = np.concatenate([np.arange(1, count + 1) for count in counts])
    detections = Detections(frame, label, np.zeros(len(frame)), np.zeros(len(frame)))
    n = np.arange(mothers)
    before, daughters, later = mothers, 2 * mothers + pieces, 4 * mothers + pieces  # first rows

    def decide(cost: float) -> TrackingGraph:
        told = n[np.asarray(worth) > cost]
        links = np.concatenate(
            [
                np.stack([n, before + n], axis=1),
                np.stack([before + n, daughters + n], axis=1),
                np.stack([before + told, daughters + mothers + told], axis=1),
                np.stack([daughters + np.arange(2 * mothers), later + np.arange(2 * mothers)], axis=1),
            ]
        ).astype(np.int64)
        kind = np.full(len(links), LinkKind.NEXT, np.uint8)
        kind[np.isin(links[:, 0], before + told)] = LinkKind.DIVISION
        order = np.argsort(links[:, 1])
        return TrackingGraph(detections, links[order], kind[order])

    return decide, np.ones(len(detections), bool)


@given(st.lists(st.floats(-1, 6), max_size=40), st.integers(0, 30))
def test_the_dearest_division_at_which_tracks_begin_as_often_as_they_end(
    worth: list[float], pieces: int
) -> None:
    decide, is_inside = culture(worth, pieces)
    asked = list[float]()

    def noted(cost: float) -> TrackingGraph:
        asked.append(cost)
        return decide(cost)

    graph, cost = balanced(noted, is_inside, DEAREST)
    even = [0.0]
    for tried in np.arange(0, DEAREST + STEP, STEP):
        untold = sum(value <= tried for value in worth)  # they begin; pieces begin and end
        if untold <= ERROR * np.sqrt(untold + 2 * pieces):
            even.append(tried)
    assert cost == max(even)
    assert len(graph.divisions) == sum(value > cost for value in worth)
    assert len(asked) <= 4 + (cost == 0)


@pytest.mark.parametrize(("pieces", "cost"), [(0, 0.5), (50, 4.0)])
def test_as_many_divisions_as_are_expected_may_hide_behind_pieces(pieces: int, cost: float) -> None:
    decide, is_inside = culture([1.0] * 5, pieces)
    assert balanced(decide, is_inside, DEAREST)[1] == cost


@pytest.mark.parametrize(("at_edge", "cost"), [("all", DEAREST), ("pieces", 0.5), ("none", DEAREST)])
def test_what_begins_and_ends_at_the_edge_says_nothing(at_edge: str, cost: float) -> None:
    """Three that begin stand out where twenty pieces do not count."""
    decide, is_inside = culture([1.0] * 3, pieces=20)
    is_inside[:] = at_edge != "all"
    is_inside[6:26] &= at_edge != "pieces"
    assert balanced(decide, is_inside, DEAREST)[1] == cost


def test_one_that_begins_says_something() -> None:
    decide, is_inside = culture([1.0], pieces=0)
    assert balanced(decide, is_inside, DEAREST)[1] == 0.5


def test_what_begins_after_frames_without_cells_says_nothing() -> None:
    decide, is_inside = culture([1.0] * 9, pieces=0, skipped=2)
    assert balanced(decide, is_inside, DEAREST)[1] == DEAREST


def test_of_no_cells() -> None:
    decide, is_inside = culture([], pieces=0)
    graph, cost = balanced(decide, is_inside, DEAREST)
    assert len(graph.links) == 0
    assert cost == DEAREST
