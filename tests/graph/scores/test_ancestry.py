"""Cells, and their lineages as intervals."""

import numpy as np
import pytest

from graph.scores.ancestry import ancestry, cells
from ingest.tracking_graph import TrackingGraph, Tracks
from tests import lineages
from tests.graph.scores.random_lineages import random_pair


def relatives(tracks: Tracks) -> list[set[int]]:
    """Each track with its ancestors and descendants, found by walking up."""
    related: list[set[int]] = [{row} for row in range(len(tracks))]
    for row in range(len(tracks)):
        up = int(tracks.parent[row])
        while up >= 0:
            related[row].add(up)
            related[up].add(row)
            up = int(tracks.parent[up])
    return related


@pytest.mark.parametrize("seed", range(25))
def test_sum_of_relatives_leaves_siblings_out(seed: int) -> None:
    tracks = random_pair(seed).reference.graph.tracklets
    values = np.random.default_rng(seed).integers(1, 1000, len(tracks))
    expected = [sum(int(values[other]) for other in row) for row in relatives(tracks)]
    assert ancestry(tracks).sum_of_relatives(values).tolist() == expected


def test_intervals_of_a_lineage_lie_within_each_other() -> None:
    graph = lineages.generations().graph  # tracks by begin: 1, 2, 3, 7, 4, 5
    intervals = ancestry(graph.tracks)
    assert list(zip(intervals.begin.tolist(), intervals.end.tolist(), strict=True)) == [
        (0, 5),
        (1, 4),
        (4, 5),
        (5, 6),
        (2, 3),
        (3, 4),
    ]


def test_no_cells_have_no_relatives() -> None:
    tracks = lineages.no_cells().graph.tracks
    assert ancestry(tracks).sum_of_relatives(np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (lineages.one_daughter_seen().graph, [(0, 4)]),
        (lineages.cut_track().computed.graph, [(0, 4)]),
        (lineages.gap().graph, [(0, 4), (0, 4)]),
        (lineages.division().graph, [(0, 2), (3, 5), (3, 4)]),
        (lineages.division_into_three().graph, [(0, 1), (2, 4), (2, 3), (3, 3)]),
    ],
)
def test_only_child_continues_its_parent(graph: TrackingGraph, expected: list[tuple[int, int]]) -> None:
    found = cells(graph)
    assert list(zip(found.begin.tolist(), found.end.tolist(), strict=True)) == expected
