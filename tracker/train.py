"""Training: stretches of movies whose lineage is known, until the held-out stretches are judged no better."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ingest.errors import InputError
from ingest.progress import Progress, silent
from tracker.augment import Augmentation, augmented
from tracker.calibration import loss_of, validation_loss, weights_of
from tracker.checkpoint import FORMAT
from tracker.dataset import UNKNOWN, Example, TrainingMovie, Variation, make_example
from tracker.features import still
from tracker.model import LineageModel
from tracker.resume import Check, TrainingState

Examples = tuple[Sequence[Sequence[Example]], Sequence[Example]]
"""For each movie its variations to train on; all held-out stretches."""
STANDARDISED = ("cell", "neighbour", "pair", "triple")


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes:
        steps: at most.
        cells: in a batch: a stretch of whole frames of one variation of one movie.
        learning_rate: the highest; it rises over a tenth of the steps and falls as a cosine to nothing.
        weight_decay: of AdamW (Loshchilov & Hutter 2019).
        averaging: share that each step keeps of the averaged weights, an exponential moving average.
        smoothing: share of the truth that is spread over all classes (Szegedy et al. 2016): a network that
            cannot become too sure errs less on kinds of cells that it has never seen.
        held_out: last share of each movie's frames that is for validation; 0 trains on all of it.
        check_every: steps between two validations.
        patience: validations without a better one, after which training stops.
        variations: of each movie, at most; see `variations`.
        seed: of all that is random.
        augmentation: of the batches.
        then: how it goes on from the last weights, on the same examples; None: that was all, the best count.
    """

    steps: int = 1200
    cells: int = 1500
    learning_rate: float = 1.5e-3
    weight_decay: float = 5e-2
    averaging: float = 0.995
    smoothing: float = 0.1
    held_out: float = 0.3
    check_every: int = 200
    patience: int = 5
    variations: int = 10
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    then: "TrainingConfig | None" = None

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        rise = max(1, self.steps // 10)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        return self.learning_rate * (1 + math.cos(math.pi * (step - rise) / max(1, self.steps - rise))) / 2


FINETUNING = TrainingConfig(steps=300, learning_rate=3e-4, smoothing=0.0, check_every=50, patience=3)
"""For weights that know cells already: small steps, with the truth as it is."""
REHEARSED = 3
"""Simulated movies to fine-tune on besides: by a movie without divisions alone, divisions are forgotten."""


def from_nothing(
    steps: int = TrainingConfig.steps, *, seed: int = 0, held_out: float = TrainingConfig.held_out
) -> TrainingConfig:
    """For a new network: first with the truth spread, then, a quarter as long, in small steps as it is.

    Both rounds see the same batches, those of the seed, as far as they go.
    """
    then = replace(FINETUNING, steps=-(-steps // 4), seed=seed, held_out=held_out)
    return TrainingConfig(steps=steps, seed=seed, held_out=held_out, then=then)


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gives.

    Attributes:
        model: the best one of the last round, calibrated.
        rounds: the validations of each round; steps count on from round to round.
        record: how it was trained, for the weights' header.
        held_out: the validation examples.
    """

    model: LineageModel
    rounds: Sequence[Sequence[Check]]
    record: Mapping[str, Any]
    held_out: Sequence[Example]

    @property
    def learned_from(self) -> str:
        """How much, for people."""
        simulated = self.record["simulated_cells"]
        besides = f", {simulated:,} of the cells simulated" if simulated else ""
        return f"{self.record['cells']:,} cells and {self.record['divisions']:,} divisions{besides}"

    @property
    def best(self) -> str:
        """Which weights were the best, for people."""
        step = self.record["best_step"]
        if not self.held_out:
            return "of which the last weights count: nothing was held out"
        return f"the best after {step:,}" if step else "none better than the weights that it began with"


def train(
    movies: Sequence[TrainingMovie],
    config: TrainingConfig,
    *,
    model: LineageModel | None = None,
    evidence: Mapping[str, bool] | None = None,
    device: torch.device | None = None,
    state_file: Path | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train a network.

    Args:
        movies: at least one. A movie counts as the square root of its cells.
        config: how; held out, and varied, as its first round says.
        model: where to begin: for fine-tuning; a new one by default. It is validated too, and stays the best
            one where what follows is no better.
        evidence: what a new network leaves out, such as `{"memory": False}`.
        device: where.
        state_file: where the state is kept at each validation; training goes on from there where it exists.
            Each further round has one of its own beside it, which counts while the first is there.
        progress: told of each step.

    Raises:
        InputError: no movie, or nothing to learn in them; a state file of another training, or one that
            cannot be written.
    """
    _require_something_to_learn(movies, config)
    training, held_out = _examples(movies, config, progress)
    device = device or torch.device("cpu")
    key = _key(training, held_out, config, model, evidence or {}) if state_file else {}
    torch.manual_seed(config.seed)
    given = model
    if model is None:
        model = LineageModel(replace(training[0][0].inputs.sizes(), **(evidence or {})))
        _standardise(model, [example for ways in training for example in ways])
    training[0][0].inputs.require_fit(model.config)
    rounds: list[list[Check]] = []
    done = best_step = 0
    plan = list(_rounds_of(config))
    for one, file in zip(plan, _state_files(state_file, len(plan)), strict=True):
        state = _round(model, one, (training, held_out), device, file, key, progress, is_given=model is given)
        rounds.append([replace(check, step=done + check.step) for check in state.checks])
        done, best_step = done + state.step, done + state.best_step
        model = (state.averaged if one.then else state.best).trained()
    if given is not None and not best_step:
        model = given  # without the temperatures of these held-out stretches
    cells = [len(example.scene) for example, *_ in training]
    record = {
        "movies": [movie.name for movie in movies],
        "divisions": sum(example.divisions for example, *_ in training),
        "cells": sum(cells),
        "simulated_cells": sum(
            count for count, movie in zip(cells, movies, strict=True) if not movie.is_real
        ),
        "training": asdict(config),
        "steps": done,
        "best_step": best_step,
    }
    return Trained(model, rounds, record, held_out)


def _round(
    start: LineageModel,
    config: TrainingConfig,
    examples: Examples,
    device: torch.device,
    state_file: Path | None,
    key: Mapping[str, str],
    progress: Progress,
    *,
    is_given: bool,
) -> TrainingState:
    """One round of training, from a model that is left as it is; one that was given may be the best."""
    training, held_out = examples
    model = start.trainable()
    if not config.smoothing:  # the truth as it is wants logits that mean what they say
        model.absorb_temperature()
    state = TrainingState(model.to(device), config.weight_decay, config.averaging)
    state.resume(state_file, key)
    if is_given and held_out and not state.checks:
        state.add(Check(0, None, validation_loss(state.averaged, held_out, device)))
    losses: list[float] = []
    for step in progress(range(state.step, config.steps), "Training", total=config.steps - state.step):
        if state.checks_since_best >= config.patience:
            break
        with _reproducible():
            losses.append(_step(state, training, config, step, device))
        if not math.isfinite(losses[-1]):
            raise InputError(
                "the loss is no number any more",
                place=f"step {step + 1}",
                remedy="look for pixels with absurd values in the movies, and replace them",
            )
        if (step + 1) % config.check_every == 0 or step + 1 == config.steps:
            loss = validation_loss(state.averaged, held_out, device) if held_out else None
            state.add(Check(step + 1, float(np.mean(losses)), loss))
            losses = []
            state.save(state_file, key)
    return state


def _rounds_of(config: TrainingConfig) -> Iterator[TrainingConfig]:
    """It and what follows."""
    following: TrainingConfig | None = config
    while following:
        yield following
        following = following.then


def _state_files(first: Path | None, count: int) -> list[Path] | list[None]:
    """Where the state of each round is kept; those of a training that was to begin anew are removed."""
    if first is None:
        return [None] * count
    further = [first.with_stem(f"{first.stem}-{number}") for number in range(2, count + 1)]
    if not first.exists():
        for file in further:
            file.unlink(missing_ok=True)
    return [first, *further]


@contextmanager
def _reproducible() -> Iterator[None]:
    """Sums in the same order each time: threads that add up gradients would differ in the last digits."""
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)


def _key(
    training: Sequence[Sequence[Example]],
    held_out: Sequence[Example],
    config: TrainingConfig,
    start: LineageModel | None,
    evidence: Mapping[str, bool],
) -> dict[str, str]:
    """All that a training follows from, by what a user calls it: it goes on from no other one's state."""
    seen, weights = hashlib.sha256(), hashlib.sha256()
    for examples in (*training, held_out):
        seen.update(repr([(example.name, len(example.scene)) for example in examples]).encode())
        for example in examples:
            for column in (*vars(example.inputs.batch).values(), example.pair_class, example.is_division):
                seen.update(column.contiguous().numpy().data)
    for weight in start.state_dict().values() if start else ():
        weights.update(weight.cpu().numpy().data)
    rounds = list(_rounds_of(config))
    settings = {
        name.replace("_", " "): repr([getattr(one, name) for one in rounds])
        for name in vars(config)
        if name != "then"
    }
    return settings | {
        "movies": seen.hexdigest(),
        "weights to begin with": weights.hexdigest(),
        "evidence": repr(sorted(evidence.items())),
        "version of cellkin": FORMAT,
    }


def variations(frames: int, config: TrainingConfig, seed: int) -> list[Variation]:
    """The ways to see a stretch of a movie: whole, slower, cells missed, or marked; the most telling first.

    Args:
        frames: of the stretch.
        config: how many.
        seed: of the missed cells.
    """
    ways = [
        Variation(0, frames),
        Variation(0, frames, 2),
        Variation(0, frames, missed=0.03, seed=seed),
        Variation(1, frames, 2),
        Variation(0, frames, 3),
        Variation(0, frames, missed=0.06, seed=seed + 1),
        Variation(1, frames, 2, missed=0.03, seed=seed + 2),
        Variation(2, frames, 3),
        Variation(0, frames, markers=0.3),
        Variation(0, frames, 2, markers=0.6),
    ]
    return [way for way in ways[: config.variations] if (way.end - way.begin) // way.stride >= 4] or ways[:1]


def _examples(movies: Sequence[TrainingMovie], config: TrainingConfig, progress: Progress) -> Examples:
    jobs: list[tuple[int, TrainingMovie, Variation]] = []
    for number, movie in enumerate(movies):
        frames, cut = len(movie.labels), _cut(movie, config)
        jobs += [(number, movie, way) for way in variations(cut, config, 10 * number + config.seed)]
        if frames - cut >= 2:
            jobs.append((-1, movie, Variation(cut, frames)))
    training: list[list[Example]] = [[] for _ in movies]
    held_out: list[Example] = []
    for number, movie, way in progress(jobs, "Looking at the movies", total=len(jobs)):
        example = make_example(movie, way)
        if number >= 0:
            training[number].append(example)
        elif (example.pair_class != UNKNOWN).any():  # else nothing says how well it is judged
            held_out.append(example)
    return training, held_out


def _require_something_to_learn(movies: Sequence[TrainingMovie], config: TrainingConfig) -> None:
    if not movies:
        raise InputError("no movie to train on", remedy="give at least one with its true lineage")
    for movie in movies:
        begins = movie.graph.detections.frame[movie.graph.links[:, 1]]
        if not np.any(begins < _cut(movie, config)):
            raise InputError(
                f"no links between cells before frame {_cut(movie, config)}, so nothing to learn",
                place=movie.name,
                remedy="give a movie of several frames whose cells are tracked, or hold less of it out",
            )


def _cut(movie: TrainingMovie, config: TrainingConfig) -> int:
    """The first frame that is held out."""
    frames = len(movie.labels)
    return round(frames * (1 - config.held_out)) if movie.is_real else frames


def _standardise(model: LineageModel, examples: Sequence[Example]) -> None:
    """Tell the network the mean and the spread of its features."""
    for kind in STANDARDISED:
        rows = torch.cat([getattr(example.inputs.batch, kind) for example in examples])
        if len(rows) > 1:
            layer = getattr(model, f"standard_{kind}")
            layer.mean.copy_(rows.mean(0))
            layer.scale.copy_(rows.std(0).clamp(min=1e-2))
    if not model.config.motion:
        for kind in ("neighbour", "pair", "triple"):
            used = torch.tensor(still(examples[0].inputs.names[kind]))
            getattr(model, f"standard_{kind}").used.copy_(used)


def _step(
    state: TrainingState,
    training: Sequence[Sequence[Example]],
    config: TrainingConfig,
    step: int,
    device: torch.device,
) -> float:
    """One step of gradient descent; its loss. What is random follows from the seed and the step alone."""
    rng = np.random.default_rng([config.seed, step])
    torch.manual_seed(int(rng.integers(2**31)))
    weight = weights_of(ways[0] for ways in training)
    ways = training[int(rng.choice(len(training), p=weight / weight.sum()))]
    example = ways[int(rng.integers(len(ways)))]
    begin, end = _stretch(example, config.cells, rng)
    batch = augmented(
        example.inputs.window(begin, end), state.model, example.inputs.names, rng, config.augmentation
    ).to(device)
    pairs, triples = (torch.from_numpy(rows) for rows in example.inputs.rows(begin, end))
    state.model.train()
    pair_logit, triple_logit = state.model(batch)
    loss = loss_of(
        pair_logit,
        triple_logit,
        example.pair_class[pairs].to(device),
        example.is_division[triples].to(device),
        len(batch.cell),
        config.smoothing,
    )
    state.descend(loss, config.rate(step))
    return loss.item()


def _stretch(example: Example, cells: int, rng: np.random.Generator) -> tuple[int, int]:
    """Frames begin … end − 1 at random, with about so many cells, six frames at least."""
    frame = example.inputs.cell_frame
    frames = int(frame[-1]) + 1 if len(frame) else 1
    length = min(frames, max(6, round(cells * frames / max(1, len(frame)))))
    begin = int(rng.integers(frames - length + 1))
    return begin, begin + length
