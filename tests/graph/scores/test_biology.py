"""CT, TF and CCA."""

from collections.abc import Callable

import numpy as np
import pytest

from graph.scores.biology import (
    cell_cycle_accuracy,
    complete_tracks,
    cumulative,
    cycle_lengths,
    likeness,
    track_fractions,
)
from graph.scores.following import Runs, follow
from ingest.tracking_graph import TrackingGraph
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.lineages import Cell, Drawing, Pair, drawn


def runs(pair: Pair) -> tuple[TrackingGraph, TrackingGraph, Runs]:
    reference, computed = pair.reference.graph, pair.computed.graph
    return reference, computed, follow(reference.tracklets, computed.tracklets, matched(pair))


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (lineages.identical, 1),
        (lineages.continued_mother, 0.4),  # of 3 and 2 tracks, the new daughter only
        (lineages.cut_track, 0),
        (lineages.merged_cells, 0),  # matched in every frame, but not alone in frame 1
        (lineages.missed_division, 1),
    ],
)
def test_complete_tracks(pair: Callable[[], Pair], expected: float) -> None:
    assert complete_tracks(*runs(pair())) == expected


def test_track_is_not_complete_when_the_computed_one_lives_longer() -> None:
    short, long = drawn(4, [Cell(1, 1, 2)]), drawn(4, [Cell(7, 1, 3)])
    assert complete_tracks(*runs(Pair(short, long))) == 0
    assert complete_tracks(*runs(Pair(long, short))) == 0


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (lineages.cut_track, 0.6),
        (lineages.identical, 1),
        (lineages.late_division, (1 + 2 / 3 + 2 / 3) / 3),
        (lineages.swapped_tracks, 0.5),
        (lineages.missed_detection, 1 / 3),
        (lineages.half_covered, None),
    ],
)
def test_track_fractions(pair: Callable[[], Pair], expected: float | None) -> None:
    assert track_fractions(*runs(pair())) == pytest.approx(expected)


# reference 1-1 . .    computed 7-7-7-7
#           . . 2-2-2               . . . .  8 (frame 4)
def test_track_that_follows_one_reference_whole_is_not_credited_for_a_higher_label() -> None:
    def fractions(mother: int, daughter: int) -> float | None:
        reference = drawn(5, [Cell(mother, 0, 1), Cell(daughter, 2, 4, parent=mother)])
        computed = drawn(5, [Cell(7, 0, 3), Cell(8, 4, 4)])
        return track_fractions(*runs(Pair(reference, computed)))

    assert fractions(1, 2) == (1 + 1 / 3) / 2  # 7 is used up by 1, so 8 it is that follows 2
    assert fractions(2, 1) == (1 + 2 / 3) / 2


def test_run_ends_where_a_detection_is_missed() -> None:
    reference = drawn(6, [Cell(3, 0, 5)])
    computed = drawn(6, [Cell(1, 0, 0), Cell(2, 2, 4, parent=1)])
    assert track_fractions(*runs(Pair(reference, computed))) == 0.5


def test_cumulative_lengths() -> None:
    assert cumulative(np.array([1, 3, 5, 5]), np.arange(6)).tolist() == [0, 0.25, 0.25, 0.5, 0.5, 1]


def test_likeness_is_one_minus_the_largest_distance() -> None:
    assert likeness(np.array([1, 3, 5, 5]), np.array([5])) == 0.5
    assert likeness(np.array([4, 9]), np.array([9, 4, 9, 4])) == 1
    assert likeness(np.array([1]), np.array([2])) == 0


# 1-1-1 <2-2<4…      length of 2: birth frame 1, division after frame `end`
def two_divisions(end: int) -> Drawing:
    return drawn(
        8,
        [
            Cell(1, 0, 0, y=2),
            Cell(2, 1, end, 1, y=2, x=10),
            Cell(3, 1, 7, 1, y=2, x=34),
            Cell(4, end + 1, 7, 2, y=2, x=2),
            Cell(5, end + 1, 7, 2, y=2, x=22),
        ],
    )


def test_cycles_begin_and_end_in_a_division() -> None:
    assert cycle_lengths(two_divisions(4).graph.tracklets).tolist() == [4]
    assert cycle_lengths(lineages.division().graph.tracklets).tolist() == []
    assert cycle_lengths(lineages.one_daughter_seen().graph.tracklets).tolist() == []


def test_cell_cycle_accuracy() -> None:
    four, five, none = two_divisions(4).graph, two_divisions(5).graph, lineages.division().graph
    assert cell_cycle_accuracy(four, four) == 1
    assert cell_cycle_accuracy(four, five) == 0
    assert cell_cycle_accuracy(four, none) == 0
    assert cell_cycle_accuracy(none, four) is None


def test_without_reference_all_are_undefined() -> None:
    pair = Pair(lineages.no_cells(), lineages.one_detection())
    assert complete_tracks(*runs(pair)) is None
    assert track_fractions(*runs(pair)) is None
    assert cell_cycle_accuracy(pair.reference.graph, pair.computed.graph) is None
