"""Confusion of linkages."""

from collections.abc import Callable

import pytest

from graph.scores.linkages import confuse_linkages
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.lineages import Pair


@pytest.mark.parametrize(
    ("pair", "same", "different", "parent_child"),
    [  # rows of the reference: same, different, parent-child in the computed tracking
        (lineages.identical, (16, 0, 0), (0, 0, 0), (0, 0, 4)),
        (lineages.continued_mother, (6, 0, 0), (0, 0, 0), (1, 1, 0)),
        (lineages.missed_division, (3, 0, 0), (0, 0, 0), (0, 2, 0)),
        (lineages.invented_division, (3, 0, 1), (0, 0, 1), (0, 0, 0)),
        (lineages.swapped_tracks, (4, 2, 0), (2, 0, 0), (0, 0, 0)),
        (lineages.merged_cells, (0, 0, 0), (0, 0, 0), (0, 0, 0)),
        (lineages.missed_gap, (6, 1, 0), (0, 0, 0), (0, 0, 0)),
    ],
)
def test_each_linkage_in_its_place(
    pair: Callable[[], Pair],
    same: tuple[int, ...],
    different: tuple[int, ...],
    parent_child: tuple[int, ...],
) -> None:
    drawn = pair()
    found = confuse_linkages(drawn.reference.graph, drawn.computed.graph, matched(drawn))
    assert found.pairs.tolist() == [list(same), list(different), list(parent_child)]


def test_pairs_that_nobody_links_are_not_counted() -> None:
    drawn = lineages.invented_division()
    table = confuse_linkages(drawn.reference.graph, drawn.computed.graph, matched(drawn)).as_dict()
    assert table == {
        "same": {"same": 3, "different": 0, "parent_child": 1},
        "different": {"same": 0, "different": None, "parent_child": 1},
        "parent_child": {"same": 0, "different": 0, "parent_child": 0},
    }
