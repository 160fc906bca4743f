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


def spread_out(side: int) -> Labels:
    """side² discs of radius 5, far from each other."""
    disc = of_discs((10, 10, 5), shape=(20, 20))
    number = np.arange(side * side, dtype=np.int32).reshape(side, side) + 1
    return np.kron(number, disc)


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
    image, share = spread_out(45), 0.1
    worse = missegmented(image, share, FIRST * 10, np.random.default_rng(1))
    before, after = (np.bincount(one.ravel(), minlength=FIRST * 20) for one in (image, worse))
    cells = np.arange(1, 45 * 45 + 1)
    missed, smaller = after[cells] == 0, (after[cells] > 0) & (after[cells] < before[cells])
    assert missed.mean() == pytest.approx(share, abs=0.02)
    assert smaller.mean() == pytest.approx(share, abs=0.02)
    assert np.all(after[cells][smaller] >= before[cells][smaller] / 2 - 1)  # the larger piece keeps the label
    is_new = worse >= FIRST * 10
    pieces, things = np.unique(worse[is_new & (image > 0)]), np.unique(worse[is_new & (image == 0)])
    assert len(pieces) == smaller.sum()
    assert len(things) == pytest.approx(share * len(cells), rel=0.3)
    assert not np.intersect1d(pieces, things).size
    smallest = after[pieces].min() / before[1]
    assert 0.15 < smallest < 0.25
    assert after[pieces].max() / before[1] <= 0.5
    assert 0.2 < np.median(after[things]) / before[1] < 0.45  # a diameter of .65, less what cells cover
    assert len(np.unique([np.argwhere(worse == piece).mean(0) % 20 for piece in pieces], axis=0)) > 20


@pytest.mark.parametrize(("apart", "merges"), [(2, True), (4, False)])
def test_a_cell_is_merged_with_one_beside_it_under_the_label_of_the_larger(apart: int, merges: bool) -> None:
    """Of two cells with so many pixels from one to the other; a third is far away."""
    image = of_discs((40, 30, 12), (40, 47 + apart, 5), (40, 110, 7))
    both, found = (image == 1) | (image == 2), set()
    for seed in range(60):
        worse = missegmented(image, 0.2, FIRST, np.random.default_rng(seed))
        assert not np.isin(worse[both], 3).any()
        assert not np.isin(worse[image == 1], 2).any()
        found.add(bool(np.all(worse[both] == 1)))
    assert (True in found) == merges


def test_any_cell_beside_may_be_the_one() -> None:
    image = of_discs((40, 40, 9), (40, 54, 6), (40, 26, 6), (26, 40, 6))
    partners = set()
    for seed in range(80):
        worse = missegmented(image, 0.2, FIRST, np.random.default_rng(seed))
        partners |= {label for label in (2, 3, 4) if np.all(worse[image == label] == 1)}
    assert partners == {2, 3, 4}


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


def test_labels_may_be_as_large_as_they_like() -> None:
    """Memory follows from the cells, not from what they are called."""
    image = spread_out(6)
    large = np.where(image > 0, image + 1_900_000_000, 0).astype(np.int32)
    found = missegmented(large, 0.2, 2_000_000_000, np.random.default_rng(3))
    expected = missegmented(image, 0.2, 100_000_000, np.random.default_rng(3))
    np.testing.assert_array_equal(found, np.where(expected > 0, expected + 1_900_000_000, 0))
