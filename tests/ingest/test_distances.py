"""What is near a mask, against scipy's distance transform."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage as ndi

from ingest.distances import within_reach

Mask = npt.NDArray[np.bool_]
MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(MASKS.filter(np.any), st.floats(0, 20))
def test_what_is_near_a_mask(mask: Mask, reach: float) -> None:
    np.testing.assert_array_equal(within_reach(mask, reach), ndi.distance_transform_edt(~mask) <= reach)


@pytest.mark.parametrize("reach", [1.0, 1.4, 1.5, 5.0])
def test_a_disc_around_a_pixel(reach: float) -> None:
    mask = np.zeros((15, 15), bool)
    mask[7, 7] = True
    y, x = np.indices(mask.shape) - 7
    np.testing.assert_array_equal(within_reach(mask, reach), np.hypot(y, x) <= reach)


def test_nothing_is_near_an_empty_mask() -> None:
    assert not within_reach(np.zeros((4, 5), bool), 3.0).any()
