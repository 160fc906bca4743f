"""What the learned tracker decides on: pairs, triples, chains and neighbours of painted cells."""

import numpy as np
import pytest
from hypothesis import given, settings

from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from ingest.tracking_graph import LinkKind
from tests.lineages import Drawing
from tests.strategies import lineages
from tests.tracker.drafted import Named, scene_of
from tests.tracker.painting import Frame, crowd, moved, painted, without
from tracker.scene import DAUGHTERS, MEMORY, NEIGHBOURHOOD, NEIGHBOURS, Scene

STILL = crowd(20, seed=5)
MOTHER = {"m": (60.0, 90.0, 9.0)}
DAUGHTERS_OF_M = {"d": (60.0, 82.0, 6.4), "e": (60.0, 98.0, 6.4)}


def pairs_of(frames: list[Frame]) -> set[tuple[str, str]]:
    named = Named(painted(frames))
    scene, name = named.scene, named.names(named.scene)
    return {(name[i], name[j]) for i, j in zip(scene.pairs.source, scene.pairs.target, strict=True)}


# m-m < d
#       e
def test_a_division_is_a_triple() -> None:
    field = without(STILL, "R")  # which stands where the mother does
    named = Named(painted([field | MOTHER, field | MOTHER, field | DAUGHTERS_OF_M]))
    scene, name = named.scene, named.names(named.scene)
    triples = {tuple(name[cell] for cell in triple) for triple in scene.triples.tolist()}
    assert ("1m", "2d", "2e") in triples or ("1m", "2e", "2d") in triples
    assert all(first[0] == "1" for first, *_ in triples)  # before that, each cell has its own to follow it


def test_all_that_is_true_of_a_movie_may_be_chosen(dividing: SimulatedMovie) -> None:
    scene, truth = scene_of(dividing.labels), dividing.graph
    place = np.argsort(scene.draft.cells.row)
    known = set(zip(scene.pairs.source.tolist(), scene.pairs.target.tolist(), strict=True))
    assert {(place[a], place[b]) for a, b in truth.links.tolist()} <= known
    daughters: dict[int, set[int]] = {}
    for a, b in truth.links[truth.kind == LinkKind.DIVISION].tolist():
        daughters.setdefault(int(place[a]), set()).add(int(place[b]))
    triples = {(m, frozenset((d, e))) for m, d, e in scene.triples.tolist()}
    divisions = {(m, frozenset(both)) for m, both in daughters.items() if len(both) == 2}
    assert len(divisions) >= 5
    assert divisions <= triples


# C-C . . C-C
@pytest.mark.parametrize(("missed", "found"), [(1, True), (3, True), (4, False)])
def test_pairs_over_missed_frames(missed: int, found: bool) -> None:
    pairs = pairs_of([STILL, STILL, *[without(STILL, "C")] * missed, STILL, STILL])
    assert (("1C", f"{missed + 2}C") in pairs) == found


def test_no_pairs_over_frames_in_which_both_go_on() -> None:
    assert {int(b[0]) - int(a[0]) for a, b in pairs_of([STILL] * 4)} == {1}


def test_a_chain_is_seven_cells_back_and_ahead() -> None:
    frames = [{"a": (40.0 + 3 * t, 60.0 - 2 * t, 6.0)} for t in range(9)]
    scene = scene_of(painted(frames).labels)
    assert scene.past[8].tolist() == [8, 7, 6, 5, 4, 3, 2]
    assert scene.past[1].tolist() == [1, 0, -1, -1, -1, -1, -1]
    assert scene.future[1].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert scene.future[8].tolist() == [8, -1, -1, -1, -1, -1, -1]


# a-a . . a-a-a-a    what is seven frames ago is forgotten, however few cells were seen since
def test_a_chain_counts_frames() -> None:
    one: Frame = {"a": (40.0, 60.0, 6.0)}
    scene = scene_of(painted([one, one, {}, {}, one, one, one, one]).labels)
    assert scene.past[5].tolist() == [5, 4, 3, 2, 1, -1, -1]
    assert scene.future[0].tolist() == [0, 1, 2, 3, 4, -1, -1]


