"""What `cellkin train` leaves: weights, their card and pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from api.training import TrainingRun, judgements, model_card, run_training
from ingest.simulate import SimulatedMovie
from tests.tracker.networks import to_learn_from
from tracker.checkpoint import load_model
from tracker.train import TrainingConfig, train

SHORT = TrainingConfig(steps=2, cells=60, variations=1)


@pytest.fixture(scope="module")
def run(dividing: SimulatedMovie, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    return run_training([to_learn_from(dividing)], SHORT, tmp_path_factory.mktemp("out"), device="cpu")


def test_a_training_leaves_weights_a_card_and_pictures(run: TrainingRun) -> None:
    assert run.confusions is not None
    names = {path.name for path in (run.weights, run.card, run.losses, run.confusions)}
    assert {path.name for path in run.weights.parent.iterdir()} == names | {"state.safetensors"}
    checkpoint = load_model(run.weights)
    assert checkpoint.record == run.trained.record
    for picture in (run.losses, run.confusions):
        assert len(np.unique(imread(picture))) > 50
    card = run.card.read_text()
    assert "| simulated |" in card
    assert f"{checkpoint.record['cells']:,} cells" in card


def test_finetuning_begins_with_weights_on_disk(
    dividing: SimulatedMovie, run: TrainingRun, tmp_path: Path
) -> None:
    config = replace(SHORT, learning_rate=0.0)
    tuned = run_training([to_learn_from(dividing)], config, tmp_path, start=run.weights, device="cpu")
    start, end = (load_model(path).model.state_dict() for path in (run.weights, tuned.weights))
    names = [name for name in start if name != "temperature"]
    assert all(torch.equal(start[name], end[name]) for name in names)


def test_each_held_out_stretch_under_its_own_name(dividing: SimulatedMovie) -> None:
    """Also where another movie has none, or the same name."""
    short = replace(to_learn_from(dividing, "short"), is_real=False)
    movies = [short, to_learn_from(dividing, "a"), to_learn_from(dividing, "a")]
    trained = train(movies, replace(SHORT, steps=1))
    judged = judgements(trained.held_out, trained.model)
    assert [name for name, *_ in judged] == ["a", "a"]
    for _, true, found in judged:
        assert true.shape == found.shape
        assert set(np.unique(found)) <= {0, 1, 2}


def test_the_card_says_how_much_of_each_class_was_segmented(run: TrainingRun) -> None:
    table = np.array([[30, 10, 0], [0, 50, 0], [0, 0, 0]])
    card = model_card(run.trained, [("a movie", table)])
    assert "| a movie | 0.7500 | 1.0000 | 0.0000 |" in card
