"""Which computed detection stands for which reference detection."""

from collections.abc import Callable

import numpy as np
import pytest

from graph.scores.matching import match
from ingest.errors import LineageError
from ingest.movie import LabelImages
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.lineages import Drawing


def test_computed_cell_over_three_references_matches_all_three() -> None:
    # rows of the reference: t0 0 1 2, t1 3 4 5, t2 6 7 8; computed: t0 0 1 2, t1 3, t2 4 5 6
    matching = matched(lineages.merged_cells())
    assert matching.of_reference.tolist() == [0, 1, 2, 3, 3, 3, 4, 5, 6]
    assert matching.references.tolist() == [1, 1, 1, 3, 1, 1, 1]
    assert matching.one_to_one.tolist() == [0, 1, 2, -1, -1, -1, 4, 5, 6]
    assert matching.one_to_one_of_computed.tolist() == [0, 1, 2, -1, 6, 7, 8]


def test_half_of_the_reference_is_no_match() -> None:
    matching = matched(lineages.half_covered())
    assert matching.of_reference.tolist() == [-1, -1]
    assert matching.references.tolist() == [0, 0]


def test_computed_part_of_a_reference_is_measured_by_the_reference() -> None:
    # the computed cell lies within the reference: 24 of 36 pixels match, the other way round 24 of 24
    small = lineages.drawn(1, [lineages.Cell(4, 0, 0, height=4)])
    large = lineages.drawn(1, [lineages.Cell(9, 0, 0)])
    smaller = lineages.drawn(1, [lineages.Cell(4, 0, 0, height=3)])
    assert matched(lineages.Pair(large, small)).of_reference.tolist() == [0]
    assert matched(lineages.Pair(large, smaller)).of_reference.tolist() == [-1]
    assert matched(lineages.Pair(smaller, large)).of_reference.tolist() == [0]


@pytest.mark.parametrize("swap", [False, True])
def test_no_cells_on_one_side_or_either(swap: bool) -> None:
    pair = lineages.nothing_found()
    if swap:
        pair = lineages.Pair(pair.computed, pair.reference)
    matching = matched(pair)
    assert len(matching.one_to_one) == len(pair.reference.graph.detections)
    assert np.all(matching.one_to_one == -1)
    assert np.all(matching.one_to_one_of_computed == -1)
    assert len(matched(lineages.Pair(lineages.no_cells(), lineages.no_cells())).one_to_one) == 0


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        (lineages.mask_without_detection, "frame 1: label 4 is in the computed label image"),
        (lineages.detection_without_mask, "frame 2: no pixel of the computed label image has label 1"),
    ],
)
def test_images_and_detections_must_agree(drawing: Callable[[], Drawing], words: str) -> None:
    right, wrong = lineages.drawn(3, [lineages.Cell(1, 0, 2)]), drawing()
    with pytest.raises(LineageError, match=words):
        match(
            (right.graph.detections, LabelImages.from_array(right.labels)),
            (wrong.graph.detections, LabelImages.from_array(wrong.labels)),
        )
