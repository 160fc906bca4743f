"""Confusion of linkages as a picture, after Moen et al. 2019 (bioRxiv 803205): a square a tracker."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graph.scores.linkages import Linkage
from ingest.tracking_graph import IntArray

NAMES = ("same", "different", "parent–child")
COLUMNS = 3
"""Trackers side by side."""


def draw_confusion(pairs: Mapping[str, IntArray]) -> Figure:
    """Numbers of pairs of cells, and shares of each row: rows are the reference, columns the tracker.

    Pairs that neither links are all the others: they are not counted, and that row has no shares.

    Args:
        pairs: tracker to (3, 3), `LinkageConfusion.pairs`.
    """
    columns = min(COLUMNS, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(3.1 * columns + 0.6, 3.2 * rows), layout="constrained")
    squares = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (axes, (name, table)) in enumerate(zip(squares, pairs.items(), strict=False)):
        _draw(axes, name, table)
        if place % columns == 0:
            axes.set_yticks(range(3), NAMES, rotation=90, va="center")
            axes.set_ylabel("reference")
    for axes in squares[len(pairs) :]:
        axes.set_axis_off()
    return figure


def _draw(axes: Axes, name: str, table: IntArray) -> None:
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    share[Linkage.DIFFERENT] = 0
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1.25)
    for row, column in np.ndindex(3, 3):
        colour = "white" if share[row, column] > 0.7 else "black"
        text = _told(int(table[row, column]), float(share[row, column]), row, column)
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(3), NAMES)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("tracker")
    axes.set_title(name, fontsize=10)


def _told(pairs: int, share: float, row: int, column: int) -> str:
    if row != Linkage.DIFFERENT:
        return f"{pairs:,}\n{share:.1%}"
    return "–" if column == Linkage.DIFFERENT else f"{pairs:,}"
