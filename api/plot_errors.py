"""Lineage trees coloured by what is wrong: above what was missed in the reference, below what is false."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from api.plot import draw_tracks, finish, tree_rows, write_names
from graph.scores.errors import ErrorKind
from graph.scores.report import Score
from ingest.errors import InputError, NotFoundError
from ingest.formats.ctc import track_labels
from ingest.tracking_graph import FloatArray, IntArray, TrackingGraph, Tracks

LEAVES = 30
"""The most that a panel holds, unless one lineage has more."""
INCHES_PER_LEAF = 0.2
RIGHT = "#c9cdd2"
"""Colour of what is right."""


@dataclass(frozen=True)
class Look:
    """How a kind of error is drawn: colour (Okabe & Ito 2008), marker, its size, and whether it is filled."""

    colour: str
    marker: str
    size: float
    filled: bool = False


LOOKS: Mapping[ErrorKind, Look] = {
    ErrorKind.FN: Look("#d55e00", "o", 4.5),
    ErrorKind.NS: Look("#cc79a7", "s", 5.0, filled=True),
    ErrorKind.EA: Look("#0072b2", "x", 5.5),
    ErrorKind.EC: Look("#009e73", "|", 9.0),
    ErrorKind.FP: Look("#d55e00", "o", 4.5, filled=True),
    ErrorKind.ED: Look("#0072b2", "x", 5.5),
    ErrorKind.MISSED_DIVISION: Look("#000000", "v", 8.5, filled=True),
    ErrorKind.FALSE_DIVISION: Look("#000000", "^", 8.5, filled=True),
    ErrorKind.SHIFTED_DIVISION: Look("#e69f00", "D", 7.0, filled=True),
    ErrorKind.WRONG_DAUGHTERS: Look("#f0e442", "*", 12.0, filled=True),
}
MISSED = (
    *(ErrorKind.FN, ErrorKind.NS, ErrorKind.EA, ErrorKind.EC),
    *(ErrorKind.MISSED_DIVISION, ErrorKind.SHIFTED_DIVISION, ErrorKind.WRONG_DAUGHTERS),
)
FALSE = (ErrorKind.FP, ErrorKind.ED, ErrorKind.FALSE_DIVISION)


@dataclass(frozen=True, eq=False)
class _Panel:
    """One side of a score.

    Attributes:
        graph: the tracking.
        rows: (M, 2) its detections of each error.
        kind: (M,) `ErrorKind` of each.
        kinds: those that are drawn on this side.
        heading: above the panel.
    """

    graph: TrackingGraph
    rows: IntArray
    kind: IntArray
    kinds: tuple[ErrorKind, ...]
    heading: str

    def track(self) -> IntArray:
        """(M,) track that each error stands on: of a link the one that it leads to."""
        end = np.where(self.rows[:, 1] >= 0, self.rows[:, 1], self.rows[:, 0])
        return np.append(self.graph.tracks.of_detection, -1)[end]

    def errors_of_lineages(self) -> IntArray:
        """(T,) errors of the lineage of each founder, at the founder's row."""
        track = self.track()[np.isin(self.kind, self.kinds)]
        founder = self.graph.tracks.founder[track[track >= 0]]
        return np.bincount(founder, minlength=len(self.graph.tracks))


def plot_errors(score: Score, *, founders: Sequence[int] = (), title: str = "") -> Figure:
    """Draw the lineages of a score with its errors.

    Args:
        score: of two trackings.
        founders: labels of founders of the reference; the lineages with the most errors when empty.
        title: written above.

    Raises:
        NotFoundError: no founder of the reference has such a label.
        InputError: neither tracking has a track.
    """
    errors, shown = score.errors, _telling(score)
    kind = errors.kind[shown].astype(np.int64)
    truth = _Panel(score.reference, errors.reference[shown], kind, MISSED, "Reference: what was missed")
    result = _Panel(score.computed, errors.computed[shown], kind, FALSE, "Computed: what is false")
    chosen = _named(truth, founders) if founders else _worst(truth)
    drawn = [(truth, chosen), (result, _over_against(score, chosen) if founders else _worst(result))]
    drawn = [(panel, rows) for panel, rows in drawn if len(rows)]
    if not drawn:
        raise InputError("no tracks on either side", place=title, remedy="draw trackings with detections")
    places = [tree_rows(panel.graph.tracks, rows) for panel, rows in drawn]
    heights = [0.75 + INCHES_PER_LEAF * (float(np.nanmax(place)) + 1) for place in places]
    figure = Figure(figsize=(11, 0.9 + sum(heights)), layout="constrained")
    axes = figure.subplots(len(drawn), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
    for one, (panel, _), place in zip(axes, drawn, places, strict=True):
        _draw(one, panel, place)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, parse_math=False)
    _legend(figure, kind)
    return figure


def _telling(score: Score) -> IntArray:
    """Rows of the errors to draw: that a link is missed goes without saying where its cell was missed."""
    errors = score.errors
    one_to_one = np.append(score.matching.one_to_one, -1)[errors.reference]  # (M, 2)
    return np.flatnonzero((errors.kind != ErrorKind.EA) | (one_to_one >= 0).all(axis=1))


