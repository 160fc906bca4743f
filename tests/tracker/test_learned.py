"""The learned tracker as a whole: always a valid lineage, whatever its weights; the same by any way to it."""

import copy
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
from ingest.tracking_graph import Detections, LinkKind, TrackingGraph
from ingest.validate import validate
from tests.strategies import lineages
from tests.tracker.networks import as_movie, seen, untrained
from tests.tracker.painting import Frame, Scene, crowd, painted
from tracker import learned
from tracker.checkpoint import load_model
from tracker.gains import SEGMENTED_DIVISION_COST, DecisionConfig, Logits
from tracker.inputs import Inputs
from tracker.learned import (
    LearnedConfig,
    choose_device,
    decided,
    judge,
    link,
    link_segmented,
    look,
    see,
    track_learned,
)
from tracker.model import DIFFERENT, SAME, LineageModel
from tracker.track import track

CPU = torch.device("cpu")
STILL = crowd(20, seed=5)


@pytest.fixture(scope="module")
def inputs(dividing: SimulatedMovie) -> Inputs:
    return seen(dividing.labels, dividing.movie).inputs


@pytest.fixture(scope="module")
def model(inputs: Inputs) -> LineageModel:
    return untrained(inputs, seed=3)


def check_valid(graph: TrackingGraph, labels: LabelImages) -> None:
    validate(graph, labels)
    assert graph.probability is not None
    assert np.all((graph.probability >= 0) & (graph.probability <= 1))
    assert np.all(np.diff(graph.links[:, 1]) > 0)


@pytest.mark.parametrize("decision", ["joint", "assignment"])
@settings(deadline=None, max_examples=12)
@given(drawing=lineages(), seed=st.integers(0, 10**6))
def test_any_weights_give_a_valid_lineage(inputs: Inputs, decision: str, drawing: object, seed: int) -> None:
    labels = LabelImages.from_array(drawing.labels)  # type: ignore[attr-defined]  # a Drawing
    movie = as_movie(labels.frame(0)[None] + np.zeros((len(labels), 1, 1)))
    graph = track_learned(
        labels, measure(labels), movie, untrained(inputs, seed), config=LearnedConfig(decision=decision)
    )
    check_valid(graph, labels)


def test_detections_beyond_the_label_images_are_refused(
    dividing: SimulatedMovie, model: LineageModel
) -> None:
    labels = LabelImages.from_array(np.stack([dividing.labels.frame(t) for t in range(9)]))
    with pytest.raises(InputError, match="detections up to frame 15, but 9 label images"):
        track_learned(labels, dividing.graph.detections, None, model)


def wrong(graph: TrackingGraph, truth: TrackingGraph) -> int:
    """Links of one and not of the other, or of another kind."""
    found, true = (
        {(*link, kind) for link, kind in zip(map(tuple, g.links.tolist()), g.kind.tolist(), strict=True)}
        for g in (graph, truth)
    )
    return len(found ^ true)


@pytest.mark.parametrize("decision", ["joint", "assignment"])
def test_the_shipped_weights_track_cells_that_divide(dividing: SimulatedMovie, decision: str) -> None:
    config, truth = LearnedConfig(decision=decision), dividing.graph
    graph = track_learned(
        dividing.labels, truth.detections, dividing.movie, load_model().model, config=config
    )
    check_valid(graph, dividing.labels)
    plain = track(dividing.labels, truth.detections)
    assert wrong(graph, truth) <= 0.04 * len(truth.links)
    assert wrong(graph, truth) < 0.7 * wrong(plain, truth)
    assert graph.probability is not None
    assert np.median(graph.probability) > 0.99


@pytest.mark.parametrize("decision", ["joint", "assignment"])
def test_any_weights_on_a_movie_of_cells_that_divide(
    dividing: SimulatedMovie, inputs: Inputs, decision: str
) -> None:
    config, model = LearnedConfig(decision=decision), untrained(inputs, seed=1)
    graph = track_learned(dividing.labels, dividing.graph.detections, dividing.movie, model, config=config)
    check_valid(graph, dividing.labels)
    assert len(graph.links) > 50


