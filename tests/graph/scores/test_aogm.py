"""AOGM, DET, LNK and TRA on drawn lineages, against values of py-ctcmetrics 1.3.3 and of the paper."""

from collections.abc import Callable

import pytest

from graph.scores.aogm import CHALLENGE_WEIGHTS, Operation, aogm, count_operations, score_operations
from ingest.errors import InputError
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.lineages import Pair

Counts = dict[Operation, int]


def counts(**given: int) -> Counts:
    return {operation: given.get(operation, 0) for operation in Operation}


@pytest.mark.parametrize("pair", lineages.PAIRS)
def test_operations_of_each_drawn_error(pair: Callable[[], Pair]) -> None:
    drawn = pair()
    operations = count_operations(drawn.reference.graph, drawn.computed.graph, matched(drawn))
    assert operations.counts == counts(**drawn.operations)


@pytest.mark.parametrize(
    ("pair", "cost", "cost_from_nothing", "det", "tra", "lnk"),
    [
        (lineages.merged_cells, 19, 99, 0.888889, 0.808081, 0),
        (lineages.cut_track, 1, 56, 1, 0.982143, 0.833333),
        (lineages.identical_gap, 0, 100.5, 1, 1, 1),
        (lineages.missed_gap, 1.5, 100.5, 1, 0.985075, 0.857143),
        (lineages.continued_mother, 2.5, 102, 1, 0.97549, 0.791667),
        (lineages.half_covered, 23.5, 21.5, 0, 0, 0),
        (lineages.late_division, 11, 102, 0.944444, 0.892157, 0.5),
    ],
)
def test_expected_values(
    pair: Callable[[], Pair], cost: float, cost_from_nothing: float, det: float, tra: float, lnk: float
) -> None:
    drawn = pair()
    result = aogm(drawn.reference.graph, drawn.computed.graph, matched(drawn))
    assert (result.aogm, result.aogm_0) == (cost, cost_from_nothing)
    assert (result.det, result.tra, result.lnk) == pytest.approx((det, tra, lnk), abs=5e-7)


def test_formula_of_a_hundred_nodes_and_links() -> None:
    result = score_operations(counts(FP=4, FN=3, NS=5, ED=1, EA=20, EC=4), detections=100, links=100)
    assert result.det == pytest.approx(0.941)
    assert result.lnk == pytest.approx(0.7667, abs=5e-5)
    assert result.tra == pytest.approx(0.9183, abs=5e-5)


def test_operations_name_the_rows_that_they_change() -> None:
    drawn = lineages.late_division()
    reference, computed = drawn.reference.graph, drawn.computed.graph
    operations = count_operations(reference, computed, matched(drawn))
    (split,) = operations.split
    assert (computed.detections.frame[split], computed.detections.label[split]) == (3, 1)
    frames = reference.detections.frame[reference.links[operations.added]]
    assert sorted(frames.tolist()) == [[2, 3], [2, 3], [3, 4], [3, 4]]


def test_changed_link_is_named_on_both_sides() -> None:
    drawn = lineages.cut_track()
    operations = count_operations(drawn.reference.graph, drawn.computed.graph, matched(drawn))
    ((reference, computed),) = operations.changed
    assert drawn.reference.graph.links[reference].tolist() == [2, 3]
    assert drawn.computed.graph.links[computed].tolist() == [2, 3]


def test_each_weight_weighs_its_own_operation() -> None:
    primes = dict(zip(Operation, (2.0, 3.0, 5.0, 7.0, 11.0, 13.0), strict=True))
    found = counts(NS=1, FN=10, FP=100, ED=1_000, EA=10_000, EC=100_000)
    result = score_operations(found, detections=10_000, links=1_000_000, weights=primes)
    assert result.aogm == 2 + 30 + 500 + 7_000 + 110_000 + 1_300_000
    assert result.aogm_0 == 3 * 10_000 + 11 * 1_000_000
    assert result.det == 1 - 532 / 30_000
    assert result.lnk == 1 - 1_417_000 / 11_000_000


def test_what_is_undefined_is_none() -> None:
    nothing = lineages.no_cells()
    single = lineages.one_detection()
    empty = aogm(nothing.graph, single.graph, matched(Pair(nothing, single)))
    assert (empty.aogm, empty.det, empty.lnk, empty.tra) == (1, None, None, None)
    unlinked = aogm(single.graph, single.graph, matched(Pair(single, single)))
    assert (unlinked.det, unlinked.lnk, unlinked.tra) == (1, None, 1)


@pytest.mark.parametrize("weight", [-1.0, 1e308, float("nan"), float("inf")])
def test_impossible_weights_are_refused(weight: float) -> None:
    with pytest.raises(InputError, match="no cost of ED"):
        score_operations(counts(), detections=1, links=1, weights={**CHALLENGE_WEIGHTS, Operation.ED: weight})
    with pytest.raises(InputError, match="None is no cost of FN"):
        score_operations(counts(), detections=1, links=1, weights={Operation.NS: 5.0})
