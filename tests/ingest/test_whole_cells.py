"""Full masks for the cells that a ground truth marks: each drawn case, frame by frame."""

import numpy as np
import numpy.typing as npt
import pytest

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.whole_cells import whole_cells


def frames(*rows: list[int]) -> LabelImages:
    """One row of pixels a frame."""
    return LabelImages.from_array(np.array([[row] for row in rows], np.int32))


def whole(marker: list[int], mask: list[int]) -> npt.NDArray[np.int32]:
    row: npt.NDArray[np.int32] = whole_cells(frames(marker), frames(mask)).frame(0)[0]
    return row


@pytest.mark.parametrize(
    ("marker", "mask", "expected"),
    [
        ([0, 4, 0, 0, 7, 0], [4, 4, 4, 0, 7, 7], [4, 4, 4, 0, 7, 7]),
        ([0, 4, 0, 0, 7, 0], [4, 4, 4, 9, 9, 9], [4, 4, 4, 0, 7, 0]),  # 9 is not marked; 7 has no mask
        ([0, 4, 0, 0, 7, 0], [4, 4, 4, 4, 4, 4], [4, 4, 4, 4, 7, 4]),  # its marker lies on another's mask
        ([4, 0, 0, 0, 0, 0], [0, 0, 0, 4, 4, 0], [0, 0, 0, 4, 4, 0]),  # the mask counts, wherever it lies
        ([0, 300, 0], [0, 0, 0], [0, 300, 0]),
        ([0, 0, 0], [0, 300, 2], [0, 0, 0]),
    ],
)
def test_one_frame(marker: list[int], mask: list[int], expected: list[int]) -> None:
    assert whole(marker, mask).tolist() == expected


def test_each_frame_by_itself() -> None:
    found = whole_cells(frames([0, 4, 0], [0, 5, 0]), frames([4, 4, 5], [4, 4, 5]))
    assert [image[0].tolist() for image in found] == [[4, 4, 0], [0, 0, 5]]


def test_masks_of_another_movie_are_refused() -> None:
    with pytest.raises(InputError, match=r"masks of \(1, 1, 4\) \(T, Y, X\) for markers of \(1, 1, 3\)"):
        whole_cells(frames([0, 4, 0]), frames([4, 4, 0, 0]))
