"""What `cellkin train` does with its movies: trains, and leaves weights, a card and pictures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from api.cli_output import writing
from api.training_movies import with_wrong_cells
from api.training_pictures import confusion, draw_confusions, draw_losses
from ingest.progress import Note, Progress, silent, unheard
from ingest.segment import SegmentationSettings
from ingest.tracking_graph import IntArray
from tracker.checkpoint import load_model, save_model
from tracker.dataset import UNKNOWN, Example, TrainingMovie
from tracker.learned import choose_device, judge
from tracker.model import CLASSES, LineageModel
from tracker.train import Trained, TrainingConfig, train

STATE = "state.safetensors"
"""File in its folder from which a training goes on."""


@dataclass(frozen=True)
class TrainingRun:
    """What a training left in its folder.

    Attributes:
        trained: the network and how it came about.
        weights, card, losses, confusions: files; `confusions` is None without held-out stretches.
    """

    trained: Trained
    weights: Path
    card: Path
    losses: Path
    confusions: Path | None


def run_training(
    movies: Sequence[TrainingMovie],
    config: TrainingConfig,
    folder: Path,
    *,
    start: Path | None = None,
    device: str = "auto",
    segmentation: SegmentationSettings | None = None,
    progress: Progress = silent,
    note: Note = unheard,
) -> TrainingRun:
    """Train, and leave the weights, a card and pictures in a folder; taken up again where it was stopped.

    Args:
        movies: to learn from.
        config: how.
        folder: for the files.
        start: weights to begin with; None begins from nothing.
        device: that it runs on.
        segmentation: learn how it errs, see `with_wrong_cells`; None learns from the true cells.
        progress: told of each step.
        note: told of what could not be learned from.

    Raises:
        InputError: a file cannot be written; as `train`.
    """
    model, chosen = None if start is None else load_model(start).model, choose_device(device)
    if segmentation:
        movies = with_wrong_cells(movies, segmentation, progress, note)
    trained = train(
        movies,
        config,
        model=model,
        device=chosen,
        state_file=folder / STATE,
        progress=progress,
    )
    weights, card, losses = folder / "lineage.safetensors", folder / "model-card.md", folder / "losses.png"
    judged = judgements(trained.held_out, trained.model)
    tables = [(name, confusion(true, found)) for name, true, found in judged]
    confusions = folder / "confusion.png" if tables else None
    with writing(folder):
        save_model(trained.model, weights, trained.record)
        draw_losses(trained.rounds, losses)
        if confusions:
            draw_confusions(tables, confusions)
        card.write_text(model_card(trained, tables))
    return TrainingRun(trained, weights, card, losses, confusions)


def judgements(held_out: Sequence[Example], model: LineageModel) -> list[tuple[str, IntArray, IntArray]]:
    """For each held-out stretch the movie's name, the true and the judged class of each known pair."""
    device = choose_device("cpu")
    found = []
    for example in held_out:
        true, judged = example.pair_class.numpy(), judge(example.inputs, model, device).pair.argmax(axis=1)
        known = true != UNKNOWN
        found.append((example.name, true[known], judged[known]))
    return found


def model_card(trained: Trained, tables: Sequence[tuple[str, IntArray]]) -> str:
    """What a user should know of weights: data, figures, limits; Markdown."""
    record = trained.record
    lines = [
        "# Model card",
        "",
        f"A cellkin lineage model, trained on {', '.join(record['movies'])}: {trained.learned_from}; "
        f"{record['steps']:,} steps, {trained.best}.",
        "",
        "| held-out stretch | " + " | ".join(f"{name}: found" for name in CLASSES) + " |",
        "|---" * (len(CLASSES) + 1) + "|",
    ]
    for name, table in tables:
        found = table.diagonal() / np.maximum(table.sum(axis=1), 1)
        lines.append(f"| {name} | " + " | ".join(f"{share:.4f}" for share in found) + " |")
    lines += [
        "",
        "It knows cells of these kinds at these frame rates, and up to three times slower. Cells of another",
        "kind, or faster ones, may need a movie of their own to learn from: `cellkin train --finetune`.",
        "",
        "```json",
        json.dumps(record, indent=1),
        "```",
        "",
    ]
    return "\n".join(lines)
