"""The table of a score."""

import json

import pytest

from graph.scores.aogm import CHALLENGE_WEIGHTS, Operation
from graph.scores.report import MEASURES, score
from graph.scores.segmentation import score_segmentation
from ingest.errors import InputError
from ingest.movie import LabelImages
from tests import lineages
from tests.graph.scores.drawings import matched


def test_table_holds_every_measure_by_name_and_is_ready_for_json() -> None:
    pair = lineages.late_division()
    table = score(pair.reference.graph, pair.computed.graph, matched(pair)).as_dict()
    assert tuple(table) == tuple(MEASURES)
    assert json.loads(json.dumps(table)) == table
    assert table["AOGM"] == 11
    assert table["operations"] == {"NS": 1, "FN": 0, "FP": 0, "ED": 0, "EA": 4, "EC": 0}
    assert table["BC"] == {"0": 0, "1": 1, "2": 1, "3": 1}


def test_combined_measures_are_means() -> None:
    pair = lineages.late_division()
    segmentation = score_segmentation(
        LabelImages.from_array(pair.reference.labels), LabelImages.from_array(pair.computed.labels)
    )
    row = score(pair.reference.graph, pair.computed.graph, matched(pair), segmentation=segmentation).as_row()
    iou = (3 + 4 + 2 * 36 / 120) / 9  # of nine cells, two lie in one mask of 120 pixels
    assert row["SEG"] == pytest.approx(iou)
    assert row["OP_CSB"] == pytest.approx((iou + 17 / 18) / 2)
    assert row["OP_CTB"] == pytest.approx((iou + 91 / 102) / 2)
    fractions = (1 + 2 / 3 + 2 / 3) / 3
    assert row["BIO.0"] == pytest.approx((0 + fractions + 0) / 3)  # CCA is undefined and left out
    assert row["BIO.1"] == pytest.approx((0 + fractions + 1) / 3)
    assert row["OP_CLB.1"] == pytest.approx((0.5 + (fractions + 1) / 3) / 2)


def test_without_exact_outlines_what_needs_them_is_undefined() -> None:
    pair = lineages.identical()
    row = score(pair.reference.graph, pair.computed.graph, matched(pair)).as_row()
    assert [row[name] for name in ("SEG", "OP_CSB", "OP_CTB", "CHOTA")] == [None, None, None, 1]


def test_only_the_measures_asked_for_in_their_order() -> None:
    pair = lineages.cut_track()
    result = score(pair.reference.graph, pair.computed.graph, matched(pair), measures=("TF", "CHOTA"))
    assert list(result.as_dict().items()) == [("TF", 0.6), ("CHOTA", 1)]
    assert "aogm" not in vars(result), "AOGM was computed although nobody asked"


def test_row_names_what_is_nested_by_its_path() -> None:
    pair = lineages.missed_division()
    row = score(pair.reference.graph, pair.computed.graph, matched(pair), tolerance=1).as_row()
    assert row["operations.EA"] == 2
    assert row["divisions.0.FN"] == row["divisions.1.FN"] == 1
    assert "divisions.2.FN" not in row
    assert row["linkages.different.different"] is None
    assert row["tracks.reference.tracks"] == 3


def test_weights_may_be_changed() -> None:
    pair = lineages.cut_track()
    weights = {**CHALLENGE_WEIGHTS, Operation.EC: 4.0}
    result = score(pair.reference.graph, pair.computed.graph, matched(pair), weights=weights)
    assert (result.aogm.aogm, result.aogm.tra) == (4, 1 - 4 / 56)


def test_impossible_choices_are_refused() -> None:
    pair = lineages.identical()
    sides = pair.reference.graph, pair.computed.graph, matched(pair)
    with pytest.raises(InputError, match=r"no measure 'TRAA'.*DET, TRA, LNK"):
        score(*sides, measures=["TRAA"])
    with pytest.raises(InputError, match="tolerance: -1"):
        score(*sides, tolerance=-1)
    with pytest.raises(InputError, match="no cost of FP"):
        score(*sides, weights={**CHALLENGE_WEIGHTS, Operation.FP: -2.0})


def test_movie_without_a_cell_on_either_side() -> None:
    nothing = lineages.no_cells().graph
    row = score(nothing, nothing, matched(lineages.Pair(lineages.no_cells(), lineages.no_cells()))).as_row()
    assert row["AOGM"] == 0
    undefined = ("DET", "TRA", "LNK", "CT", "TF", "CCA", "CHOTA", "BC.0", "BIO.0", "OP_CLB.0", "tracks.TE")
    assert {name: row[name] for name in undefined} == dict.fromkeys(undefined)
