"""What is changed of a batch at random, and what must not change."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ingest.simulate import SimulatedMovie
from tests.tracker.networks import Seen, seen, untrained
from tracker.augment import FROM_IMAGE, SIGNED, Augmentation, augmented
from tracker.model import Batch

STILL = Augmentation(noise=0.0, dropped=0.0, gain=0.0, offset=0.0, grain=0.0, blind=0.0, inverted=0.0)


@pytest.fixture(scope="module")
def whole(dividing: SimulatedMovie) -> Seen:
    return seen(dividing.labels, dividing.movie)


def changed(whole: Seen, config: Augmentation, seed: int = 2) -> Batch:
    torch.manual_seed(seed)
    inputs = whole.inputs
    return augmented(
        inputs.batch, untrained(inputs, seed=1), inputs.names, np.random.default_rng(seed), config
    )


def column(batch: Batch, whole: Seen, kind: str, name: str) -> Tensor:
    found: Tensor = getattr(batch, kind)[:, whole.inputs.names[kind].index(name)]
    return found


def test_nothing_but_a_turn(whole: Seen) -> None:
    batch, found = whole.inputs.batch, changed(whole, STILL)
    for kind in FROM_IMAGE:
        torch.testing.assert_close(getattr(found, kind), getattr(batch, kind))
    square = batch.crops.float()
    turned = [
        way
        for flipped in (square, square.flip(2), square.flip(3), square.flip(2, 3))
        for way in (flipped, flipped.transpose(2, 3))
    ]
    assert sum(torch.equal(found.crops, way) for way in turned) == 1


def test_all_eight_turns_occur(whole: Seen) -> None:
    few = replace(whole, inputs=replace(whole.inputs, batch=whole.inputs.window(0, 1)))
    ways = {changed(few, STILL, seed).crops.numpy().tobytes() for seed in range(40)}
    assert len(ways) == 8


def test_the_batch_itself_is_left_alone(whole: Seen) -> None:
    before = {name: tensor.clone() for name, tensor in vars(whole.inputs.batch).items()}
    changed(whole, Augmentation())
    for name, tensor in vars(whole.inputs.batch).items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("inverted", [0.0, 1.0])
def test_exposure_changes_crops_and_features_alike(whole: Seen, inverted: float) -> None:
    """Brightness that is measured in the changed crops is the changed brightness."""
    found = changed(whole, replace(STILL, gain=0.5, offset=0.4, inverted=inverted))
    own = (found.crops[:, 1] > 0).float()
    mean = (found.crops[:, 0] * own).sum((1, 2)) / own.sum((1, 2)).clamp(min=1)
    torch.testing.assert_close(column(found, whole, "cell", "mean"), mean, atol=2e-3, rtol=1e-3)
    batch = whole.inputs.batch
    gain = column(found, whole, "cell", "sd") / column(batch, whole, "cell", "sd")
    assert gain.std() < 1e-4
    assert abs(float(gain[0]) - 1) > 0.05
    for kind, names in FROM_IMAGE.items():
        for name in set(names) - {"mean"}:
            factor = -gain[0] if inverted and name in SIGNED else gain[0]  # spreads and differences have none
            torch.testing.assert_close(
                column(found, whole, kind, name), factor * column(batch, whole, kind, name), msg=name
            )


def test_without_frames(whole: Seen) -> None:
    found = changed(whole, Augmentation(noise=0, dropped=0, blind=1.0))
    assert not found.crops[:, 0].any()
    assert not column(found, whole, "cell", "has_image").any()
    for kind, names in FROM_IMAGE.items():
        for name in names:
            assert not column(found, whole, kind, name).any(), name


def test_what_has_no_frames_gets_none(dividing: SimulatedMovie) -> None:
    """Label images alone stay as they will be seen when there are no frames: without light or noise."""
    blind = seen(dividing.labels, None)
    found = changed(blind, Augmentation(noise=0, dropped=0, blind=0.0))
    assert not found.crops[:, 0].any()
    assert not column(found, blind, "cell", "mean").any()


def test_noise_is_a_share_of_each_features_spread(whole: Seen) -> None:
    """Of the network's own scale, whatever that is; different in each cell."""
    model = untrained(whole.inputs, seed=1)
    assert isinstance(model.standard_pair.scale, Tensor)
    scale = torch.linspace(0.1, 7.0, len(model.standard_pair.scale))
    model.standard_pair.scale.copy_(scale)
    torch.manual_seed(4)
    config = replace(STILL, noise=0.2)
    batch, rng = whole.inputs.batch, np.random.default_rng(4)
    change = augmented(batch, model, whole.inputs.names, rng, config).pair - batch.pair
    assert len(change) > 200
    torch.testing.assert_close(change.std(0), 0.2 * scale, rtol=0.2, atol=0)


def test_dropped_features_are_at_their_mean(whole: Seen) -> None:
    found = changed(whole, Augmentation(noise=0, dropped=1.0, blind=0.0))
    for kind in FROM_IMAGE:
        assert not getattr(found, kind).any()  # the mean of a network that was not told of any
