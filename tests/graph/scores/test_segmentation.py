"""SEG."""

import numpy as np
import pytest

from graph.scores.segmentation import score_segmentation
from ingest.errors import InputError
from ingest.movie import LabelImages


def images(*frames: list[list[int]]) -> LabelImages:
    return LabelImages.from_array(np.array(frames, np.int32))


def test_mean_of_the_intersection_over_union() -> None:
    # 4 covers 3 of the 4 pixels of 1 and one more; 9 covers half of 2, which is no match; 3 is missed
    reference = images([[1, 1, 1, 1, 0, 0], [2, 2, 0, 0, 3, 3]])
    computed = images([[0, 4, 4, 4, 4, 0], [9, 0, 0, 0, 0, 0]])
    found = score_segmentation(reference, computed)
    assert found.iou.tolist() == [3 / 5, 0, 0]
    assert found.seg == pytest.approx(0.2)


def test_one_computed_cell_may_match_several() -> None:
    reference, computed = images([[1, 1, 2, 2, 2, 0]]), images([[7, 7, 7, 7, 7, 7]])
    assert score_segmentation(reference, computed).iou.tolist() == [2 / 6, 3 / 6]


def test_labels_belong_to_their_frame() -> None:
    reference = images([[1, 1, 0, 0]], [[0, 0, 1, 1]])
    computed = images([[5, 5, 0, 0]], [[0, 5, 5, 5]])
    assert score_segmentation(reference, computed).iou.tolist() == [1, 2 / 3]


def test_reference_may_have_some_of_the_frames() -> None:
    reference = images([[1, 1, 1, 0]])
    computed = images([[0, 0, 0, 0]], [[0, 0, 0, 0]], [[6, 6, 0, 0]])
    assert score_segmentation(reference, computed, [2]).seg == pytest.approx(2 / 3)
    assert score_segmentation(reference, computed, [1]).seg == 0


def test_without_reference_cells_it_is_undefined() -> None:
    assert score_segmentation(images([[0, 0]]), images([[1, 0]])).seg is None


def test_frame_beyond_the_movie_is_refused() -> None:
    with pytest.raises(InputError, match=r"of frame 3, the computed tracking has 2 frames"):
        score_segmentation(images([[1]]), images([[1]], [[1]]), [3])


def test_other_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="pixels"):
        score_segmentation(images([[1, 0]]), images([[1, 0, 0]]))
