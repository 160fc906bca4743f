"""The real movies, from the ground truth's own cells: bounds that a change must not break, not targets."""

from pathlib import Path

import pytest

from graph.scores.aogm import Operation
from ingest.validate import validate
from tests.bench.tracking_cases import real_case
from tracker.registry import TRACKER_OF

pytestmark = pytest.mark.data


@pytest.mark.parametrize(
    ("tracker", "name", "most_aogm", "least_f1"),
    [
        ("lap", "Fluo-N2DL-HeLa", 60, 0.94),
        ("lap", "DIC-C2DH-HeLa", 12, 0.85),
        ("lap", "PhC-C2DL-PSC", 430, 0.89),
        ("viterbi", "Fluo-N2DL-HeLa", 65, 0.94),
        ("viterbi", "DIC-C2DH-HeLa", 12, 0.85),
    ],
)
def test_links_between_true_cells(
    data_folder: Path, tracker: str, name: str, most_aogm: float, least_f1: float
) -> None:
    case = real_case(data_folder / "ctc" / name)
    graph = TRACKER_OF[tracker](case.labels, case.detections)
    validate(graph, case.labels)
    result = case.score(graph)
    assert result.aogm.operations[Operation.FN] == result.aogm.operations[Operation.FP] == 0
    assert result.aogm.aogm <= most_aogm
    assert (result.division_counts[0].f1 or 0) >= least_f1
