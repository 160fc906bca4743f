"""Real results, scored by the Cell Tracking Challenge's own programs, reproduced to the digit."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from graph.scores.aogm import Operation, aogm, count_operations
from graph.scores.matching import Matching, match
from graph.scores.overlaps import count_overlaps
from graph.scores.report import score
from graph.scores.segmentation import score_segmentation
from ingest.formats.ctc import CtcSequence, open_tracking, read_tracking
from ingest.formats.ctc_segmentation import read_segmentation
from ingest.tracking_graph import IntArray, TrackingGraph

pytestmark = pytest.mark.data

SAMPLES = {
    "ctc-eval-sample-03": ("03", "0.688000", "0.622980", 105, 278.5, (5, 5, 3, 1, 16, 2)),
    "ipsc-02-02": ("02", "0.936992", "0.932231", 3479, 51336, (122, 135, 864, 7, 412, 30)),
    "Fluo-N2DL-HeLa-01": ("01", "0.995486", "0.993636", 631.5, 99233, (0, 39, 0, 60, 87, 51)),
}
OTHER_MEASURES: dict[str, dict[str, float | None]] = {
    "ctc-eval-sample-03": {
        "SEG": 0.14821055425509436,
        "CT": 0,
        "TF": 0.5,
        "BC.0": 0,
        "BC.3": 0,
        "CCA": None,
        "BIO.3": 1 / 6,
        "CHOTA": 0.6063325052517151,
    },
    "ipsc-02-02": {
        "SEG": 0.49943723100600546,
        "CT": 0.2184873949579832,
        "TF": 0.849595959423286,
        "BC.0": 10 / 75,
        "BC.1": 22 / 75,
        "BC.2": 24 / 75,
        "CCA": None,
        "BIO.1": 0.4538055625715342,
        "CHOTA": 0.8440987965614695,
    },
    "Fluo-N2DL-HeLa-01": {
        "SEG": 0.8835401434861742,
        "CT": 0.6690909090909091,
        "TF": 0.9565212775453423,
        "BC.0": 0.76,
        "CCA": 0.6087662337662338,
        "BIO.0": 0.7485946051006214,
        "CHOTA": 0.9224725394515368,
    },
}
"""By py-ctcmetrics 1.3.3."""
HEADINGS = {
    "Splitting Operations": Operation.NS,
    "False Negative Vertices": Operation.FN,
    "False Positive Vertices": Operation.FP,
    "Redundant Edges To Be Deleted": Operation.ED,
    "Edges To Be Added": Operation.EA,
    "Edges with Wrong Semantics": Operation.EC,
}
Place = tuple[int, ...]


def sides(data_folder: Path, sample: str) -> tuple[CtcSequence, CtcSequence]:
    folder, number = data_folder / "scored" / sample, SAMPLES[sample][0]
    return read_tracking(folder / f"{number}_GT"), read_tracking(folder / f"{number}_RES")


def matched(reference: CtcSequence, computed: CtcSequence) -> Matching:
    return match((reference.graph.detections, reference.labels), (computed.graph.detections, computed.labels))


def logged(log: str) -> dict[Operation, list[Place]]:
    """(frame, label, ...) of every line of an official log, under its heading."""
    places: dict[Operation, list[Place]] = {operation: [] for operation in Operation}
    for line in log.splitlines():
        heading = re.match(r"-+([\w ]+) \(Penalty", line)
        if heading:
            current = HEADINGS[heading[1]]
        elif "abel=" in line:
            places[current].append(tuple(int(number) for number in re.findall(r"=(\d+)", line)))
    return places


def nodes(graph: TrackingGraph, rows: IntArray) -> Iterable[Place]:
    table = graph.detections
    return zip(table.frame[rows].tolist(), table.label[rows].tolist(), strict=True)


def links(graph: TrackingGraph, rows: IntArray) -> Iterable[Place]:
    earlier, later = graph.links[rows].T
    return (a + b for a, b in zip(nodes(graph, earlier), nodes(graph, later), strict=True))


@pytest.mark.parametrize("sample", SAMPLES)
def test_counts_and_measures(data_folder: Path, sample: str) -> None:
    _, det, tra, cost, cost_from_nothing, numbers = SAMPLES[sample]
    reference, computed = sides(data_folder, sample)
    result = aogm(reference.graph, computed.graph, matched(reference, computed))
    assert tuple(result.operations.values()) == numbers
    assert (result.aogm, result.aogm_0) == (cost, cost_from_nothing)
    assert (f"{result.det:.6f}", f"{result.tra:.6f}") == (det, tra)


@pytest.mark.parametrize("sample", ["ctc-eval-sample-03", "ipsc-02-02"])
def test_every_operation_is_the_one_that_the_official_log_lists(data_folder: Path, sample: str) -> None:
    reference, computed = sides(data_folder, sample)
    found = count_operations(reference.graph, computed.graph, matched(reference, computed))
    mine = {
        Operation.NS: nodes(computed.graph, found.split),
        Operation.FN: nodes(reference.graph, found.missed),
        Operation.FP: nodes(computed.graph, found.false),
        Operation.ED: links(computed.graph, found.deleted),
        Operation.EA: links(reference.graph, found.added),
        Operation.EC: links(computed.graph, found.changed[:, 1]),
    }
    log = (data_folder / "scored" / sample / "official_log" / "TRA_log.txt").read_text()
    for operation, places in logged(log).items():
        assert sorted(mine[operation]) == sorted(places), operation


@pytest.mark.parametrize("sample", OTHER_MEASURES)
def test_other_measures_are_those_of_py_ctcmetrics(data_folder: Path, sample: str) -> None:
    reference, computed = sides(data_folder, sample)
    outlines = read_segmentation(data_folder / "scored" / sample / f"{SAMPLES[sample][0]}_GT")
    assert outlines is not None
    segmentation = score_segmentation(outlines.labels, computed.labels, outlines.frames)
    both = reference.graph, computed.graph, matched(reference, computed)
    row = score(*both, segmentation=segmentation).as_row()
    expected = OTHER_MEASURES[sample]
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_cells_measured_while_matching_are_those_of_a_reader(data_folder: Path) -> None:
    folder = data_folder / "scored" / "ipsc-02-02"
    reference, computed = open_tracking(folder / "02_GT"), open_tracking(folder / "02_RES")
    cells = count_overlaps(reference.labels, computed.labels).detections()
    for found, side, name in zip(cells, (reference, computed), ("02_GT", "02_RES"), strict=True):
        expected = read_tracking(folder / name)
        np.testing.assert_array_equal(side.graph(found).links, expected.graph.links)
        np.testing.assert_array_equal(found.label, expected.graph.detections.label)
        np.testing.assert_allclose(found.y, expected.graph.detections.y)
        np.testing.assert_allclose(found.x, expected.graph.detections.x)
        np.testing.assert_array_equal(found.features["area"], expected.graph.detections.features["area"])
