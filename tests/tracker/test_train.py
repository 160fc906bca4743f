"""Training on a small simulated movie: it learns, stops, goes on, and gives the same again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ingest.errors import InputError
from ingest.movie import LabelImages
from ingest.simulate import SimulatedMovie
from ingest.tracking_graph import FloatArray, TrackingGraph
from tests import lineages as drawings
from tests.tracker.networks import to_learn_from, untrained
from tracker import train as training
from tracker.calibration import calibrate, loss_of, validation_loss
from tracker.checkpoint import SHIPPED, load_model
from tracker.dataset import UNKNOWN, Example, TrainingMovie, Variation, make_example
from tracker.features import STEP
from tracker.learned import judge
from tracker.model import DIFFERENT, SAME, Batch, LineageModel
from tracker.resume import TrainingState
from tracker.train import (
    FINETUNING,
    Trained,
    TrainingConfig,
    from_nothing,
    train,
    variations,
)

CPU = torch.device("cpu")
MOVED = {
    "neighbour": ["ahead"],
    "pair": ["predicted", "foreseen", "has_past", "has_future"],
    "triple": ["parting", "parting_known"],
}
SHORT = TrainingConfig(steps=8, cells=60, check_every=4, variations=2, averaging=0.5, learning_rate=3e-3)


@pytest.fixture(scope="module")
def source(dividing: SimulatedMovie) -> TrainingMovie:
    return to_learn_from(dividing)


@pytest.fixture(scope="module")
def example(source: TrainingMovie) -> Example:
    return make_example(source, Variation(0, 16))


def weights_of(model: LineageModel) -> npt.NDArray[np.float32]:
    flat: npt.NDArray[np.float32] = torch.cat([w.flatten() for w in model.state_dict().values()]).numpy()
    return flat


def batch_losses(trained: Trained) -> list[float]:
    """Of the first round."""
    return [check.training for check in trained.rounds[0] if check.training is not None]


def test_it_learns(source: TrainingMovie) -> None:
    config = replace(SHORT, steps=30, check_every=10, variations=1)
    trained = train([source], config)
    losses = [check.validation for check in trained.rounds[0]]
    assert [check.step for check in trained.rounds[0]] == [10, 20, 30]
    start = train([source], replace(config, steps=1, learning_rate=0.0))
    first = start.rounds[0][0].validation
    assert losses[-1] is not None
    assert first is not None
    assert losses[-1] < 0.5 * first
    of_batches = batch_losses(trained)
    assert len(of_batches) == 3
    assert of_batches[-1] < of_batches[0]
    assert trained.record["steps"] == 30
    assert trained.record["movies"] == ["simulated"]
    assert not trained.model.training


@pytest.fixture(scope="module")
def uninterrupted(source: TrainingMovie) -> LineageModel:
    return train([source], SHORT).model


def test_the_seed_decides_all(source: TrainingMovie, uninterrupted: LineageModel) -> None:
    torch.manual_seed(99)  # what happened before does not matter
    np.testing.assert_array_equal(weights_of(train([source], SHORT).model), weights_of(uninterrupted))
    other = train([source], replace(SHORT, seed=1)).model
    assert not np.array_equal(weights_of(other), weights_of(uninterrupted))


class PowerFailureError(Exception):
    """The power went out."""


def stopped_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    descend = TrainingState.descend

    def until(self: TrainingState, loss: torch.Tensor, rate: float) -> None:
        if self.step == step:
            raise PowerFailureError
        descend(self, loss, rate)

    monkeypatch.setattr(TrainingState, "descend", until)


def power_failure_after(validations: int) -> Callable[..., float]:
    """The validation's loss, so many times."""
    left = iter(range(validations))

    def loss(*arguments: Any) -> float:
        if next(left, None) is None:
            raise PowerFailureError
        return validation_loss(*arguments)

    return loss


def test_interrupted_and_resumed_is_as_uninterrupted(
    source: TrainingMovie, uninterrupted: LineageModel, tmp_path: Path
) -> None:
    state = tmp_path / "state.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        stopped_at(6, patch)
        with pytest.raises(PowerFailureError):
            train([source], SHORT, state_file=state)
    resumed = train([source], SHORT, state_file=state)
    assert [check.step for check in resumed.rounds[0]] == [4, 8]
    np.testing.assert_array_equal(weights_of(resumed.model), weights_of(uninterrupted))


