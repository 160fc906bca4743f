"""Pictures of a training: the losses by step, and what the network takes pairs of cells for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from ingest.tracking_graph import FloatArray, IntArray
from tracker.model import CLASSES
from tracker.resume import Check

BLUE, ORANGE = "#3b6fb6", "#d1652f"


def draw_losses(rounds: Sequence[Sequence[Check]], path: Path) -> None:
    """Loss on the batches and on the held-out stretches, by step; the best one of the last round is marked.

    The batches' losses of one round are not those of another: what is taken for true differs.
    """
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    found: list[tuple[int, float]] = []
    for number, checks in enumerate(rounds):
        found = _draw_round(axes, checks, is_first=number == 0)
        if number:
            axes.axvline(rounds[number - 1][-1].step, color="0.6", linewidth=0.8, linestyle=":")
    if found:
        best = min(found, key=lambda check: check[1])
        axes.annotate(
            f"{best[1]:.4f}", best, (0, 8), textcoords="offset points", ha="center", color=ORANGE
        )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step")
    axes.set_ylabel("loss a cell, nats")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)


def _draw_round(axes: Axes, checks: Sequence[Check], *, is_first: bool) -> list[tuple[int, float]]:
    """Draw one round; gives the steps and losses of its validations."""
    hidden = "" if is_first else "_"  # one entry of the legend for all rounds
    learned = [(check.step, check.training) for check in checks if check.training is not None]
    steps, losses = zip(*learned, strict=True)
    axes.plot(steps, losses, color=BLUE, marker="o", markersize=2, label=f"{hidden}training, augmented")
    known = [(check.step, check.validation) for check in checks if check.validation is not None]
    if known:
        at, loss = zip(*known, strict=True)
        axes.plot(at, loss, color=ORANGE, marker="o", markersize=3, label=f"{hidden}held out")
    return known


def confusion(true: IntArray, judged: IntArray) -> IntArray:
    """(3, 3) number of pairs by true class (rows) and by the class that they were judged to be (columns)."""
    counts = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(counts, (true, judged), 1)
    return counts


def draw_confusions(counts: Sequence[tuple[str, IntArray]], path: Path) -> None:
    """Confusion matrices side by side, as in Moen et al. 2019: shares of each row, and numbers of pairs."""
    figure = Figure(figsize=(3.4 * len(counts) + 0.4, 4.2), layout="constrained")
    for number, (title, table) in enumerate(counts):
        axes = figure.add_subplot(1, len(counts), number + 1)
        _draw_confusion(axes, table, title)
        axes.set_yticks(range(len(CLASSES)), CLASSES if number == 0 else [""] * len(CLASSES))
        if number == 0:
            axes.set_ylabel("truth")
    figure.savefig(path, dpi=150)


def _draw_confusion(axes: Axes, table: IntArray, title: str) -> None:
    share: FloatArray = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(share):
        colour = "white" if value > 0.5 else "black"
        text = f"{value:.3f}\n{table[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(CLASSES)), CLASSES)
    axes.set_xlabel("judged")
    axes.set_title(title, fontsize=10)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
