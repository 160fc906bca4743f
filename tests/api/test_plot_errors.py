"""What a tree of errors shows: each error where it is, nothing twice, the worst lineages first."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from api.plot_errors import LOOKS, plot_errors
from graph.scores.errors import ErrorKind
from graph.scores.report import Score, score
from ingest.errors import InputError, NotFoundError
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.graph.scores.random_lineages import random_pair
from tests.lineages import Pair


def scored(pair: Pair) -> Score:
    return score(pair.reference.graph, pair.computed.graph, matched(pair))


def marked(figure: Figure, kind: ErrorKind, panel: int) -> list[tuple[float, float]]:
    """Where the markers of a kind stand."""
    look = LOOKS[kind]
    lines = [
        line
        for line in figure.axes[panel].lines
        if (line.get_marker(), line.get_markersize()) == (look.marker, look.size)
    ]
    return [place for line in lines for place in places(line)]


def places(line: Line2D) -> list[tuple[float, float]]:
    return list(
        zip(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist(), strict=True)
    )


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_errors_stand_at_their_frames_on_the_side_that_has_them() -> None:
    figure = plot_errors(scored(lineages.late_division()), title="late")
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Reference: what was missed",
        "Computed: what is false",
    ]
    assert marked(figure, ErrorKind.SHIFTED_DIVISION, 0) == [(2, 0.5)]
    assert [x for x, _ in marked(figure, ErrorKind.NS, 0)] == [3]
    assert "shifted division (1)" in legend(figure)


def test_dollars_and_braces_in_a_title_are_no_formula(tmp_path: Path) -> None:
    figure = plot_errors(scored(lineages.late_division()), title="a$x_{$ against b")
    figure.savefig(tmp_path / "errors.png")
    assert (tmp_path / "errors.png").stat().st_size > 5_000


def test_a_link_within_a_track_stands_midway_and_one_that_goes_with_its_cell_not_at_all() -> None:
    figure = plot_errors(scored(lineages.cut_track()))
    assert marked(figure, ErrorKind.EC, 0) == [(2.5, 0)]
    missed = plot_errors(scored(lineages.missed_detection()))
    assert [x for x, _ in marked(missed, ErrorKind.FN, 0)] == [1]
    assert marked(missed, ErrorKind.EA, 0) == []
    assert not any("missed link" in text for text in legend(missed))


def test_a_missed_division_has_its_mark_at_the_mothers_end_and_a_false_one_below() -> None:
    pair = lineages.missed_division()
    assert [x for x, _ in marked(plot_errors(scored(pair)), ErrorKind.MISSED_DIVISION, 0)] == [1]
    invented = plot_errors(scored(Pair(pair.computed, pair.reference)))
    assert [x for x, _ in marked(invented, ErrorKind.FALSE_DIVISION, 1)] == [1]


def test_looks_differ_in_colour_and_in_shape() -> None:
    for side in (range(6), range(6, 10)):
        shapes = {(LOOKS[ErrorKind(kind)].marker, LOOKS[ErrorKind(kind)].filled) for kind in side}
        assert len(shapes) >= len(side) - 1  # links to add and to delete are on different sides


@pytest.mark.parametrize("seed", range(6))
def test_any_score_is_drawn(seed: int) -> None:
    figure = plot_errors(scored(random_pair(seed)))
    figure.draw_without_rendering()
    assert len(figure.axes) == 2


def test_one_side_may_be_empty_and_not_both() -> None:
    assert len(plot_errors(scored(lineages.nothing_found())).axes) == 1
    nothing = lineages.no_cells()
    with pytest.raises(InputError, match="no tracks on either side"):
        plot_errors(scored(Pair(nothing, nothing)))


def test_only_founders_may_be_named() -> None:
    found = scored(lineages.late_division())
    assert len(plot_errors(found, founders=[1]).axes) == 2
    with pytest.raises(NotFoundError, match="label 2"):
        plot_errors(found, founders=[2])
