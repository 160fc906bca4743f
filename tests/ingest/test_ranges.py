import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.ranges import expanded, spread


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 5))))
def test_the_numbers_of_all_ranges(ranges: list[tuple[int, int]]) -> None:
    start, count = np.array(ranges, np.int64).reshape(-1, 2).T
    owner, number = expanded(start, count)
    expected = [(k, n) for k, (first, many) in enumerate(ranges) for n in range(first, first + many)]
    assert list(zip(owner.tolist(), number.tolist(), strict=True)) == expected


@given(st.integers(1, 500), st.integers(2, 9))
def test_some_numbers_from_the_first_to_the_last(count: int, most: int) -> None:
    chosen = spread(count, most)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, count - 1, min(count, most))
    steps = np.diff(chosen)
    assert steps.min(initial=count) >= steps.max(initial=0) - 1
