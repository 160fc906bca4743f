"""py-ctcmetrics 1.3.3 as an oracle on random lineages (docs/decisions/0005-scores-against-oracles.md)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from ctc_metrics import metrics
from ctc_metrics.utils.representations import count_acyclic_graph_correction_operations, merge_tracks

from graph.scores.report import score
from ingest.tracking_graph import IntArray
from tests.graph.scores.drawings import matched
from tests.graph.scores.random_lineages import random_pair
from tests.lineages import Drawing, Pair

SEEDS = range(200)
TOLERANCES = range(4)
OPERATIONS = ("NS", "FN", "FP", "ED", "EA", "EC")
MEASURES = (
    *(f"operations.{name}" for name in OPERATIONS),
    *("AOGM", "AOGM0", "DET", "TRA", "LNK", "CT", "TF", "CCA", "CHOTA"),
    *(f"BC.{i}" for i in TOLERANCES),
)
Values = Mapping[str, float | None]
Lists = list[list[int]]


@pytest.fixture(scope="module")
def compared() -> dict[int, tuple[Values, Values]]:
    """Their values and ours by seed, where both sides have a cell: without one py-ctcmetrics fails."""
    pairs = {seed: random_pair(seed) for seed in SEEDS}
    return {
        seed: (their_scores(pair), our_scores(pair))
        for seed, pair in pairs.items()
        if pair.reference.cells and pair.computed.cells
    }


@pytest.mark.parametrize("measure", MEASURES)
def test_random_lineages_score_as_in_py_ctcmetrics(
    compared: dict[int, tuple[Values, Values]], measure: str
) -> None:
    different = {
        seed: (theirs[measure], ours[measure])
        for seed, (theirs, ours) in compared.items()
        if ours[measure] != pytest.approx(theirs[measure], abs=1e-9)
    }
    assert not different
    assert len({ours[measure] for _, ours in compared.values()}) > 3, "hardly anything was compared"


def our_scores(pair: Pair) -> Values:
    return score(pair.reference.graph, pair.computed.graph, matched(pair)).as_row()


def their_scores(pair: Pair) -> Values:
    """Every measure of py-ctcmetrics, under our names."""
    tables = table(pair.reference), table(pair.computed)
    labels = labels_of(pair.reference), labels_of(pair.computed)
    mapped = matches_of(pair)
    counts = count_acyclic_graph_correction_operations(*tables, *labels, *mapped)
    tra, cost, cost_from_nothing = metrics.tra(**counts)
    divisions = [metrics.raw_division_metrics(*reversed(tables), *mapped, i) for i in TOLERANCES]
    return {
        **{f"operations.{name}": int(counts[name]) for name in OPERATIONS},
        "AOGM": cost,
        "AOGM0": cost_from_nothing,
        "DET": metrics.det(**counts),
        "TRA": tra,
        "LNK": metrics.lnk(**counts) if counts["num_edges"] else None,
        "CT": metrics.ct(*reversed(tables), labels[0], *mapped),
        "TF": metrics.tf(tables[0], labels[0], *mapped) or None,
        "CCA": metrics.cca(*reversed(tables)),
        "CHOTA": chota_of_merged_chains(tables, labels, mapped),
        **{f"BC.{i}": metrics.bc(*counts) for i, counts in enumerate(divisions)},
    }


def chota_of_merged_chains(
    tables: tuple[IntArray, IntArray], labels: tuple[list[IntArray], ...], mapped: tuple[Lists, Lists]
) -> float:
    reference, computed = map(merge_tracks, tables, labels, mapped)
    frames = (whole(side[column]) for column in (1, 2) for side in (reference, computed))
    return float(metrics.chota(reference[0], computed[0], *frames)["CHOTA"])


def whole(frames: Sequence[list[int]]) -> list[IntArray]:
    """Lists as they are given to py-ctcmetrics would make the labels of an empty frame floats."""
    return [np.array(frame, np.int64) for frame in frames]


def table(drawing: Drawing) -> IntArray:
    """L B E P."""
    return np.array([(c.label, c.begin, c.end, c.parent) for c in drawing.cells], np.int64)


def labels_of(drawing: Drawing) -> list[IntArray]:
    return [np.unique(image[image > 0]).astype(np.int64) for image in drawing.labels]


def matches_of(pair: Pair) -> tuple[Lists, Lists]:
    """Matched reference and computed labels of each frame, found by a look at each pair."""
    reference, computed = Lists(), Lists()
    for first, second in zip(pair.reference.labels, pair.computed.labels, strict=True):
        matches = [
            (int(r), int(c))
            for r in np.unique(first[first > 0])
            for c in np.unique(second[second > 0])
            if 2 * np.sum((first == r) & (second == c)) > np.sum(first == r)
        ]
        reference.append([r for r, _ in matches])
        computed.append([c for _, c in matches])
    return reference, computed
