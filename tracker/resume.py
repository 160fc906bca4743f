"""The state of a training, which can be taken up again: weights, their average, the optimiser."""

import copy
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ingest.errors import InputError
from tracker.checkpoint import write_tensors
from tracker.model import LineageModel

LARGEST_GRADIENT = 1.0
"""Norm that a step's gradient is cut to."""
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of each parameter."""


@dataclass(frozen=True)
class Check:
    """One validation.

    Attributes:
        step: after which it was made; 0 for the weights that training began with.
        training: mean loss of the batches since the one before; None before the first step.
        validation: loss on the held-out stretches, None without any.
    """

    step: int
    training: float | None
    validation: float | None


class TrainingState:
    """Where a training is.

    Args:
        model: what is trained.
        weight_decay: of AdamW.
        averaging: share of the averaged weights that each step keeps.

    Attributes:
        model: with the weights of the last step.
        averaged: with the running average of the weights, which is what is validated.
        best: the averaged weights that validated best; the last ones where nothing is held out.
        step: steps done.
        checks: validations made.
    """

    def __init__(self, model: LineageModel, weight_decay: float, averaging: float) -> None:
        self.model = model
        self.averaged, self.best = _frozen(model), _frozen(model)
        self.step, self.best_step = 0, 0
        self.checks: list[Check] = []
        self._averaging = averaging
        self._optimiser = torch.optim.AdamW(model.parameters(), weight_decay=weight_decay)

    @property
    def checks_since_best(self) -> int:
        """Validations since the best one."""
        return sum(check.step > self.best_step for check in self.checks)

    def descend(self, loss: Tensor, rate: float) -> None:
        """Make one step down the gradient."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch states no type
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self._optimiser.step()
        self.step += 1
        kept = min(self._averaging, self.step / (self.step + 9))
        with torch.no_grad():
            for average, weight in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
                average.lerp_(weight, 1 - kept)

    def add(self, check: Check) -> None:
        """Take note of a validation; the averaged weights are the best ones if none was better."""
        before = [c.validation for c in self.checks if c.validation is not None]
        self.checks.append(check)
        if check.validation is None or check.validation <= min(before, default=float("inf")):
            self.best, self.best_step = _frozen(self.averaged), check.step

    def save(self, path: Path | None, key: Mapping[str, str]) -> None:
        """Write the state in place of an older one; `key` says by what names and values it is of a training.

        Raises:
            InputError: the file cannot be written.
        """
        if path is None:
            return
        tensors = {
            f"{name}.{weight}": tensor
            for name, model in self._models().items()
            for weight, tensor in model.state_dict().items()
        }
        for number, moments in self._optimiser.state_dict()["state"].items():
            tensors |= {f"moment.{number}.{name}": moments[name] for name in MOMENTS}
        header = {
            "key": json.dumps(key),
            "step": str(self.step),
            "best_step": str(self.best_step),
            "checks": json.dumps([asdict(check) for check in self.checks]),
        }
        write_tensors(path, tensors, header)

    def resume(self, path: Path | None, key: Mapping[str, str]) -> None:
        """Go on from a state that was saved, if there is one.

        Raises:
            InputError: it is of another training, or cannot be read.
        """
        if path is None or not path.exists():
            return
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 — not a mapping
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"a state that cannot be read: {error}", place=str(path), remedy="remove it to begin anew"
            ) from error
        if others := _others(header.get("key", ""), key):
            raise InputError(
                f"the state of a training with other {', '.join(others)}",
                place=str(path),
                remedy="give the same ones, another output, or remove the file to begin anew",
            )
        self._take(header, tensors)

    def _take(self, header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
        for name, model in self._models().items():
            model.load_state_dict(_below(tensors, name))
        state = self._optimiser.state_dict()
        for number in range(len(state["param_groups"][0]["params"])):
            state["state"][number] = _below(tensors, f"moment.{number}")
        self._optimiser.load_state_dict(state)
        self.step, self.best_step = int(header["step"]), int(header["best_step"])
        self.checks = [Check(**check) for check in json.loads(header["checks"])]

    def _models(self) -> dict[str, LineageModel]:
        return {"model": self.model, "averaged": self.averaged, "best": self.best}


def _others(stored: str, key: Mapping[str, str]) -> list[str]:
    """What differs in the key of a state; everything where it says nothing."""
    try:
        known = dict(json.loads(stored))
    except (ValueError, TypeError):
        known = {}
    return [name for name, value in key.items() if known.get(name) != value]


def _frozen(model: LineageModel) -> LineageModel:
    """A copy that is not trained."""
    return copy.deepcopy(model).requires_grad_(False)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning."""
    return {
        name.removeprefix(f"{prefix}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{prefix}.")
    }
