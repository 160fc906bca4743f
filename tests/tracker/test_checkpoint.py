"""Weights on disk: what is written is read, and nothing else is."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ingest.errors import InputError
from ingest.simulate import SimulatedMovie
from tests.tracker.networks import seen
from tracker.checkpoint import FORMAT, HEADER, SHIPPED, load_model, save_model
from tracker.model import LineageModel, ModelConfig

SIZES = ModelConfig(cell=5, step=3, neighbour=2, pair=7, triple=6, width=16, memory=False)
RECORD = {"movies": ["a/01"], "steps": 40, "training": {"seed": 3}}


@pytest.fixture
def model() -> LineageModel:
    torch.manual_seed(8)
    model = LineageModel(SIZES)
    model.temperature.copy_(torch.tensor([1.5, 0.7]))
    model.standard_pair.mean.copy_(torch.arange(7.0))
    return model


@pytest.fixture
def weights(model: LineageModel, tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "lineage.safetensors"
    save_model(model, path, RECORD)
    return path


def test_what_is_written_is_read(model: LineageModel, weights: Path) -> None:
    checkpoint = load_model(weights)
    assert checkpoint.model.config == SIZES
    assert checkpoint.record == RECORD
    assert len(checkpoint.digest) == 64
    found, expected = checkpoint.model.state_dict(), model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert [path.name for path in weights.parent.iterdir()] == ["lineage.safetensors"]


def test_the_same_weights_are_the_same_bytes(model: LineageModel, weights: Path) -> None:
    for _ in range(5):
        save_model(model, weights.with_name("again.safetensors"), RECORD)
        assert weights.with_name("again.safetensors").read_bytes() == weights.read_bytes()


def test_what_cannot_be_written_is_said_and_leaves_nothing(model: LineageModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken.safetensors").mkdir()
    for path in (tmp_path / "file" / "lineage.safetensors", tmp_path / "taken.safetensors"):
        with pytest.raises(InputError, match=r"cannot be written .*; name a folder") as caught:
            save_model(model, path, RECORD)
        assert caught.value.place == str(path)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "taken.safetensors"}


def refused(path: Path, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        load_model(path)
    assert caught.value.place == str(path)
    assert "cellkin train" in caught.value.remedy


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "cannot be read")
    refused(tmp_path, "cannot be read")


class Harm:
    """What a pickle can do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("harm.done"),))  # type: ignore[return-value]


def test_a_pickle_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps(Harm()))
    refused(tmp_path / "evil.safetensors", "cannot be read")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "torch.safetensors")
    refused(tmp_path / "torch.safetensors", "cannot be read")
    assert not (tmp_path / "harm.done").exists()


@pytest.mark.parametrize("kept", [0, 7, 0.5, 0.99])
def test_a_truncated_file(weights: Path, kept: float) -> None:
    content = weights.read_bytes()
    weights.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    refused(weights, "cannot be read")


def rewritten(path: Path, **changes: object) -> None:
    """The same tensors under another header."""
    header = {"format": FORMAT, "config": SIZES.as_dict(), "record": RECORD, **changes}
    kept = {key: value for key, value in header.items() if value is not None}
    save_file(load_file(path), path, metadata={HEADER: json.dumps(kept)})


def test_another_program_s_weights(weights: Path) -> None:
    rewritten(weights, format=None)
    refused(weights, "format None")


@pytest.mark.parametrize("header", [None, {HEADER: "{"}, {HEADER: "[1]"}, {HEADER: "[" * 100_000}])
def test_another_program_s_header(weights: Path, header: dict[str, str] | None) -> None:
    save_file(load_file(weights), weights, metadata=header)
    refused(weights, "format None")


def test_another_version_s_weights(weights: Path) -> None:
    older = {"format": "cellkin lineage model 1", "config": "{}", "record": "{}"}
    save_file(load_file(weights), weights, metadata=older)
    refused(weights, "'cellkin lineage model 1'")
    rewritten(weights, format="cellkin lineage model 99")
    refused(weights, "'cellkin lineage model 99'")


@pytest.mark.parametrize(
    "changes",
    [
        {"config": None},
        {"config": [1, 2]},
        {"config": SIZES.as_dict() | {"width": 32}},
        {"config": SIZES.as_dict() | {"memory": True}},
        {"config": SIZES.as_dict() | {"colour": 3}},
        {"config": SIZES.as_dict() | {"width": "wide"}},
        {"record": None},
    ],
)
def test_a_header_that_does_not_fit(weights: Path, changes: dict[str, object]) -> None:
    rewritten(weights, **changes)
    refused(weights, "do not fit")


@pytest.mark.parametrize("path", sorted(SHIPPED.parent.glob("*.safetensors")), ids=lambda path: path.stem)
def test_the_weights_that_are_shipped(dividing: SimulatedMovie, path: Path) -> None:
    assert path.stat().st_size < 10_000_000
    checkpoint = load_model(path)
    assert checkpoint.record["movies"]
    assert all(weight.isfinite().all() for weight in checkpoint.model.state_dict().values())
    seen(dividing.labels, dividing.movie).inputs.require_fit(checkpoint.model.config)


def test_weights_are_shipped() -> None:
    assert SHIPPED.exists()
