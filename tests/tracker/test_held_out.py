"""The learned tracker on frames that it never saw: bounds that a change must not break, not targets."""

from pathlib import Path

import pytest

from api.trackers import TrackerChoice, load_tracker
from ingest.progress import silent
from ingest.validate import validate
from tests.bench.tracking_cases import real_case, validation
from tracker.checkpoint import HELD_OUT

pytestmark = pytest.mark.data


@pytest.mark.parametrize(
    ("name", "most_aogm", "least_f1"),
    [("Fluo-N2DL-HeLa", 13, 0.94), ("DIC-C2DH-HeLa", 6, 0.8), ("PhC-C2DL-PSC", 152, 0.89)],
)
def test_links_between_true_cells(data_folder: Path, name: str, most_aogm: float, least_f1: float) -> None:
    case = validation(real_case(data_folder / "ctc" / name))
    assert case.movie is not None
    choice = TrackerChoice(weights=HELD_OUT)
    graph = load_tracker(choice)(case.labels, case.detections, case.movie, silent).graph
    validate(graph, case.labels)
    assert graph.probability is not None
    score = case.score(graph)
    assert score.aogm.aogm <= most_aogm
    assert (score.division_counts[0].f1 or 0) >= least_f1
