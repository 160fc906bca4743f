"""A table of scores as a picture: a panel a measure, a row a tracker, a dot a movie."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ingest.errors import InputError

Row = Mapping[str, object]

USUAL = {
    "TRA": "TRA",
    "DET": "DET",
    "LNK": "LNK",
    "SEG": "SEG",
    "CHOTA": "CHOTA",
    "divisions.0.F1": "division F1",
    "divisions.1.F1": "division F1, ±1 frame",
    "CT": "CT",
    "TF": "TF",
    "BC.0": "BC(0)",
    "CCA": "CCA",
    "AOGM": "AOGM",
}
"""Measure → heading; those that are undefined everywhere are left out."""
FEWER_IS_BETTER = ("AOGM", "operations.", "tracks.identity_switches", "tracks.fragmentations")
COLUMNS = 4
MARKERS = "osD^vP*X"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5b5b", "#000000")
"""A tracker has a marker and a colour (Okabe & Ito 2008), so that either alone tells it."""
SUMMARIES = ("(mean)", "(pooled)")


def plot_table(rows: Sequence[Row], measures: Sequence[str] | None = None) -> Figure:
    """Draw a table of scores.

    Args:
        rows: of movies and trackers, as `ScoreTable.rows` gives them.
        measures: columns to draw; the usual ones that are defined when None.

    Raises:
        InputError: there is no such column, or nothing to draw.
    """
    for name in measures or ():
        if name not in rows[0]:
            raise InputError(
                f"there is no measure {name!r}",
                place="the table",
                remedy=f"choose from {', '.join(list(rows[0])[2:])}",
            )
    chosen = [name for name in measures or USUAL if any(_number(row.get(name)) is not None for row in rows)]
    if not chosen:
        raise InputError("no measure is defined", place="the table", remedy="draw a table with scores")
    trackers = list(dict.fromkeys(str(row["tracker"]) for row in rows))
    lines = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(12, 0.6 + lines * (0.85 + 0.3 * len(trackers))), layout="constrained")
    panels = figure.subplots(lines, min(COLUMNS, len(chosen)), squeeze=False, sharey=True)
    for panel, name in zip(panels.flat, chosen, strict=False):
        _draw(panel, rows, trackers, name)
    for panel in panels.flat[len(chosen) :]:
        panel.set_visible(False)
    _explain(figure, rows)
    return figure


def _draw(axes: Axes, rows: Sequence[Row], trackers: Sequence[str], name: str) -> None:
    for place, tracker in enumerate(trackers):
        own = [row for row in rows if row["tracker"] == tracker]
        movies = [_number(row.get(name)) for row in own if row["movie"] not in SUMMARIES]
        dots = [number for number in movies if number is not None]
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        axes.plot(dots, [place] * len(dots), marker, color=colour, markersize=4.5, alpha=0.45, mew=0)
        if dots:
            mean = sum(dots) / len(dots)
            axes.plot([mean], [place], marker, color=colour, markersize=9, mec="black", mew=0.7, zorder=3)
            axes.annotate(
                _shown(mean),
                (mean, place),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color="#222222",
            )
    arrow = "← better" if name.startswith(FEWER_IS_BETTER) else "better →"
    axes.set_title(USUAL.get(name, name), loc="left", fontsize=10, fontweight="bold", parse_math=False)
    axes.set_title(arrow, loc="right", fontsize=7, color="#777777")
    axes.set_yticks(range(len(trackers)), trackers, fontsize=8.5, parse_math=False)
    axes.set_ylim(len(trackers) - 0.4, -0.75)
    axes.margins(x=0.16)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["left", "top", "right"]].set_visible(False)


def _explain(figure: Figure, rows: Sequence[Row]) -> None:
    movies = len({str(row["movie"]) for row in rows} - set(SUMMARIES))
    text = f"small: a movie ({movies})   large: mean of a tracker's movies"
    figure.supxlabel(text, x=0.995, ha="right", fontsize=7.5, color="#777777")


def _number(value: object) -> float | None:
    """A value that can be drawn: NaN is what some tables have for an undefined one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return float(value)


def _shown(value: float) -> str:
    """Digits enough to tell trackers apart."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}".lstrip("0") if abs(value) < 1 else f"{value:.4g}"
