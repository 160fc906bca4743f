"""How whole tracks are followed."""

from collections.abc import Callable

import pytest

from graph.scores.tracks import Lengths, TrackScore, score_tracks
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.lineages import Cell, Pair, drawn


def scored(pair: Pair) -> TrackScore:
    return score_tracks(pair.reference.graph, pair.computed.graph, matched(pair))


# reference 3 < 1-1-1    computed 3 < 1-1      the example of deepcell-tracking's own test
#               2-2                   2-2
def test_effectiveness_and_association_of_a_shortened_daughter() -> None:
    mother, second = Cell(3, 0, 0), Cell(2, 1, 2, 3, x=30)
    reference = drawn(4, [mother, Cell(1, 1, 3, 3, x=4), second])
    computed = drawn(4, [mother, Cell(1, 1, 2, 3, x=4), second])
    found = scored(Pair(reference, computed))
    assert found.target_effectiveness == 5 / 6
    assert found.association_accuracy == 2 / 3


def test_only_the_best_computed_track_counts() -> None:
    # 1-1-1-1-1 followed as 1-1 5-5-5, linked by a parent: 3 of 5 detections, 2 of 4 links
    reference = drawn(5, [Cell(1, 0, 4)])
    computed = drawn(5, [Cell(1, 0, 1), Cell(5, 2, 4, parent=1)])
    found = scored(Pair(reference, computed))
    assert (found.target_effectiveness, found.association_accuracy) == (3 / 5, 2 / 4)
    assert (found.identity_switches, found.fragmentations) == (1, 0)


def test_gap_links_belong_to_a_track() -> None:
    found = scored(lineages.missed_gap())  # 2 of 4 detections, 1 of 3 links, and all of the other track
    assert found.target_effectiveness == 7 / 9
    assert found.association_accuracy == 5 / 7
    assert found.identity_switches == 1
    assert scored(lineages.identical_gap()).association_accuracy == 1


@pytest.mark.parametrize(
    ("pair", "switches", "fragments"),
    [
        (lineages.identical, 0, 0),
        (lineages.swapped_tracks, 2, 0),
        (lineages.missed_detection, 1, 1),
        (lineages.merged_cells, 2, 3),  # 1 goes on as 1, the other two as new tracks
        (lineages.nothing_found, 0, 0),
    ],
)
def test_switches_and_fragmentations(pair: Callable[[], Pair], switches: int, fragments: int) -> None:
    found = scored(pair())
    assert (found.identity_switches, found.fragmentations) == (switches, fragments)


def test_lengths_are_counted_in_detections() -> None:
    found = scored(Pair(lineages.gap(), lineages.division_into_three()))
    assert found.reference == Lengths(tracks=2, mean=4.5, median=4.5, longest=5)
    assert found.computed == Lengths(tracks=4, mean=2, median=2, longest=3)


def test_without_tracks_it_is_undefined() -> None:
    nothing = Pair(lineages.no_cells(), lineages.no_cells())
    assert scored(nothing) == TrackScore(
        None, None, 0, 0, Lengths(0, None, None, None), Lengths(0, None, None, None)
    )
    unlinked = scored(Pair(lineages.one_detection(), lineages.no_cells()))
    assert (unlinked.target_effectiveness, unlinked.association_accuracy) == (0, None)
