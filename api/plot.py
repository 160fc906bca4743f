"""Pictures: lineage trees, time from left to right."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from api.cli_output import check_file, whole_file
from ingest.errors import InputError
from ingest.tracking_graph import FloatArray, IntArray, LinkKind, TrackingGraph, Tracks

COLOURS = ("#3b6fb6", "#d1652f", "#3f8f5b", "#8a5aa8", "#b8902a", "#2f8f9d", "#b4476b", "#6b6f76")
DEFAULT_LEAVES = 40
INCHES_PER_LEAF = 0.17
PICTURES = (".png", ".svg", ".pdf")


def largest_lineages(tracks: Tracks, leaves: int = DEFAULT_LEAVES) -> IntArray:
    """Founders of the largest lineages, in order of size, that together have up to `leaves` leaves.

    Returns:
        (F,) rows of founders in `tracks`; at least one where there is any track.
    """
    size = np.bincount(tracks.founder, minlength=len(tracks))
    is_leaf = np.bincount(tracks.parent[tracks.parent >= 0], minlength=len(tracks)) == 0
    leaf_count = np.bincount(tracks.founder, weights=is_leaf, minlength=len(tracks))
    order = np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
    fits = np.cumsum(leaf_count[order]) <= leaves
    return order[: max(1, int(np.count_nonzero(fits)))].astype(np.int64)


def tree_rows(tracks: Tracks, founders: IntArray) -> FloatArray:
    """Vertical place of each track: leaves on whole rows, a mother midway between her daughters.

    Returns:
        (T,) row of each track, NaN for tracks of other lineages.
    """
    children: list[list[int]] = [[] for _ in range(len(tracks))]
    for child in np.flatnonzero(tracks.parent >= 0):
        children[tracks.parent[child]].append(int(child))
    place = np.full(len(tracks), np.nan)
    depth_first: list[int] = []
    stack = [int(founder) for founder in founders[::-1]]
    while stack:
        track = stack.pop()
        depth_first.append(track)
        stack.extend(reversed(children[track]))
    leaves = [track for track in depth_first if not children[track]]
    place[leaves] = np.arange(len(leaves))
    for track in reversed(depth_first):
        if children[track]:
            place[track] = (place[children[track][0]] + place[children[track][-1]]) / 2
    return place


def plot_lineages(
    graph: TrackingGraph,
    *,
    founders: Sequence[int] | IntArray | None = None,
    names: Sequence[str] | IntArray | None = None,
    minutes_per_frame: float | None = None,
    title: str = "",
) -> Figure:
    """Draw lineage trees: a line a track, a fork a division, dashes where frames were missed.

    Args:
        graph: the tracking.
        founders: rows of the founders in `graph.tracks`; the largest lineages when None.
        names: (T,) what to write beside each track; its row when None.
        minutes_per_frame: for an axis in hours; frames when None.
        title: written above.

    Raises:
        InputError: there is no track to draw.
    """
    tracks = graph.tracks
    if len(tracks) == 0:
        raise InputError("the tracking has no tracks", place=title, remedy="draw one with detections")
    chosen = largest_lineages(tracks) if founders is None else np.asarray(founders, np.int64)
    place = tree_rows(tracks, chosen)
    drawn = np.flatnonzero(~np.isnan(place))
    hours = minutes_per_frame / 60 if minutes_per_frame else 1.0
    height = 1.1 + INCHES_PER_LEAF * (float(np.nanmax(place)) + 1)
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.subplots()
    draw_tracks(axes, tracks, place, hours, _lineage_colours(tracks, drawn))
    _draw_gaps(axes, graph, place, hours)
    write_names(axes, tracks, place, hours, np.arange(len(tracks)) if names is None else names)
    finish(axes, tracks, place, hours, title, "hours" if minutes_per_frame else "frame")
    return figure


def draw_tracks(
    axes: Axes, tracks: Tracks, place: FloatArray, hours: float, colour: Mapping[int, str], width: float = 2.2
) -> None:
    """A horizontal line from birth to end, and a fork from the mother's end to each daughter.

    Args:
        axes: where to.
        tracks: all of them.
        place: (T,) `tree_rows`.
        hours: of a frame; 1 for an axis in frames.
        colour: of each track that is drawn, by its row.
        width: of a line, points.
    """
    drawn = np.array(list(colour), np.int64)
    daughters = drawn[tracks.parent[drawn] >= 0]
    mothers = tracks.parent[daughters]
    at = tracks.end[mothers] * hours
    lines = [[(tracks.begin[t] * hours, place[t]), (tracks.end[t] * hours, place[t])] for t in drawn]
    forks = [
        [(x, place[mother]), (x, place[daughter]), (tracks.begin[daughter] * hours, place[daughter])]
        for x, mother, daughter in zip(at, mothers, daughters, strict=True)
    ]
    for shapes, owners in ((lines, drawn), (forks, daughters)):
        shown = LineCollection(shapes, colors=[colour[t] for t in owners], linewidths=width, capstyle="round")
        axes.add_collection(shown)
    ends = np.setdiff1d(drawn, mothers)
    axes.scatter(tracks.end[ends] * hours, place[ends], s=9, c=[colour[t] for t in ends], zorder=3)


def _lineage_colours(tracks: Tracks, drawn: IntArray) -> dict[int, str]:
    """A colour a lineage, by row of track."""
    order = {int(founder): i for i, founder in enumerate(dict.fromkeys(tracks.founder[drawn]))}
    return {int(track): COLOURS[order[int(tracks.founder[track])] % len(COLOURS)] for track in drawn}


def _draw_gaps(axes: Axes, graph: TrackingGraph, place: FloatArray, hours: float) -> None:
    """White dashes over a line where the cell was missed."""
    gaps = graph.links[graph.kind == LinkKind.GAP]
    rows = place[graph.tracks.of_detection[gaps[:, 0]]]
    frames = graph.detections.frame[gaps] * hours
    shown = [[(a, y), (b, y)] for (a, b), y in zip(frames, rows, strict=True) if not np.isnan(y)]
    axes.add_collection(
        LineCollection(shown, colors="white", linewidths=2.4, linestyles=(0, (1, 1)), zorder=2)
    )


def write_names(
    axes: Axes, tracks: Tracks, place: FloatArray, hours: float, names: Sequence[str] | IntArray
) -> None:
    """The name of each track that has a place, just above the start of its line."""
    for track in np.flatnonzero(~np.isnan(place)).tolist():
        axes.annotate(
            str(names[track]),
            (tracks.begin[track] * hours, place[track]),
            xytext=(2, 2.4),
            textcoords="offset points",
            fontsize=6,
            color="#444444",
            parse_math=False,
        )


def finish(axes: Axes, tracks: Tracks, place: FloatArray, hours: float, title: str, unit: str) -> None:
    """Limits with some air, time along the bottom, nothing else."""
    drawn = np.flatnonzero(~np.isnan(place))
    begin, end = tracks.begin[drawn].min() * hours, tracks.end[drawn].max() * hours
    margin = max(0.02 * (end - begin), 0.5 * hours)
    axes.set_xlim(begin - margin, end + margin)
    axes.set_ylim(float(np.nanmax(place)) + 0.8, -0.8)
    axes.set_xlabel(unit)
    axes.set_yticks([])
    axes.spines[["left", "top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, loc="left", fontsize=10, parse_math=False)


def check_picture_file(output: Path) -> None:
    """Refuse now what `save` would refuse once all is drawn.

    Raises:
        InputError: another kind of picture, or the file cannot be written.
    """
    check_file(output, PICTURES)


def save(figure: Figure, output: Path) -> None:
    """Write a picture, by the suffix of `output`.

    Raises:
        InputError: another kind of picture, or the file cannot be written.
    """
    check_picture_file(output)
    with whole_file(output) as part:
        figure.savefig(part, dpi=150)
