"""What is true of a movie that is seen slower or with cells missed, against a slow look at each cell."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.measure import measure
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from ingest.tracking_graph import BoolArray, IntArray, LinkKind, TrackingGraph
from ingest.validate import validate
from tests import lineages as drawings
from tests.lineages import Cell, Drawing, drawn
from tests.strategies import lineages
from tests.tracker.networks import to_learn_from
from tracker.dataset import UNKNOWN, TrainingMovie, Variation, contracted, make_example, vary, with_flaws
from tracker.model import DIFFERENT, PARENT_CHILD, SAME

Link = tuple[int, int, LinkKind]


def slowly(graph: TrackingGraph, kept: BoolArray) -> set[Link]:
    """Links between kept detections, by the rows of the whole: a walk back from each one."""
    link_to = {int(b): (int(a), int(kind)) for (a, b), kind in zip(graph.links, graph.kind, strict=True)}
    found = set()
    for row in np.flatnonzero(kept).tolist():
        at, divided = row, False
        while at in link_to:
            at, kind = link_to[at]
            divided |= kind == LinkKind.DIVISION
            if kept[at]:
                step = int(graph.detections.frame[row] - graph.detections.frame[at])
                kind_of_same = LinkKind.GAP if step > 1 else LinkKind.NEXT
                found.add((at, row, LinkKind.DIVISION if divided else kind_of_same))
                break
    return found


def among(graph: TrackingGraph, row: IntArray) -> set[Link]:
    """Links of a contracted graph, by the rows of the whole, of which (N,) `row` are left, −1 for none."""
    rows = {int(there): whole for whole, there in enumerate(row) if there >= 0}
    return {
        (rows[int(a)], rows[int(b)], LinkKind(kind))
        for (a, b), kind in zip(graph.links, graph.kind, strict=True)
    }


def numbered(kept: BoolArray) -> IntArray:
    """(N,) row of each detection among those that are kept, −1 for the others."""
    return np.where(kept, np.cumsum(kept) - 1, -1)


@settings(deadline=None)
@given(drawing=lineages(), data=st.data())
def test_contracted(drawing: Drawing, data: st.DataObject) -> None:
    graph = drawing.graph
    count = len(graph.detections)
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    labels = np.array(drawing.labels)
    for frame, label in zip(graph.detections.frame[~kept], graph.detections.label[~kept], strict=True):
        labels[frame][labels[frame] == label] = 0
    left = contracted(graph, numbered(kept), measure(LabelImages.from_array(labels)))
    validate(left, LabelImages.from_array(labels))
    assert among(left, numbered(kept)) == slowly(graph, kept)


# 1-1-1 <      without frame 2 both daughters are linked to the mother's frame 1: still a division
def test_a_division_over_a_missed_mother() -> None:
    graph = drawings.division().graph
    kept = graph.detections.frame != 2
    labels = LabelImages.from_array(np.where(np.arange(6)[:, None, None] == 2, 0, drawings.division().labels))
    left = contracted(graph, numbered(kept), measure(labels))
    assert np.bincount(left.kind, minlength=3).tolist() == [1 + 2 + 1, 0, 2]


def source(drawing: Drawing) -> TrainingMovie:
    return TrainingMovie("drawn", None, LabelImages.from_array(drawing.labels), drawing.graph)


def test_every_other_frame() -> None:
    labels, movie, graph = vary(source(drawings.division()), Variation(1, 6, stride=2))  # frames 1, 3, 5
    assert movie is None
    assert labels.shape[0] == 3
    for t, frame in enumerate((1, 3, 5)):
        np.testing.assert_array_equal(labels.frame(t), drawings.division().labels[frame])
    validate(graph, labels)
    assert [LinkKind(kind).name for kind in graph.kind] == ["DIVISION", "DIVISION", "NEXT"]


def test_markers_in_place_of_cells(dividing: SimulatedMovie) -> None:
    movie = to_learn_from(dividing)
    labels, _, graph = vary(movie, Variation(0, 16, markers=0.5))
    validate(graph, labels)
    slower = vary(movie, Variation(1, 16, 3, markers=0.5))[0]
    np.testing.assert_array_equal(slower.frame(2), labels.frame(7))
    whole = movie.graph.detections
    np.testing.assert_array_equal(graph.links, movie.graph.links)
    typical = np.median(np.sqrt(4 / np.pi * whole.features["area"]))
    diameter = np.sqrt(4 / np.pi * graph.detections.features["area"])
    assert np.median(diameter) == pytest.approx(0.5 * typical, rel=0.05)
    assert np.max(np.abs(graph.detections.y - whole.y)) < 1


def test_what_a_segmentation_gets_wrong_is_linked_to_nothing(dividing: SimulatedMovie) -> None:
    movie = to_learn_from(dividing)
    whole, first = movie.graph.detections, int(movie.graph.detections.label.max()) + 1
    labels, _, graph = vary(movie, Variation(0, 16, flaws=0.1, seed=5))
    validate(graph, labels)
    found = graph.detections
    is_none = found.label >= first
    assert is_none.sum() > 0.1 * len(whole)
    assert not is_none[graph.links].any()
    row = found.rows(whole.frame, whole.label)
    assert (row < 0).mean() == pytest.approx(0.15, abs=0.06)  # missed, and merged where cells touch
    assert among(graph, row) == slowly(movie.graph, row >= 0)


def test_a_movie_with_flaws_keeps_its_frames(dividing: SimulatedMovie) -> None:
    movie = replace(to_learn_from(dividing), is_real=False)
    flawed = with_flaws(movie, seed=1)
    assert flawed.movie is movie.movie
    assert not flawed.is_real
    assert len(flawed.graph.detections) != len(movie.graph.detections)


def test_a_stretch(dividing: SimulatedMovie) -> None:
    labels, movie, graph = vary(to_learn_from(dividing), Variation(5, 12, stride=3))
    assert movie is not None
    assert len(labels) == len(movie) == 3
    np.testing.assert_array_equal(movie.frame(2), dividing.movie.frame(11))
    np.testing.assert_array_equal(labels.frame(1), dividing.labels.frame(8))
    validate(graph, labels)


def test_missed_cells(dividing: SimulatedMovie) -> None:
    whole = len(dividing.graph.detections)
    labels, _, graph = vary(to_learn_from(dividing), Variation(0, 16, missed=0.25, seed=3))
    validate(graph, labels)
    assert len(graph.detections) == pytest.approx(0.75 * whole, rel=0.15)
    assert (graph.kind == LinkKind.GAP).sum() > 5
    again = vary(to_learn_from(dividing), Variation(0, 16, missed=0.25, seed=3))[2]
    np.testing.assert_array_equal(again.detections.label, graph.detections.label)
    other = vary(to_learn_from(dividing), Variation(0, 16, missed=0.25, seed=4))[2]
    assert not np.array_equal(other.detections.label, graph.detections.label)


def test_a_movie_without_frames(dividing: SimulatedMovie) -> None:
    example = make_example(replace(to_learn_from(dividing), movie=None), Variation(0, 8))
    assert not example.inputs.batch.crops[:, 0].any()
    names = example.inputs.names["cell"]
    assert not example.inputs.batch.cell[:, names.index("has_image")].any()


@pytest.mark.parametrize(
    "way",
    [Variation(0, 16), Variation(0, 16, 2), Variation(3, 16, missed=0.2)],
    ids=["whole", "slow", "missed"],
)
def test_the_truth_of_pairs_and_triples(dividing: SimulatedMovie, way: Variation) -> None:
    example = make_example(to_learn_from(dividing), way)
    scene, graph = example.scene, example.graph
    row = scene.draft.cells.row
    true = {(int(a), int(b)): int(kind) for (a, b), kind in zip(graph.links, graph.kind, strict=True)}
    goes_on, comes = ({link[end] for link in true} for end in (0, 1))
    linked = goes_on | comes
    for source, target, found in zip(
        row[scene.pairs.source], row[scene.pairs.target], example.pair_class.tolist(), strict=True
    ):
        kind = true.get((source, target))
        expected = DIFFERENT if kind is None else PARENT_CHILD if kind == LinkKind.DIVISION else SAME
        known = source in goes_on or target in comes or {source, target} <= linked
        assert found == (expected if known else UNKNOWN)
    divisions = {link for link, kind in true.items() if kind == LinkKind.DIVISION}
    for (mother, first, second), found in zip(
        row[scene.triples].tolist(), example.is_division.tolist(), strict=True
    ):
        is_division = {(mother, first), (mother, second)} <= divisions
        known = mother in goes_on or bool({first, second} & comes) or {mother, first, second} <= linked
        assert found == (is_division if known else UNKNOWN)
    assert (example.is_division == 1).sum() > 3
    assert example.inputs.batch.crops.dtype == torch.float16


# 1 < 2, 3, 4    any two of the three daughters are a division
def test_two_of_three_daughters_are_a_division() -> None:
    cells = [Cell(1, 0, 0), *(Cell(label, 1, 1, parent=1, x=8 * label - 4) for label in (2, 3, 4))]
    example = make_example(source(drawn(2, cells)), Variation(0, 2))
    assert example.scene.triples.tolist() == [[0, 1, 2], [0, 1, 3], [0, 2, 3]]
    assert example.is_division.tolist() == [1] * 3
    assert example.divisions == 1


# 1-1      what the truth links to nothing, nobody may have marked: of it with a cell that is linked one thing
# 2 3, 4   is known, that they are two; of 2, 3 and 4 nothing
def test_nothing_is_known_of_cells_that_are_linked_to_nothing() -> None:
    alone = [Cell(2, 0, 0, x=16), Cell(3, 1, 1, x=12), Cell(4, 1, 1, x=20)]
    example = make_example(source(drawn(2, [Cell(1, 0, 1, x=4), *alone])), Variation(0, 2))
    pairs = np.stack([example.scene.pairs.source, example.scene.pairs.target], axis=1).tolist()
    found = dict(zip(map(tuple, pairs), example.pair_class.tolist(), strict=True))
    assert found == {(0, 2): SAME, (0, 3): DIFFERENT, (0, 4): DIFFERENT} | {
        (1, 2): DIFFERENT, (1, 3): UNKNOWN, (1, 4): UNKNOWN
    }  # fmt: skip
    triples = map(tuple, example.scene.triples.tolist())
    divisions = dict(zip(triples, example.is_division.tolist(), strict=True))
    assert divisions[1, 3, 4] == UNKNOWN
    assert set(divisions.values()) == {0, UNKNOWN}


# 1-1          1 ends in the second frame, and 2 begins in the third: both are linked, so they are two. But 3
#      2-2     may be how 1 goes on, and 4 where 2 comes from, which nobody marked
#     4  3
def test_nothing_is_known_of_what_may_go_on_as_a_cell_that_is_linked_to_nothing() -> None:
    cells = [Cell(1, 0, 1, x=8), Cell(2, 2, 3, x=8), Cell(3, 2, 2, x=18), Cell(4, 1, 1, x=18)]
    example = make_example(source(drawn(4, cells)), Variation(0, 4))
    detections, row = example.graph.detections, example.scene.draft.cells.row
    name = [f"{detections.frame[k]}:{detections.label[k]}" for k in row]
    pairs = zip(example.scene.pairs.source.tolist(), example.scene.pairs.target.tolist(), strict=True)
    found = {
        (name[a], name[b]): kind for (a, b), kind in zip(pairs, example.pair_class.tolist(), strict=True)
    }
    assert found["0:1", "1:1"] == SAME
    assert found["0:1", "1:4"] == DIFFERENT
    assert found["1:1", "2:2"] == DIFFERENT
    assert found["1:1", "2:3"] == UNKNOWN
    assert found["1:4", "2:2"] == UNKNOWN
    assert found["1:4", "2:3"] == UNKNOWN


# 1-1          mother and daughters all are linked, though not to each other: no division; but if 4 is linked
#      2-2     to nothing, nobody says whether it is a daughter
#      4-4
@pytest.mark.parametrize(("end", "expected"), [(3, 0), (2, UNKNOWN)])
def test_what_ends_where_two_begin_is_no_division_if_both_are_marked(end: int, expected: int) -> None:
    cells = [Cell(1, 0, 1, x=12), Cell(2, 2, 3, x=8), Cell(4, 2, end, x=17)]
    example = make_example(source(drawn(4, cells)), Variation(0, 4))
    frame = example.scene.draft.cells.frame
    from_the_end = [
        kind
        for (m, *_), kind in zip(example.scene.triples, example.is_division.tolist(), strict=True)
        if frame[m] == 1
    ]
    assert from_the_end == [expected]


def test_nothing_is_left() -> None:
    example = make_example(source(drawings.no_cells()), Variation(0, 3))
    assert (len(example.scene), len(example.pair_class), len(example.is_division)) == (0, 0, 0)


def test_frames_of_another_movie_are_refused(dividing: SimulatedMovie) -> None:
    fewer = LabelImages.from_array(np.stack(list(dividing.labels))[:9])
    sizes = "the label images are 9 frames of 129×169, the movie is 16 frames of 129×169"
    with pytest.raises(InputError, match=f"{sizes}; give the label images of {dividing.movie.name}"):
        TrainingMovie("other", dividing.movie, fewer, dividing.graph)
