import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ingest.label_runs import LabelRuns


@settings(max_examples=60, deadline=None)
@given(arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)))
def test_an_image_comes_back_from_its_runs(labels: np.ndarray) -> None:
    runs = LabelRuns.of(labels)
    assert np.array_equal(runs.image(), labels)
    assert np.all(np.diff(runs.value) != 0)


def test_a_run_goes_on_over_the_end_of_a_row() -> None:
    runs = LabelRuns.of(np.array([[0, 7, 7], [7, 7, 0]], np.int32))
    assert (runs.value.tolist(), runs.length.tolist()) == ([0, 7, 0], [1, 4, 1])
