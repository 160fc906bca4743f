"""Rows of two columns with the same value, against looking at all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.meeting import meeting


@given(left=st.lists(st.integers(0, 5), max_size=8), right=st.lists(st.integers(0, 5), max_size=8))
def test_all_equal_pairs(left: list[int], right: list[int]) -> None:
    first, second = meeting(np.array(left, np.int64), np.array(right, np.int64))
    assert first.tolist() == sorted(first.tolist())
    found = sorted(zip(first.tolist(), second.tolist(), strict=True))
    assert found == sorted((i, j) for i, a in enumerate(left) for j, b in enumerate(right) if a == b)
