"""The state of a training on disk: taken up again as if nothing had happened, or refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ingest.errors import InputError
from tracker.checkpoint import write_tensors
from tracker.model import LineageModel, ModelConfig
from tracker.resume import Check, TrainingState

SIZES = ModelConfig(cell=5, step=3, neighbour=2, pair=7, triple=6, width=16)

KEY = {"steps": "8", "movies": "m"}


def fresh(seed: int = 1) -> TrainingState:
    torch.manual_seed(seed)
    return TrainingState(LineageModel(SIZES), weight_decay=0.01, averaging=0.9)


def go_down(state: TrainingState, steps: int) -> None:
    """Some steps down a slope of its own: any loss does."""
    for step in range(state.step, state.step + steps):
        numbers = torch.Generator().manual_seed(step)
        loss = sum(
            (weight * torch.randn(weight.shape, generator=numbers)).sum()
            for weight in state.model.parameters()
        )
        assert isinstance(loss, torch.Tensor)
        state.descend(loss, rate=0.01 * (1 + step))


def weights_of(model: LineageModel) -> np.ndarray:
    return torch.cat([weight.detach().flatten() for weight in model.state_dict().values()]).numpy()


def check_same(one: TrainingState, other: TrainingState) -> None:
    for name in ("model", "averaged", "best"):
        np.testing.assert_array_equal(weights_of(getattr(one, name)), weights_of(getattr(other, name)), name)
    assert (one.step, one.best_step, one.checks) == (other.step, other.best_step, other.checks)


def test_interrupted_and_taken_up_again(tmp_path: Path) -> None:
    state = fresh()
    go_down(state, 4)
    state.add(Check(4, 1.5, 0.9))
    go_down(state, 3)
    state.add(Check(7, 1.2, 1.1))
    state.save(tmp_path / "deep" / "state.safetensors", KEY)
    go_down(state, 5)
    other = fresh(seed=2)
    other.resume(tmp_path / "deep" / "state.safetensors", KEY)
    assert other.checks == [Check(4, 1.5, 0.9), Check(7, 1.2, 1.1)]
    go_down(other, 5)
    check_same(other, state)


def test_a_state_before_the_first_step(tmp_path: Path) -> None:
    state, other = fresh(), fresh(seed=2)
    state.save(tmp_path / "state.safetensors", KEY)
    other.resume(tmp_path / "state.safetensors", KEY)
    for one in (state, other):
        go_down(one, 2)
    check_same(other, state)


def test_without_a_file_nothing_is_kept_or_taken(tmp_path: Path) -> None:
    state, same = fresh(), fresh()
    state.save(None, KEY)
    state.resume(None, KEY)
    state.resume(tmp_path / "none.safetensors", KEY)
    check_same(state, same)
    assert list(tmp_path.iterdir()) == []


def test_the_average_follows_the_weights() -> None:
    state = fresh()
    start = weights_of(state.model)
    go_down(state, 1)
    assert np.array_equal(weights_of(state.best), start)
    expected = start + (1 - 1 / 10) * (weights_of(state.model) - start)  # after one step it keeps a tenth
    np.testing.assert_allclose(weights_of(state.averaged), expected, atol=1e-6)


def test_the_average_keeps_no_more_than_it_is_told_to() -> None:
    state = TrainingState(LineageModel(SIZES), weight_decay=0.01, averaging=0.3)
    go_down(state, 20)
    before = weights_of(state.averaged)
    go_down(state, 1)
    expected = before + (1 - 0.3) * (weights_of(state.model) - before)
    np.testing.assert_allclose(weights_of(state.averaged), expected, atol=1e-6)


def test_the_best_is_the_one_that_validated_best() -> None:
    state, known = fresh(), []
    for step, loss in ((3, 0.9), (6, 0.5), (9, 0.7), (12, 0.6)):
        go_down(state, 3)
        known.append(weights_of(state.averaged))
        state.add(Check(step, 1.0, loss))
    assert (state.best_step, state.checks_since_best) == (6, 2)
    np.testing.assert_array_equal(weights_of(state.best), known[1])


def test_without_validation_the_last_is_the_best() -> None:
    state = fresh()
    for step in (3, 6):
        go_down(state, 3)
        state.add(Check(step, 1.0, None))
    assert (state.best_step, state.checks_since_best) == (6, 0)
    np.testing.assert_array_equal(weights_of(state.best), weights_of(state.averaged))


def test_a_step_is_never_larger_than_allowed() -> None:
    """However steep: the gradient is cut."""
    steep, flat = fresh(), fresh()
    for state, slope in ((steep, 1e6), (flat, 1e3)):
        loss = sum(slope * weight.sum() for weight in state.model.parameters())
        assert isinstance(loss, torch.Tensor)
        state.descend(loss, rate=0.1)
    np.testing.assert_allclose(weights_of(steep.model), weights_of(flat.model), atol=1e-5)


def test_the_state_of_another_training_is_refused(tmp_path: Path) -> None:
    fresh().save(tmp_path / "state.safetensors", KEY)
    for other, differs in (({"steps": "9", "movies": "m"}, "steps"), ({**KEY, "seed": "0"}, "seed")):
        with pytest.raises(InputError, match=rf"state\.safetensors: .* with other {differs}; give the same"):
            fresh().resume(tmp_path / "state.safetensors", other)
    unknown = fresh()
    for key in ("1", "null", "ab12"):  # of an older version, or of none
        write_tensors(tmp_path / "odd.safetensors", unknown.model.state_dict(), {"key": key})
        with pytest.raises(InputError, match="with other steps, movies; give the same"):
            unknown.resume(tmp_path / "odd.safetensors", KEY)
    with pytest.raises(InputError, match="with other steps, movies; give the same"):
        fresh().resume(tmp_path / "state.safetensors", {"steps": "9", "movies": "others"})


@pytest.mark.parametrize("content", [b"", b"no state", None], ids=["empty", "text", "cut"])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state.safetensors"
    fresh().save(path, KEY)
    path.write_bytes(path.read_bytes()[:-50] if content is None else content)
    with pytest.raises(InputError, match=r"cannot be read: .*; remove it to begin anew"):
        fresh().resume(path, KEY)