# m-m < d-d    a daughter remembers her mother
#       e-e
def test_a_chain_leads_to_the_mother() -> None:
    named = Named(painted([MOTHER, MOTHER, DAUGHTERS_OF_M, DAUGHTERS_OF_M]))
    scene, name = named.scene, named.names(named.scene)
    for daughter in ("2d", "2e"):
        past = scene.past[name.index(daughter)]
        assert [name[cell] for cell in past] == [daughter, "1m", "0m", "", "", "", ""]


def test_neighbours_are_the_nearest_in_the_same_frame() -> None:
    scene = scene_of(painted([STILL, moved(STILL, 2, -3)]).labels)
    cells = scene.draft.cells
    of, neighbour = scene.neighbours
    assert np.all(cells.frame[of] == cells.frame[neighbour])
    for cell in range(len(scene)):
        distance = np.linalg.norm(cells.position - cells.position[cell], axis=1)
        distance[(cells.frame != cells.frame[cell]) | (np.arange(len(scene)) == cell)] = np.inf
        nearest = np.argsort(distance)[:NEIGHBOURS]
        nearest = nearest[distance[nearest] <= NEIGHBOURHOOD * scene.draft.motion.diameter]
        assert set(neighbour[of == cell].tolist()) == set(nearest.tolist())


def test_cells_far_apart_are_no_neighbours() -> None:
    scene = scene_of(
        painted([{"a": (20, 20, 5), "b": (20, 62, 5)}, {"a": (20, 20, 5), "c": (20, 58, 5)}]).labels
    )
    named = scene.draft.cells.frame[scene.neighbours[0]]
    assert named.tolist() == [1, 1]


# 3 frames without cells, one frame only, one cell only, two cells that never meet
@pytest.mark.parametrize(
    "frames", [[{}, {}, {}], [STILL], [{"a": (20, 30, 5)}], [{}, {"a": (20, 30, 5)}, {}, {}, {}]]
)
def test_where_nothing_follows_nothing_can_be_chosen(frames: list[Frame]) -> None:
    scene = scene_of(painted(frames).labels)
    assert (len(scene.pairs), scene.triples.shape, scene.triple_pairs.shape) == (0, (0, 3), (0, 2))
    assert scene.past.shape == scene.future.shape == (len(scene), MEMORY)
    assert len(scene) == sum(map(len, frames))


@settings(deadline=None, max_examples=40)
@given(lineages())
def test_what_holds_of_every_scene(drawing: Drawing) -> None:
    scene = scene_of(LabelImages.from_array(drawing.labels))
    frame, pairs = scene.draft.cells.frame, scene.pairs
    assert np.all(np.diff(frame) >= 0)
    ends = np.stack([pairs.source, pairs.target], axis=1)
    assert np.array_equal(ends, np.unique(ends, axis=0))  # in order, and none twice
    step = frame[pairs.target] - frame[pairs.source]
    assert np.all((step >= 1) & (step <= 4))
    check_triples(scene)
    for chain, sign in ((scene.past, -1), (scene.future, 1)):
        assert np.array_equal(chain[:, 0], np.arange(len(scene)))
        cell, place = np.nonzero((chain[:, 1:] >= 0) & (chain[:, :-1] >= 0))
        assert np.all(sign * (frame[chain[cell, place + 1]] - frame[chain[cell, place]]) > 0)
        assert np.all((chain[:, 1:] < 0) | (chain[:, :-1] >= 0))  # what is unknown stays so


def check_triples(scene: Scene) -> None:
    frame, pairs, triples = scene.draft.cells.frame, scene.pairs, scene.triples
    assert np.array_equal(pairs.source[scene.triple_pairs], np.repeat(triples[:, :1], 2, axis=1))
    assert np.array_equal(pairs.target[scene.triple_pairs], triples[:, 1:])
    assert np.all(triples[:, 1] < triples[:, 2])
    assert np.all(frame[triples[:, 1:]] == frame[triples[:, :1]] + 1)
    assert len(np.unique(triples, axis=0)) == len(triples)
    assert np.bincount(triples[:, 0], minlength=1).max() <= DAUGHTERS * (DAUGHTERS - 1) // 2
    orphans = ~scene.draft.has_parent[triples[:, 1:]]
    assert orphans.any(axis=1).all()