def _worst(panel: _Panel) -> IntArray:
    """(F,) founders of the lineages with most errors, as many as `LEAVES` allows; without any the largest."""
    tracks, wrong = panel.graph.tracks, panel.errors_of_lineages()
    if not len(tracks):
        return np.empty(0, np.int64)
    leaves = _leaves(tracks)
    order = np.lexsort((-leaves, -wrong))
    order = order[(wrong[order] > 0) if wrong.any() else (leaves[order] > 0)]
    fits = np.cumsum(leaves[order]) <= LEAVES
    return order[: max(1, int(np.count_nonzero(fits)))]


def _leaves(tracks: Tracks) -> IntArray:
    """(T,) tracks without daughters in the lineage of each founder, at the founder's row."""
    is_leaf = np.bincount(tracks.parent[tracks.parent >= 0], minlength=len(tracks)) == 0
    return np.bincount(tracks.founder[is_leaf], minlength=len(tracks))


def _named(panel: _Panel, labels: Sequence[int]) -> IntArray:
    """(F,) founders of these labels."""
    tracks, own = panel.graph.tracks, track_labels(panel.graph)
    rows = []
    for label in labels:
        found = np.flatnonzero((own == label) & (tracks.parent < 0))
        if not len(found):
            raise NotFoundError(
                f"no founder track of the reference has label {label}",
                place="the reference",
                remedy="give the label of a track without a parent",
            )
        rows.append(int(found[0]))
    return np.array(rows, np.int64)


def _over_against(score: Score, founders: IntArray) -> IntArray:
    """(F,) founders of the computed lineages that match any detection of these reference lineages."""
    truth, judged = score.reference.tracks, score.computed.tracks
    own = np.isin(truth.founder[truth.of_detection], founders)
    match = score.matching.of_reference[own]
    return np.unique(judged.founder[judged.of_detection[match[match >= 0]]])


def _draw(axes: Axes, panel: _Panel, place: FloatArray) -> None:
    tracks = panel.graph.tracks
    drawn = np.flatnonzero(~np.isnan(place))
    draw_tracks(axes, tracks, place, 1.0, dict.fromkeys(drawn.tolist(), RIGHT), width=2.6)
    for kind in panel.kinds:
        _draw_kind(axes, panel, place, kind)
    write_names(axes, tracks, place, 1.0, track_labels(panel.graph))
    finish(axes, tracks, place, 1.0, "", "frame")
    axes.set_title(panel.heading, loc="left", fontsize=9, fontweight="bold")


def _draw_kind(axes: Axes, panel: _Panel, place: FloatArray, kind: ErrorKind) -> None:
    """The stretches of line that an error is about, in its colour, and its marker."""
    look, track = LOOKS[kind], panel.track()
    own = np.flatnonzero((panel.kind == kind) & (track >= 0))
    own = own[~np.isnan(place[track[own]])]
    if not len(own):
        return
    lines = [line for row in own for line in _stretches(panel, place, int(row))]
    axes.add_collection(LineCollection(lines, colors=look.colour, linewidths=2.6, zorder=2.5))
    x, y = np.array([_middle(panel, place, int(row)) for row in own]).T
    axes.plot(x, y, **_marker(look), zorder=4)


def _stretches(panel: _Panel, place: FloatArray, row: int) -> Iterator[Sequence[tuple[float, float]]]:
    """Of a link the way from end to end, of a detection its frame; none of a division."""
    frame, track = panel.graph.detections.frame, panel.graph.tracks.of_detection
    first, second = panel.rows[row]
    if panel.kind[row] >= ErrorKind.MISSED_DIVISION:
        return
    y = place[track[first]]
    if second < 0:
        yield [(frame[first] - 0.5, y), (frame[first] + 0.5, y)]
    else:
        end = place[track[second]]
        yield [(frame[first], y), (frame[first], end), (frame[second], end)]


def _middle(panel: _Panel, place: FloatArray, row: int) -> tuple[float, float]:
    """Where the marker of an error stands."""
    frame, track = panel.graph.detections.frame, panel.graph.tracks.of_detection
    first, second = panel.rows[row]
    if second < 0:
        return float(frame[first]), float(place[track[first]])
    return float(frame[first] + frame[second]) / 2, float(place[track[second]])


def _marker(look: Look) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": look.marker,
        "markersize": look.size,
        "markerfacecolor": look.colour if look.filled else "white",
        "markeredgecolor": "black" if look.filled and look.size > 6 else look.colour,
        "markeredgewidth": 0.7 if look.filled else 1.5,
    }


def _legend(figure: Figure, kind: IntArray) -> None:
    """Every kind that there is, with its number in the whole movie."""
    counts = np.bincount(kind, minlength=len(ErrorKind)).tolist()
    titles = {one: one.title for one in ErrorKind} | {ErrorKind.EA: "missed link between found cells"}
    shown = [
        Line2D([], [], label=f"{titles[one]} ({counts[one]:,})", **_marker(LOOKS[one]))
        for one in (*MISSED, *FALSE)
        if counts[one]
    ]
    shown.append(Line2D([], [], color=RIGHT, linewidth=2.6, label="right"))
    figure.legend(
        handles=shown, loc="outside lower center", ncols=5, fontsize=7.5, frameon=False, columnspacing=1.4
    )
