"""CHOTA."""

from collections.abc import Callable

import numpy as np
import pytest

from graph.scores.ancestry import ancestry, cells
from graph.scores.chota import chota, relatives_in_common
from ingest.tracking_graph import IntArray, Tracks
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.graph.scores.test_ancestry import relatives
from tests.lineages import Pair


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (lineages.merged_cells, 0.616356),
        (lineages.cut_track, 1),
        (lineages.identical_gap, 1),
        (lineages.missed_gap, 0.881917),
        (lineages.continued_mother, 0.849837),
        (lineages.half_covered, 0),
        (lineages.late_division, 0.928673),
        (lineages.nothing_found, 0),
    ],
)
def test_expected_values(pair: Callable[[], Pair], expected: float) -> None:
    drawn = pair()
    value = chota(cells(drawn.reference.graph), cells(drawn.computed.graph), matched(drawn))
    assert value == pytest.approx(expected, abs=5e-7)


def test_without_cells_it_is_undefined() -> None:
    nothing = lineages.no_cells()
    tracks = cells(nothing.graph)
    assert chota(tracks, tracks, matched(Pair(nothing, nothing))) is None


def ladder(generations: int, seed: int) -> Tracks:
    """One daughter of each division divides again: as deep as it is long."""
    rng = np.random.default_rng(seed)
    count = 2 * generations + 1
    parent = np.full(count, -1)
    for generation in range(1, generations + 1):
        mother = int(rng.integers(2)) + 2 * (generation - 1) - 1 if generation > 1 else 0
        parent[2 * generation - 1 : 2 * generation + 1] = mother
    rows: IntArray = np.arange(count)
    return Tracks(rows, rows, rows, rows, parent, rows)


def test_relatives_in_common_are_those_of_a_look_at_every_pair() -> None:
    first, second = ladder(40, 1), ladder(30, 2)
    rng = np.random.default_rng(3)
    pairs = np.unique(rng.integers((0, 0), (len(first), len(second)), (300, 2)), axis=0)
    matches = rng.integers(1, 50, len(pairs))
    of_first, of_second = relatives(first), relatives(second)
    expected = [
        sum(
            count
            for (a, b), count in zip(pairs.tolist(), matches.tolist(), strict=True)
            if a in of_first[i] and b in of_second[j]
        )
        for i, j in pairs.tolist()
    ]
    assert relatives_in_common(ancestry(first), ancestry(second), pairs, matches).tolist() == expected
