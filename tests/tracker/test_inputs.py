"""Stretches of a movie as batches: the same rows as in the whole, counted anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from tests.tracker.networks import Seen, seen
from tracker.inputs import Inputs


@pytest.fixture(scope="module")
def whole(dividing: SimulatedMovie) -> Seen:
    return seen(dividing.labels, dividing.movie)


def test_frames_ascend(whole: Seen) -> None:
    inputs = whole.inputs
    for frame in (inputs.cell_frame, inputs.pair_frame, inputs.triple_frame, inputs.neighbour_frame):
        assert np.all(np.diff(frame) >= 0)


@pytest.mark.parametrize(("begin", "end"), [(0, 16), (-9, 99), (3, 9), (5, 6), (15, 30), (16, 20), (7, 7)])
def test_a_window_is_a_part_of_the_whole(whole: Seen, begin: int, end: int) -> None:
    inputs, window = whole.inputs, whole.inputs.window(begin, end)
    batch = inputs.batch
    cells = np.flatnonzero((inputs.cell_frame >= begin) & (inputs.cell_frame < end))
    pairs, triples = inputs.rows(begin, end)
    assert len(window.cell) == len(cells)
    torch.testing.assert_close(window.cell, batch.cell[cells])
    torch.testing.assert_close(window.crops, batch.crops[cells])
    for ends in ("source", "target"):
        np.testing.assert_array_equal(cells[getattr(window, ends)], getattr(batch, ends)[pairs])
    torch.testing.assert_close(window.pair, batch.pair[pairs])
    np.testing.assert_array_equal(cells[window.triples], batch.triples[triples])
    np.testing.assert_array_equal(pairs[window.triple_pairs], batch.triple_pairs[triples])
    torch.testing.assert_close(window.triple, batch.triple[triples])
    inside = np.isin(batch.neighbours[0], cells)
    np.testing.assert_array_equal(cells[window.neighbours], batch.neighbours[:, inside])
    for chain in ("past", "future"):
        known = getattr(batch, chain)[cells].numpy()
        expected = np.where(np.isin(known, cells), known, -1)
        np.testing.assert_array_equal(np.append(cells, -1)[getattr(window, chain)], expected)


@pytest.mark.parametrize(("begin", "end"), [(3, 9), (0, 16), (5, 6)])
def test_all_that_lies_within_the_window_is_in_it(whole: Seen, begin: int, end: int) -> None:
    inputs = whole.inputs
    pairs, triples = inputs.rows(begin, end)
    frame = inputs.cell_frame
    ends = frame[np.stack([inputs.batch.source, inputs.batch.target])]
    np.testing.assert_array_equal(pairs, np.flatnonzero(((ends >= begin) & (ends < end)).all(axis=0)))
    three = frame[inputs.batch.triples]
    np.testing.assert_array_equal(triples, np.flatnonzero(((three >= begin) & (three < end)).all(axis=1)))


def test_no_cells_at_all() -> None:
    nothing = seen(LabelImages.from_array(np.zeros((3, 12, 15), np.int32)), None).inputs
    window = nothing.window(0, 3)
    assert [len(column) for column in (window.cell, window.pair, window.triple, window.crops)] == [0] * 4
    assert window.cell.shape[1] == nothing.sizes().cell


def test_a_network_for_other_features_is_refused(whole: Seen) -> None:
    sizes = whole.inputs.sizes()
    whole.inputs.require_fit(sizes)
    other = replace(sizes, pair=sizes.pair - 1)
    with pytest.raises(InputError, match=rf"weights for {other.pair} features of a pair, .* {sizes.pair}"):
        whole.inputs.require_fit(other)


def test_the_columns_have_names(whole: Seen) -> None:
    inputs: Inputs = whole.inputs
    for kind, names in inputs.names.items():
        assert getattr(inputs.batch, kind).shape[1] == len(names) == len(set(names))
