"""Every error as a thing."""

from collections.abc import Callable

import pytest

from graph.scores.errors import ErrorKind, Errors
from graph.scores.report import Score, score
from ingest.tracking_graph import IntArray, TrackingGraph
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.graph.scores.random_lineages import random_pair
from tests.graph.scores.test_divisions import dividing, wrong_daughter
from tests.lineages import Pair

Place = tuple[int, int] | None
"""Frame and label."""


def scored(pair: Pair, tolerance: int = 3) -> Score:
    return score(pair.reference.graph, pair.computed.graph, matched(pair), tolerance=tolerance)


def places(graph: TrackingGraph, rows: IntArray) -> tuple[Place, ...]:
    table = graph.detections
    return tuple((int(table.frame[row]), int(table.label[row])) if row >= 0 else None for row in rows)


def listed(pair: Pair, kind: ErrorKind) -> list[tuple[tuple[Place, ...], tuple[Place, ...]]]:
    errors = scored(pair).errors
    return [
        (
            places(pair.reference.graph, errors.reference[row]),
            places(pair.computed.graph, errors.computed[row]),
        )
        for row in range(len(errors))
        if errors.kind[row] == kind
    ]


def test_missed_invented_and_merged_detections() -> None:
    assert listed(lineages.missed_detection(), ErrorKind.FN) == [(((1, 1), None), (None, None))]
    assert listed(lineages.invented_track(), ErrorKind.FP) == [
        ((None, None), ((1, 2), None)),
        ((None, None), ((2, 2), None)),
    ]
    assert listed(lineages.merged_cells(), ErrorKind.NS) == [
        (((1, 2), None), ((1, 1), None)),
        (((1, 3), None), ((1, 1), None)),
    ]


def test_links_stand_with_both_ends_on_either_side() -> None:
    assert sorted(listed(lineages.swapped_tracks(), ErrorKind.ED)) == [
        (((1, 1), (2, 2)), ((1, 1), (2, 1))),
        (((1, 2), (2, 1)), ((1, 2), (2, 2))),
    ]
    assert listed(lineages.missed_detection(), ErrorKind.EA) == [
        (((0, 1), (1, 1)), ((0, 1), None)),
        (((1, 1), (2, 1)), (None, (2, 2))),
    ]
    assert listed(lineages.cut_track(), ErrorKind.EC) == [(((2, 1), (3, 1)), ((2, 1), (3, 2)))]


def test_missed_and_false_divisions_stand_at_the_mothers_last_detection() -> None:
    missed = lineages.missed_division()
    assert listed(missed, ErrorKind.MISSED_DIVISION) == [(((1, 1), None), ((1, 1), None))]
    invented = Pair(missed.computed, missed.reference)
    assert listed(invented, ErrorKind.FALSE_DIVISION) == [(((1, 1), None), ((1, 1), None))]


@pytest.mark.parametrize(("end", "shift"), [(5, 2), (4, 1)])
def test_shifted_division(end: int, shift: int) -> None:
    pair = Pair(dividing(3), dividing(end))
    errors = scored(pair).errors
    (row,) = (errors.kind == ErrorKind.SHIFTED_DIVISION).nonzero()[0]
    assert errors.shift[row] == shift
    assert errors.frame[row] == 3
    assert places(pair.computed.graph, errors.computed[row]) == ((end, 1), None)
    assert errors.counts[ErrorKind.MISSED_DIVISION] == 0
    strict = scored(pair, tolerance=shift - 1).errors.counts
    assert (strict[ErrorKind.MISSED_DIVISION], strict[ErrorKind.FALSE_DIVISION]) == (1, 1)
    assert strict[ErrorKind.SHIFTED_DIVISION] == 0


def test_wrong_daughters_are_listed_beside_what_they_count_as() -> None:
    counts = scored(wrong_daughter()).errors.counts
    assert counts[ErrorKind.WRONG_DAUGHTERS] == 1
    assert (counts[ErrorKind.MISSED_DIVISION], counts[ErrorKind.FALSE_DIVISION]) == (1, 1)


@pytest.mark.parametrize("pair", [lineages.identical, lineages.identical_gap])
def test_nothing_is_wrong_with_the_same_tracking(pair: Callable[[], Pair]) -> None:
    errors = scored(pair()).errors
    assert len(errors) == 0
    assert errors.reference.shape == (0, 2)


def check(errors: Errors, result: Score) -> None:
    """What must hold of any list of errors."""
    table = result.aogm.operations
    divisions = result.division_counts[-1]
    counts = {kind.name: count for kind, count in errors.counts.items()}
    assert {name: counts[name] for name in table} == dict(table)
    assert counts["MISSED_DIVISION"] == divisions.false_negatives
    assert counts["FALSE_DIVISION"] == divisions.false_positives
    assert counts["WRONG_DAUGHTERS"] == divisions.wrong_daughters
    late = divisions.true_positives - result.division_counts[0].true_positives
    assert counts["SHIFTED_DIVISION"] == late
    assert ((errors.reference[:, 0] >= 0) | (errors.computed[:, 0] >= 0)).all()
    assert (errors.frame[1:] >= errors.frame[:-1]).all()


@pytest.mark.parametrize("seed", range(30))
def test_each_count_of_a_score_is_the_number_of_errors_listed(seed: int) -> None:
    pair = random_pair(seed)
    result = scored(pair)
    errors = result.errors
    check(errors, result)
    for row in range(len(errors)):
        first, second = int(errors.reference[row, 0]), int(errors.computed[row, 0])
        truth, judged = result.reference, result.computed
        assert errors.reference_track[row] == (truth.tracks.of_detection[first] if first >= 0 else -1)
        assert errors.computed_track[row] == (judged.tracks.of_detection[second] if second >= 0 else -1)
        frame = truth.detections.frame[first] if first >= 0 else judged.detections.frame[second]
        assert errors.frame[row] == frame