def test_a_training_that_is_done_stays_so(
    source: TrainingMovie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state.safetensors"
    done = train([source], SHORT, state_file=state)
    stopped_at(SHORT.steps, monkeypatch)
    again = train([source], SHORT, state_file=state)
    np.testing.assert_array_equal(weights_of(again.model), weights_of(done.model))


def rising(monkeypatch: pytest.MonkeyPatch, losses: Sequence[float]) -> None:
    """Let validations find these losses."""
    coming = iter(losses)
    monkeypatch.setattr(training, "validation_loss", lambda *_: next(coming))


def test_it_stops_early(source: TrainingMovie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(SHORT, steps=50, check_every=1, patience=2)
    rising(monkeypatch, [0.9, 0.5, 0.6, 0.7, 0.1])
    stopped = train([source], config, state_file=tmp_path / "state.safetensors")
    assert [check.validation for check in stopped.rounds[0]] == [0.9, 0.5, 0.6, 0.7]
    assert (stopped.record["steps"], stopped.record["best_step"]) == (4, 2)
    again = train([source], config, state_file=tmp_path / "state.safetensors")
    assert again.rounds[0] == stopped.rounds[0]  # called again, it does not go on
    np.testing.assert_array_equal(weights_of(again.model), weights_of(stopped.model))


# another seed, a movie of the same name with other cells or other frames, other weights to begin with
@pytest.mark.parametrize(
    ("other", "named"),
    [("seed", "seed"), ("movie", "movies"), ("frames", "movies"), ("start", "weights to begin with")],
)
def test_the_state_of_another_training_is_refused(
    source: TrainingMovie, uninterrupted: LineageModel, other: str, named: str, tmp_path: Path
) -> None:
    state, config = tmp_path / "state.safetensors", replace(SHORT, steps=1)
    train([source], config, state_file=state)
    shifted = replace(source, graph=make_example(source, Variation(0, 16, missed=0.2)).graph)
    assert source.movie is not None
    inverted = replace(source.movie, read=lambda t: 60_000 - source.movie.frame(t))  # type: ignore[union-attr]
    movie = {"movie": shifted, "frames": replace(source, movie=inverted)}.get(other, source)
    with pytest.raises(InputError, match=f"the state of a training with other {named}; give the same"):
        train(
            [movie],
            replace(config, seed=1) if other == "seed" else config,
            model=uninterrupted if other == "start" else None,
            state_file=state,
        )


def test_going_on_begins_with_the_given_weights(source: TrainingMovie, uninterrupted: LineageModel) -> None:
    before = weights_of(uninterrupted)
    config = replace(SHORT, steps=1, variations=1)
    kept = train([source], replace(config, learning_rate=0.0, held_out=0.0), model=uninterrupted).model
    np.testing.assert_array_equal(weights_of(kept), before)  # the temperatures too
    moved = train([source], config, model=uninterrupted).model
    assert not torch.equal(moved.morphology.weight, uninterrupted.morphology.weight)
    np.testing.assert_array_equal(weights_of(uninterrupted), before)  # which are left as they were


def test_finetuning_begins_with_what_the_given_weights_say(
    source: TrainingMovie, example: Example, uninterrupted: LineageModel
) -> None:
    """The truth as it is teaches calibrated logits: nothing is to be multiplied afterwards."""
    config = replace(FINETUNING, steps=1, cells=60, variations=1, learning_rate=0.0, held_out=0.0)
    assert uninterrupted.temperature.tolist() != [1.0, 1.0]
    kept = train([source], config, model=uninterrupted).model
    assert kept.temperature.tolist() == [1.0, 1.0]
    now, before = (judge(example.inputs, model, CPU) for model in (kept, uninterrupted))
    np.testing.assert_allclose(now.pair, before.pair, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(now.triple, before.triple, rtol=1e-4, atol=1e-5)


def test_weights_that_fine_tuning_makes_no_better_stay(
    source: TrainingMovie, uninterrupted: LineageModel, tmp_path: Path
) -> None:
    """Too large steps forget what was known: the held-out stretch tells, also when training is resumed."""
    state = tmp_path / "state.safetensors"
    config = replace(FINETUNING, steps=6, check_every=2, cells=60, variations=1, learning_rate=0.5)
    with pytest.MonkeyPatch.context() as patch:
        stopped_at(4, patch)
        with pytest.raises(PowerFailureError):
            train([source], config, model=uninterrupted, state_file=state)
    tuned = train([source], config, model=uninterrupted, state_file=state)
    first, *others = tuned.rounds[0]
    assert (first.step, first.training, tuned.record["best_step"]) == (0, None, 0)
    known = [check.validation for check in (first, *others) if check.validation is not None]
    assert len(known) == 4
    assert known[0] < min(known[1:])
    np.testing.assert_array_equal(weights_of(tuned.model), weights_of(uninterrupted))  # temperatures, too
    assert tuned.best == "none better than the weights that it began with"


SECOND = replace(SHORT, steps=4, check_every=2, smoothing=0.0)
IN_ROUNDS = replace(SHORT, then=SECOND)


def test_a_round_begins_with_the_last_weights_and_ends_with_the_best(
    source: TrainingMovie, monkeypatch: pytest.MonkeyPatch
) -> None:
    rising(monkeypatch, [0.9, 0.1])
    last = train([source], SHORT).model
    rising(monkeypatch, [0.6, 0.4, 0.5])  # of those that it begins with first
    then = train([source], SECOND, model=last)
    rising(monkeypatch, [0.1, 0.9, 0.4, 0.5])  # of the first round's the best is not the last
    both = train([source], IN_ROUNDS)
    np.testing.assert_array_equal(weights_of(both.model), weights_of(then.model))
    assert [[check.step for check in checks] for checks in both.rounds] == [[4, 8], [10, 12]]
    assert (both.record["steps"], both.record["best_step"]) == (12, 10)


def test_interrupted_in_its_second_round(source: TrainingMovie, tmp_path: Path) -> None:
    state, whole = tmp_path / "state.safetensors", train([source], IN_ROUNDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "validation_loss", power_failure_after(3))
        with pytest.raises(PowerFailureError):
            train([source], IN_ROUNDS, state_file=state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "validation_loss", power_failure_after(1))  # one of four was left
        resumed = train([source], IN_ROUNDS, state_file=state)
    assert resumed.rounds == whole.rounds
    np.testing.assert_array_equal(weights_of(resumed.model), weights_of(whole.model))


def test_begun_anew_nothing_is_left_of_the_rounds_before(source: TrainingMovie, tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    train([source], IN_ROUNDS, state_file=state)
    state.unlink()  # as the refusal of another training's state asks
    other = replace(IN_ROUNDS, seed=1, then=replace(SECOND, seed=1))
    with pytest.MonkeyPatch.context() as patch:
        stopped_at(6, patch)  # in the first round
        with pytest.raises(PowerFailureError):
            train([source], other, state_file=state)
    anew = train([source], other, state_file=state)
    np.testing.assert_array_equal(weights_of(anew.model), weights_of(train([source], other).model))


def test_a_new_network_learns_in_two_rounds() -> None:
    plan = from_nothing(10, seed=4, held_out=0.2)
    assert (plan.steps, plan.seed, plan.held_out, plan.smoothing) == (10, 4, 0.2, 0.1)
    assert plan.then == replace(FINETUNING, steps=3, seed=4, held_out=0.2)


def test_weights_for_other_features_are_refused(source: TrainingMovie, example: Example) -> None:
    sizes = example.inputs.sizes()
    with pytest.raises(InputError, match=f"weights for {sizes.triple + 2} features of a triple"):
        train([source], SHORT, model=LineageModel(replace(sizes, triple=sizes.triple + 2)))


def test_without_motion_nothing_that_moved_counts(source: TrainingMovie) -> None:
    trained = train([source], replace(SHORT, steps=1), evidence={"motion": False})
    inputs = trained.held_out[0].inputs
    moved = {name: column.clone() for name, column in vars(inputs.batch).items()}
    for kind, names in MOVED.items():
        moved[kind][:, [inputs.names[kind].index(name) for name in names]] += 1
    for way in ("past_step", "future_step"):
        moved[way][:, :, STEP.index("moved")] += 1
    before, after = (
        judge(inputs, trained.model, CPU),
        judge(replace(inputs, batch=Batch(**moved)), trained.model, CPU),
    )
    np.testing.assert_array_equal(before.pair, after.pair)
    np.testing.assert_array_equal(before.triple, after.triple)


def test_features_are_standardised(source: TrainingMovie) -> None:
    trained = train([source], replace(SHORT, steps=1, variations=1))
    rows = make_example(source, Variation(0, 11)).inputs.batch.pair
    standard = trained.model.standard_pair(rows)
    varied = rows.std(0) > 0.02
    assert varied.sum() > 15
    assert standard[:, varied].mean(0).abs().max() < 0.3  # a few are cut at five standard deviations


def test_the_last_frames_are_held_out(source: TrainingMovie) -> None:
    trained = train([source], replace(SHORT, steps=1, held_out=0.3))
    (held,) = trained.held_out
    assert len(held.labels) == 16 - 11
    np.testing.assert_array_equal(held.labels.frame(0), source.labels.frame(11))
    assert held.name == source.name


def test_a_simulated_movie_is_not_held_out(source: TrainingMovie) -> None:
    short = replace(source, name="short", is_real=False)
    trained = train([short, source], replace(SHORT, steps=1))
    assert [held.name for held in trained.held_out] == ["simulated"]


def test_without_validation(source: TrainingMovie) -> None:
    trained = train([source], replace(SHORT, held_out=0.0))
    assert [check.validation for check in trained.rounds[0]] == [None, None]
    assert trained.held_out == []
    assert trained.model.temperature.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_nothing_to_learn(share: float) -> None:
    one = drawings.one_detection()
    still = TrainingMovie("still", None, LabelImages.from_array(one.labels), one.graph)
    with pytest.raises(InputError, match="still: no links between cells"):
        train([still], replace(SHORT, held_out=share))
    with pytest.raises(InputError, match="no movie to train on"):
        train([], SHORT)


# 6 frames, of which the first is left for training: it has no links
def test_too_much_is_held_out() -> None:
    drawing = drawings.division()
    movie = TrainingMovie("drawn", None, LabelImages.from_array(drawing.labels), drawing.graph)
    with pytest.raises(InputError, match=r"no links between cells before frame 1.* hold less of it out"):
        train([movie], replace(SHORT, held_out=0.9))


def test_label_images_alone_teach(source: TrainingMovie) -> None:
    trained = train([replace(source, movie=None)], replace(SHORT, steps=2))
    assert np.isfinite(batch_losses(trained)).all()


def test_the_learning_rate_rises_and_falls() -> None:
    config = TrainingConfig(steps=100, learning_rate=0.5)
    rates = [config.rate(step) for step in range(100)]
    assert np.argmax(rates) in (9, 10)
    assert max(rates) == 0.5
    assert rates[0] == pytest.approx(0.05)
    assert rates[-1] < 0.001
    assert np.all(np.diff(rates[10:]) < 0)


@pytest.mark.parametrize(("frames", "count"), [(50, 10), (6, 4), (2, 1)])
def test_variations_have_a_few_frames_each(frames: int, count: int) -> None:
    ways = variations(frames, TrainingConfig(), seed=7)
    assert len(ways) == count
    assert ways[0] == Variation(0, frames)
    assert len(set(ways)) == count
    assert variations(50, replace(SHORT, variations=3), seed=7) == variations(50, TrainingConfig(), 7)[:3]


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_counts_all_that_is_judged(smoothing: float) -> None:
    pair_logit, pair_class = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]]), [SAME, DIFFERENT]
    triple_logit, is_division = np.array([1.0, -2.0, 0.0]), np.array([1, 0, 0])
    truth = (1 - smoothing) * np.eye(3)[pair_class] + smoothing / 3
    by_hand = -(truth * (pair_logit - np.log(np.exp(pair_logit).sum(axis=1, keepdims=True)))).sum()
    truth = (1 - smoothing) * is_division + smoothing / 2
    by_hand += (truth * np.log1p(np.exp(-triple_logit)) + (1 - truth) * np.log1p(np.exp(triple_logit))).sum()
    given = [torch.tensor(one) for one in (pair_logit, triple_logit, pair_class, is_division)]
    loss = loss_of(given[0], given[1], given[2], given[3], 4, smoothing)
    assert loss.item() == pytest.approx(by_hand / 4)
    unknown = torch.tensor([[3.0, -1.0, 0.0]]), torch.tensor([2.0]), *2 * [torch.tensor([UNKNOWN])]
    more = [torch.cat([known, other]) for known, other in zip(given, unknown, strict=True)]
    assert loss_of(more[0], more[1], more[2], more[3], 4, smoothing) == loss


def test_nothing_to_judge_costs_nothing() -> None:
    nothing = torch.zeros(0)
    assert loss_of(torch.zeros(0, 3), nothing, nothing.long(), nothing.bool(), cells=0) == 0


def likelihood(example: Example, model: LineageModel) -> FloatArray:
    """Mean log-likelihood of the pairs and of the triples."""
    logits = judge(example.inputs, model, CPU)
    pair = torch.log_softmax(torch.from_numpy(logits.pair), dim=1)
    known, told = example.pair_class != UNKNOWN, example.is_division != UNKNOWN
    sign = 2 * example.is_division[told].double() - 1
    triple = torch.nn.functional.logsigmoid(sign * torch.from_numpy(logits.triple)[told])
    own = pair[known].gather(1, example.pair_class[known, None])
    return np.array([own.mean().item(), triple.mean().item()])


@pytest.mark.parametrize("loud", [0.2, 1.0, 8.0])
def test_calibration_makes_the_truth_no_less_likely(example: Example, loud: float) -> None:
    model = untrained(example.inputs, seed=4, loud=loud)
    before = likelihood(example, model)
    calibrate(model, [example])
    assert np.all(likelihood(example, model) >= before - 1e-6)
    assert model.temperature.tolist() != [1.0, 1.0]
    order = judge(example.inputs, model, CPU).pair.argmax(axis=1)
    model.temperature.fill_(1.0)
    np.testing.assert_array_equal(judge(example.inputs, model, CPU).pair.argmax(axis=1), order)


def test_few_triples_that_all_are_judged_right_make_no_division_surer(example: Example) -> None:
    """By their likelihood alone, the lowest temperature would be the best."""
    model = load_model(SHIPPED).model
    assert np.array_equal(judge(example.inputs, model, CPU).triple > 0, example.is_division == 1)
    calibrate(model, [example])
    assert model.temperature[1] > 0.8


def test_there_is_nothing_to_calibrate_by(source: TrainingMovie, example: Example) -> None:
    model = untrained(example.inputs, seed=4)
    empty = drawings.no_cells()
    nothing = TrainingMovie("empty", None, LabelImages.from_array(empty.labels), empty.graph)
    calibrate(model, [make_example(nothing, Variation(0, 3))])
    assert model.temperature.tolist() == [1.0, 1.0]
    unknown = replace(source, graph=unlinked(source.graph))
    calibrate(model, [make_example(unknown, Variation(0, 16))])
    assert model.temperature.tolist() == [1.0, 1.0]


def unlinked(graph: TrackingGraph) -> TrackingGraph:
    return replace(graph, links=graph.links[:0], kind=graph.kind[:0])


def test_a_stretch_of_which_nothing_is_known_validates_nothing(source: TrainingMovie) -> None:
    early = source.graph.detections.frame[source.graph.links[:, 1]] < 11
    begun = replace(source.graph, links=source.graph.links[early], kind=source.graph.kind[early])
    assert train([source], replace(SHORT, steps=1)).held_out
    assert not train([replace(source, graph=begun)], replace(SHORT, steps=1)).held_out


def test_validation_weighs_the_calibrated_examples_by_the_square_roots_of_their_cells(
    source: TrainingMovie, example: Example
) -> None:
    model = untrained(example.inputs, seed=5)
    examples = [example, make_example(source, Variation(0, 16, 2))]
    found = validation_loss(model, examples, CPU)
    assert model.temperature.tolist() != [1.0, 1.0]
    by_hand = []
    for one in examples:
        cells = len(one.scene)
        pairs, triples = (int((truth != UNKNOWN).sum()) for truth in (one.pair_class, one.is_division))
        by_hand.append(-likelihood(one, model) @ [pairs, triples] / cells)
    weights = [len(one.scene) ** 0.5 for one in examples]
    assert found == pytest.approx(np.dot(weights, by_hand) / sum(weights), rel=1e-5)
    assert found != pytest.approx(np.mean(by_hand), rel=1e-3)
