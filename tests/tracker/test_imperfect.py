"""Label images that a user may have in place of true cells: markers, and a segmentation's flaws."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from tracker.imperfect import marked, missegmented

Labels = npt.NDArray[np.int32]
FIRST = 1000
"""Label of the first piece or thing that is none of the cells."""


def of_discs(*discs: tuple[float, float, float], shape: tuple[int, int] = (80, 120)) -> Labels:
    """(Y, X) label image of discs y, x, radius, labelled 1, 2 and so on."""
    image = np.zeros(shape, np.int32)
    row, column = np.ogrid[: shape[0], : shape[1]]
    for label, (y, x, radius) in enumerate(discs, start=1):
        image[np.hypot(row - y, column - x) <= radius] = label
    return image


def spread_out(count: int) -> Labels:
    """Discs of radius 5, far from each other."""
    return of_discs(*((10 + 20 * (k // 50), 10 + 20 * (k % 50), 5) for k in range(count)), shape=(1020, 1020))


def with_markers(image: Labels, diameter: float) -> Labels:
    return marked(image, measure(LabelImages.from_array(image[np.newaxis])), 0, diameter)


def test_a_marker_is_a_disc_around_the_centre() -> None:
    np.testing.assert_array_equal(
        with_markers(of_discs((20, 30, 9), (50, 90, 14)), 8), of_discs((20, 30, 4), (50, 90, 4))
    )


def test_a_marker_has_one_pixel_at_least() -> None:
    found = with_markers(of_discs((20, 30, 9), (50, 90, 14)), 0.1)
    assert np.argwhere(found).tolist() == [[20, 30], [50, 90]]


def test_markers_are_cut_off_at_the_edge() -> None:
    found = with_markers(of_discs((0, 60, 3)), 30)
    assert found[0, 60] == 1
    assert found.any(axis=1).sum() < 20


def test_where_markers_meet_the_nearer_centre_has_the_pixel() -> None:
    found = with_markers(of_discs((40, 50, 5), (40, 61, 5)), 20)
    row, column = np.nonzero(found)
    nearer = np.where(np.hypot(row - 40, column - 50) <= np.hypot(row - 40, column - 61), 1, 2)
    np.testing.assert_array_equal(found[row, column], nearer)
    assert (found == 2).sum() > 200


def test_a_cell_that_is_not_there_has_no_marker() -> None:
    image = of_discs((20, 30, 9), (50, 90, 14))
    detections = measure(LabelImages.from_array(image[np.newaxis]))
    assert np.unique(marked(np.where(image == 1, 0, image), detections, 0, 8)).tolist() == [0, 2]


def test_without_flaws_nothing_changes(dividing: SimulatedMovie) -> None:
    for image in dividing.labels:
        np.testing.assert_array_equal(missegmented(image, 0.0, FIRST, np.random.default_rng(0)), image)


def test_of_cells_apart_some_are_missed_some_cut_and_some_things_are_none() -> None:
    image, share = spread_out(2000), 0.1
    worse = missegmented(image, share, FIRST * 10, np.random.default_rng(1))
    before, after = (np.bincount(one.ravel(), minlength=FIRST * 20) for one in (image, worse))
    cells = np.arange(1, 2001)
    missed, smaller = after[cells] == 0, (after[cells] > 0) & (after[cells] < before[cells])
    assert missed.mean() == pytest.approx(share, abs=0.02)
    assert smaller.mean() == pytest.approx(share, abs=0.02)
    assert np.all(after[cells][smaller] >= before[cells][smaller] / 2 - 1)  # the larger piece keeps the label
    is_new = worse >= FIRST * 10
    pieces, things = np.unique(worse[is_new & (image > 0)]), np.unique(worse[is_new & (image == 0)])
    assert len(pieces) == smaller.sum()
    assert len(things) == pytest.approx(share * 2000, rel=0.3)
    assert not np.intersect1d(pieces, things).size


def test_a_merged_cell_has_the_label_of_the_larger() -> None:
    """Of two cells that touch, one or the other is merged with its neighbour, never with one far away."""
    image = of_discs((40, 30, 12), (40, 47, 5), (40, 100, 12))
    fates = set()
    for seed in range(60):
        worse = missegmented(image, 0.33, FIRST, np.random.default_rng(seed))
        if np.all(worse[(image == 1) | (image == 2)] == 1):
            fates.add("merged")
        assert not np.any(worse[image == 2] == 3)
        assert not np.any(worse[image == 1] == 2)
    assert fates == {"merged"}


@settings(deadline=None, max_examples=30)
@given(share=st.floats(0, 0.33), seed=st.integers(0, 1000), data=st.data())
def test_flaws_leave_the_ground_that_no_thing_lies_on(share: float, seed: int, data: st.DataObject) -> None:
    discs = data.draw(
        st.lists(st.tuples(st.integers(0, 79), st.integers(0, 119), st.integers(1, 15)), max_size=12)
    )
    image = of_discs(*discs)
    worse = missegmented(image, share, FIRST, np.random.default_rng(seed))
    assert worse.dtype == np.int32
    ground = image == 0
    assert np.all((worse[ground] == 0) | (worse[ground] >= FIRST))
    again = missegmented(image, share, FIRST, np.random.default_rng(seed))
    np.testing.assert_array_equal(worse, again)
