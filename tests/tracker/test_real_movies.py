"""The real movies, from the ground truth's own cells: bounds that a change must not break, not targets.

The masks are the full ones of `01_ST/SEG`, which bear the tracks' labels, and the marker of `01_GT/TRA` where
there is none; labels are shuffled in each frame. So only links can be wrong.
"""

from pathlib import Path

import numpy as np
import pytest

from graph.scores.aogm import Operation
from graph.scores.matching import match
from graph.scores.report import score
from ingest.formats.ctc import read_tracking
from ingest.measure import measure
from ingest.movie import LabelImages, open_labels
from ingest.validate import validate
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
    folder = data_folder / "ctc" / name
    truth = read_tracking(folder / "01_GT")
    labels = _true_cells(truth.labels, open_labels(folder / "01_ST" / "SEG"))
    graph = TRACKER_OF[tracker](labels, measure(labels))
    validate(graph, labels)
    matching = match((truth.graph.detections, truth.labels), (graph.detections, labels))
    result = score(truth.graph, graph, matching, measures=["AOGM", "divisions"])
    assert result.aogm.operations[Operation.FN] == result.aogm.operations[Operation.FP] == 0
    assert result.aogm.aogm <= most_aogm
    assert (result.division_counts[0].f1 or 0) >= least_f1


def _true_cells(markers: LabelImages, masks: LabelImages) -> LabelImages:
    rng = np.random.default_rng(0)
    images = []
    for marker, mask in zip(markers, masks, strict=True):
        known = np.unique(marker[marker > 0])
        image = np.where(np.isin(mask, known), mask, 0)
        only_marked = np.isin(marker, np.setdiff1d(known, image))
        image = np.where(only_marked, marker, image)
        lookup = np.zeros(int(known.max(initial=0)) + 1, np.int32)
        lookup[known] = rng.permutation(len(known)) + 1
        images.append(lookup[image])
    return LabelImages.from_array(np.stack(images))
