"""The learned tracker on frames that it never saw: bounds that a change must not break, not targets."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from api.trackers import TrackerChoice, load_tracker
from graph.scores.report import Score
from ingest.progress import silent
from ingest.validate import validate
from tests.bench.tracking_cases import (
    Case,
    as_markers,
    every,
    missed,
    real_case,
    validation,
    with_flaws,
)
from tests.tracker.drafted import scene_of
from tracker.checkpoint import HELD_OUT, SEGMENTED_HELD_OUT
from tracker.flaws import has_flaws

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def sequence(data_folder: Path) -> Callable[[str], Case]:
    """Sequence 01 of a set by its name, read once."""
    return cache(lambda name: real_case(data_folder / "ctc" / name))


@pytest.mark.parametrize(
    ("name", "most_aogm", "least_f1"),
    [("Fluo-N2DL-HeLa", 14, 0.94), ("DIC-C2DH-HeLa", 6, 0.8), ("PhC-C2DL-PSC", 161, 0.9)],
)
def test_links_between_true_cells(
    sequence: Callable[[str], Case], name: str, most_aogm: float, least_f1: float
) -> None:
    score = linked(validation(sequence(name)), HELD_OUT)
    assert score.aogm.aogm <= most_aogm
    assert (score.division_counts[0].f1 or 0) >= least_f1


@pytest.mark.parametrize(("name", "least_f1"), [("Fluo-N2DL-HeLa", 0.9), ("PhC-C2DL-PSC", 0.86)])
def test_divisions_of_cells_that_are_marked_by_discs(
    sequence: Callable[[str], Case], name: str, least_f1: float
) -> None:
    case = as_markers(validation(sequence(name)), 0.5)
    assert (linked(case, HELD_OUT).division_counts[0].f1 or 0) >= least_f1


@pytest.mark.parametrize(("name", "least_f1"), [("Fluo-N2DL-HeLa", 0.85), ("PhC-C2DL-PSC", 0.74)])
def test_divisions_where_a_segmentation_has_flaws(
    sequence: Callable[[str], Case], name: str, least_f1: float
) -> None:
    case = with_flaws(validation(sequence(name)), 0.01)
    score = linked(case, SEGMENTED_HELD_OUT, segmented=True)
    assert (score.division_counts[0].f1 or 0) >= least_f1


@pytest.mark.parametrize("name", ["Fluo-N2DL-HeLa", "DIC-C2DH-HeLa"])
def test_true_cells_are_not_taken_for_flawed_ones(sequence: Callable[[str], Case], name: str) -> None:
    case = sequence(name)
    for seen in (case, validation(case), every(case, 2), missed(case, 0.1), as_markers(case, 0.5)):
        assert not has_flaws(scene_of(seen.labels)), seen.name
    flawed = with_flaws(case, 0.01)
    assert has_flaws(scene_of(flawed.labels))


def linked(case: Case, weights: Path, *, segmented: bool = False) -> Score:
    """The score of the cells of a case, linked by some weights."""
    assert case.movie is not None
    track = load_tracker(TrackerChoice(weights=weights), segmented=segmented)
    graph = track(case.labels, case.detections, case.movie, silent).graph
    validate(graph, case.labels)
    assert graph.probability is not None
    return case.score(graph)