# m-m < d-d ~ d
#       e-e   .
def test_what_the_network_is_sure_of_becomes_the_lineage() -> None:
    frames: list[Frame] = [
        {"m": (60.0, 90.0, 9.0)},
        {"m": (60.0, 90.0, 9.0)},
        {"d": (60.0, 82.0, 6.4), "e": (60.0, 98.0, 6.4)},
        {},
        {"d": (60.0, 82.0, 6.4)},
    ]
    scene = painted(frames)
    here = seen(scene.labels, None).scene
    pair = np.full((len(here.pairs), 3), -3.0)
    pair[:, DIFFERENT] = 3.0
    pair[0], pair[3] = [2.0, 0.0, -1.0], [1.0, -1.0, 0.0]  # m-m, d~d
    graph = decided(here, Logits(pair, np.array([2.5])), scene.detections, LearnedConfig())
    assert graph.kind.tolist() == [LinkKind.NEXT, LinkKind.DIVISION, LinkKind.DIVISION, LinkKind.GAP]
    named = [[scene.names[row] for row in link] for link in graph.links]
    assert sorted(named) == sorted([["m", "m"], ["m", "d"], ["m", "e"], ["d", "d"]])
    softmax = np.exp(pair) / np.exp(pair).sum(axis=1, keepdims=True)
    division = 1 / (1 + np.exp(-2.5))
    assert graph.probability is not None
    np.testing.assert_allclose(graph.probability, [softmax[0, SAME], division, division, softmax[3, SAME]])


# a division saves two births and a death, of 4 each
@pytest.mark.parametrize(("cost", "divisions"), [(5.0, 1), (14.4, 1), (14.6, 0)])
def test_a_division_has_its_cost_and_its_probability_whatever_it_costs(cost: float, divisions: int) -> None:
    scene = painted([{"m": (60.0, 90.0, 9.0)}, {"d": (60.0, 82.0, 6.4), "e": (60.0, 98.0, 6.4)}])
    here = seen(scene.labels, None).scene
    unlike = np.tile(np.where(np.arange(3) == DIFFERENT, 40.0, 0.0), (2, 1))
    graph = decided(here, Logits(unlike, np.array([2.5])), scene.detections, costing(cost))
    assert graph.kind.tolist() == 2 * divisions * [LinkKind.DIVISION]
    assert graph.probability == pytest.approx(2 * divisions * [1 / (1 + np.exp(-2.5))])


