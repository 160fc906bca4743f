"""What is a lineage, and what each thing that is none is told."""

from dataclasses import replace

import pytest
from hypothesis import given

from ingest.errors import LineageError
from ingest.movie import LabelImages
from ingest.validate import validate
from tests import lineages
from tests.lineages import Drawing
from tests.strategies import lineages as random_lineages

SAID = {
    "backward_link": "frame 0: the DIVISION link from label 1 of frame 2 to label 2 does not lead forward",
    "link_within_frame": "frame 0: the DIVISION link from label 1 of frame 0 to label 3 does not lead",
    "two_parents": "frame 2: the DIVISION link from label 1 of frame 1 to label 3 is not the",
    "next_over_missed_frame": "frame 2: the NEXT link from label 1 of frame 0 to label 2 misses frames",
    "gap_without_missed_frame": "frame 1: the GAP link from label 1 of frame 0 to label 1 misses no frame",
    "continued_twice": "frame 1: the NEXT link from label 1 of frame 0 to label 1 goes on as the same",
    "daughter_of_continued_mother": "frame 1: the NEXT link from label 1 of frame 0 to label 1 goes on as",
    "unknown_kind": "frame 1: the kind 7 link from label 1 of frame 0 to label 1 is of no known kind",
    "link_to_nowhere": "a link from detection 0 to 9, where there are 2",
    "detection_without_mask": "frame 2: label 1 is a detection, but not in the label image",
    "mask_without_detection": "frame 1: label 4 is in the label image, but no detection",
}


def check(drawing: Drawing) -> None:
    validate(drawing.graph, LabelImages.from_array(drawing.labels))


@pytest.mark.parametrize("draw", lineages.RIGHT, ids=lambda draw: draw.__name__)
def test_right_lineages_pass(draw: lineages.Draw) -> None:
    check(draw())


@given(random_lineages())
def test_random_lineages_pass(drawing: Drawing) -> None:
    check(drawing)


@pytest.mark.parametrize("draw", lineages.INVALID, ids=lambda draw: draw.__name__)
def test_what_is_no_lineage_is_told_so(draw: lineages.Draw) -> None:
    with pytest.raises(LineageError) as caught:
        check(draw())
    assert str(caught.value).startswith(SAID[draw.__name__])
    assert caught.value.remedy


def test_masks_are_looked_at_only_when_given() -> None:
    validate(lineages.mask_without_detection().graph)


def test_detections_need_a_label_image_for_each_of_their_frames() -> None:
    drawing = lineages.gap()
    with pytest.raises(LineageError, match="detections up to frame 4, but 3 label images"):
        check(replace(drawing, labels=drawing.labels[:3]))