# a division gains 11.1 less its cost, and a link 9; so at 2 all divide, and above no cell does
def test_divisions_of_cells_of_a_segmentation_cost_what_lets_as_many_tracks_begin_as_end(
    model: LineageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {f"{y} {x}": (y, x) for y in (24.0, 60.0, 96.0) for x in (30.0, 90.0, 150.0)}
    mothers: Frame = {name: (y, x, 9.0) for name, (y, x) in places.items()}
    daughters: Frame = {
        f"{name} {side}": (y, x + side, 6.4) for name, (y, x) in places.items() for side in (-8, 8)
    } | {f"at the edge {x}": (3.0, x, 4.0) for x in (15.0, 60.0, 120.0, 165.0)}
    scene = painted([mothers, daughters])
    view = see(scene.labels, scene.detections, None, model, LearnedConfig())
    pairs, triples, row = view.scene.pairs, view.scene.triples, view.scene.draft.cells.row
    place = np.stack([scene.detections.y, scene.detections.x], axis=1)[row]  # not as the draft registers it
    apart = np.linalg.norm(place[pairs.target] - place[pairs.source], axis=1)
    farthest = np.linalg.norm(place[triples[:, 1:]] - place[triples[:, :1]], axis=2).max(axis=1)
    pair = np.tile([-40.0, 0.0, -40.0], (len(pairs), 1))
    pair[apart < 10, SAME] = 1.0
    told = Logits(pair, np.where(farthest < 10, -0.9, -40.0))
    monkeypatch.setattr(learned, "judge", lambda *_: told)
    assert len(link(view, model, costing(SEGMENTED_DIVISION_COST)).divisions) == 0
    graph, used = link_segmented(view, model, LearnedConfig())
    assert used == LearnedConfig(costs=DecisionConfig(division_cost=2.0, division_odds=1.0))
    assert len(graph.divisions) == len(places)
    assert graph.division_probability == pytest.approx(1 / (1 + np.exp(0.9 - 1.0)))


def costing(division: float) -> LearnedConfig:
    """A decision by which a division costs so much."""
    return LearnedConfig(costs=DecisionConfig(division_cost=division))


#       d
# m-m < e    the third one is as sure as its own pair
#       f
def test_a_third_daughter() -> None:
    frames: list[Frame] = [
        {"m": (60.0, 90.0, 9.0)},
        {"d": (51.0, 90.0, 5.2), "e": (64.0, 82.0, 5.2), "f": (64.0, 98.0, 5.2)},
    ]
    scene = painted(frames)
    here = seen(scene.labels, None).scene
    pair = np.tile([-3.0, 0.0, 1.0], (3, 1))  # of PARENT_CHILD, most likely
    triple = np.where((here.triples == [0, 1, 3]).all(axis=1), 4.0, -4.0)
    graph = decided(here, Logits(pair, triple), scene.detections, LearnedConfig())
    assert graph.kind.tolist() == [LinkKind.DIVISION] * 3
    third = np.exp(1) / (np.exp(-3) + 1 + np.exp(1))
    assert graph.probability is not None
    assert sorted(graph.probability) == pytest.approx([third, *[1 / (1 + np.exp(-4))] * 2])


def check_as_the_whole(inputs: Inputs, model: LineageModel) -> None:
    """The stretches' logits are those of the whole movie at once."""
    with torch.inference_mode():
        pair, triple = model(inputs.batch)
    logits = judge(inputs, model, CPU)
    np.testing.assert_allclose(logits.pair, pair / model.temperature[0], atol=1e-4)
    np.testing.assert_allclose(logits.triple, triple / model.temperature[1], atol=1e-4)


@pytest.mark.parametrize("cells", [1, 60, 99_999])
def test_stretches_are_judged_as_the_whole(
    inputs: Inputs, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = untrained(inputs, seed=3)
    model.temperature.copy_(torch.tensor([0.5, 2.0]))
    monkeypatch.setattr(learned, "CELLS", cells)
    check_as_the_whole(inputs, model)


@pytest.mark.parametrize("rounds", [0, 1, 2, 4])
def test_a_long_movie_with_gaps_is_judged_in_stretches_as_the_whole(
    rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells are missed everywhere, so what bears on a pair lies frames away."""
    rng = np.random.default_rng(6)
    few = crowd(6, seed=2)
    frames = [
        {
            n: (y + rng.normal(0, 4), x + rng.normal(0, 4), r)
            for n, (y, x, r) in few.items()
            if rng.random() < 0.7
        }
        for _ in range(40)
    ]
    long = seen(painted(frames, shape=(60, 180)).labels, None).inputs
    assert ((long.cell_frame[long.batch.target] - long.pair_frame) > 2).any()
    monkeypatch.setattr(learned, "CELLS", 1)
    torch.manual_seed(4)
    check_as_the_whole(long, LineageModel(replace(long.sizes(), rounds=rounds)).eval())


def test_two_cells_are_one_pair(model: LineageModel) -> None:
    scene = two_cells()
    check_as_the_whole(seen(scene.labels, None).inputs, model)
    graph = track_learned(scene.labels, scene.detections, None, model)
    check_valid(graph, scene.labels)


def test_few_pairs_are_judged_twice(dividing: SimulatedMovie, inputs: Inputs) -> None:
    """So that a frame of many cells costs no more for each of them."""
    judged = sum(len(inputs.contest(t, t + 1, rounds=2).pairs) for t in range(len(dividing.labels)))
    assert judged < 1.5 * len(inputs.pair_frame)


def test_what_is_seen_beforehand_gives_what_crops_give(
    dividing: SimulatedMovie, inputs: Inputs, model: LineageModel
) -> None:
    frames = iter(torch.split(inputs.batch.crops, 7))
    looks, looked = look(frames, model, CPU, has_image=True)
    assert looks.has_image
    seen_before = replace(inputs, batch=replace(inputs.batch, crops=looked))
    np.testing.assert_allclose(judge(seen_before, model, CPU).pair, judge(inputs, model, CPU).pair, atol=1e-4)


def test_half_precision_gives_the_same_links(
    dividing: SimulatedMovie, inputs: Inputs, model: LineageModel
) -> None:
    """On a GPU crops are looked at in half precision."""
    scene, crops = seen(dividing.labels, dividing.movie).scene, inputs.batch.crops
    assert model.appearance is not None
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):  # coarser than a GPU's
        rough = model.appearance(crops).float()
    graphs = [
        decided(scene, judge(given, model, CPU), dividing.graph.detections, LearnedConfig())
        for given in (inputs, replace(inputs, batch=replace(inputs.batch, crops=rough)))
    ]
    same = {tuple(link) for link in graphs[0].links} & {tuple(link) for link in graphs[1].links}
    assert len(same) > 0.97 * len(graphs[0].links)


def test_the_same_movie_gives_the_same_tracking(dividing: SimulatedMovie, model: LineageModel) -> None:
    one, other = (
        track_learned(dividing.labels, dividing.graph.detections, dividing.movie, model) for _ in range(2)
    )
    np.testing.assert_array_equal(one.links, other.links)
    np.testing.assert_array_equal(one.probability, other.probability)


def test_dropout_is_for_training_alone(inputs: Inputs, dividing: SimulatedMovie) -> None:
    model = untrained(inputs, seed=3).train()
    before = track_learned(dividing.labels, dividing.graph.detections, dividing.movie, model)
    again = track_learned(dividing.labels, dividing.graph.detections, dividing.movie, model)
    np.testing.assert_array_equal(before.probability, again.probability)


@pytest.mark.parametrize(
    "frames", [[{}, {}, {}], [STILL], [{"a": (20, 30, 5)}], [{}, {"a": (20, 30, 5)}, {}]]
)
@pytest.mark.parametrize("blind", [True, False])
def test_where_nothing_follows_nothing_is_linked(
    frames: list[Frame], blind: bool, model: LineageModel
) -> None:
    scene = painted(frames)
    movie = None if blind else as_movie(np.zeros(scene.labels.shape))
    graph = track_learned(scene.labels, scene.detections, movie, model)
    assert len(graph.links) == 0
    check_valid(graph, scene.labels)


def test_a_movie_of_no_frames(model: LineageModel) -> None:
    labels = LabelImages.from_array(np.zeros((0, 9, 14), np.int32))
    rows, nothing = np.zeros(0, np.int64), np.zeros(0)
    shapes = dict.fromkeys(("area", "perimeter", "eccentricity"), nothing)
    none = Detections(rows, rows, nothing, nothing, shapes)
    assert len(track_learned(labels, none, None, model).links) == 0


def test_a_blind_movie_is_tracked(dividing: SimulatedMovie, model: LineageModel) -> None:
    graph = track_learned(dividing.labels, dividing.graph.detections, None, model)
    check_valid(graph, dividing.labels)
    assert len(graph.links) > 50


@pytest.mark.parametrize("name", ["abacus", "cuda:97", "meta", ""])
def test_a_device_that_is_not_there(name: str) -> None:
    with pytest.raises(InputError, match=rf"--device: no device '{name}'; choose auto, cpu"):
        choose_device(name)


def test_the_device_that_is_there() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_an_unknown_decision() -> None:
    with pytest.raises(InputError, match="no decision 'coin'; choose one of joint, assignment"):
        LearnedConfig(decision="coin")


def two_cells() -> Scene:
    return painted([{"a": (60.0, 40.0, 7.0)}] * 2)


def test_detections_without_shapes_are_refused(model: LineageModel) -> None:
    scene = two_cells()
    bare = replace(scene.detections, features={"area": scene.detections.features["area"]})
    with pytest.raises(InputError, match="detections without perimeter"):
        track_learned(scene.labels, bare, None, model)


@pytest.mark.parametrize("shape", [(3, 60, 80), (5, 60, 80), (4, 60, 79)])
def test_frames_of_another_movie_are_refused(model: LineageModel, shape: tuple[int, int, int]) -> None:
    scene = painted([crowd(3, seed=1)] * 4, shape=(60, 80))
    with pytest.raises(InputError, match="label images are 4 frames of 60×80"):
        track_learned(scene.labels, scene.detections, as_movie(np.ones(shape, np.float32)), model)


@pytest.mark.parametrize("part", ["classify", "divide"])
def test_a_judgement_that_is_no_number_is_refused(
    dividing: SimulatedMovie, model: LineageModel, part: str
) -> None:
    """It would lose in every comparison, and leave a tracking without links."""
    broken = copy.deepcopy(model)
    with torch.no_grad():
        getattr(broken, part)[-1].bias.fill_(float("nan"))
    with pytest.raises(InputError, match="judgement is not a number; give other weights"):
        track_learned(dividing.labels, dividing.graph.detections, dividing.movie, broken)


def test_weights_for_other_features_are_refused(inputs: Inputs) -> None:
    scene, sizes = two_cells(), inputs.sizes()
    with pytest.raises(InputError, match=f"weights for {sizes.cell + 1} features of a cell"):
        track_learned(scene.labels, scene.detections, None, LineageModel(replace(sizes, cell=sizes.cell + 1)))
