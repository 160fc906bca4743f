"""What must hold of any two trackings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.scores.aogm import Operation
from graph.scores.report import Score, score
from ingest.tracking_graph import Detections, TrackingGraph
from tests.graph.scores.drawings import matched
from tests.graph.scores.random_lineages import random_pair, relabelled
from tests.lineages import Drawing, Pair

seeds = st.integers(0, 100_000)
LABEL_ORDERED = ("TF", "BIO", "OP_CLB")
"""Depend on the order of the labels, as the Cell Tracking Challenge's programs do."""


def scored(pair: Pair) -> Score:
    return score(pair.reference.graph, pair.computed.graph, matched(pair))


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_tracking_against_itself_is_perfect(seed: int) -> None:
    drawing = random_pair(seed).computed
    result = scored(Pair(drawing, drawing))
    assert len(result.errors) == 0
    row = result.as_row()
    assert row["AOGM"] == 0
    perfect = ("DET", "TRA", "LNK", "CT", "TF", "CCA", "CHOTA", "BC.0", "BIO.0", "divisions.0.F1")
    assert all(row[name] in (1, None) for name in (*perfect, "tracks.TE", "tracks.AA"))
    assert row["DET"] == (1 if len(drawing.graph.detections) else None)


@settings(max_examples=60, deadline=None)
@given(seeds, seeds, seeds)
def test_labels_change_nothing(seed: int, first: int, second: int) -> None:
    pair = random_pair(seed)
    other = Pair(relabelled(pair.reference, first), relabelled(pair.computed, second))
    before, after = scored(pair).as_row(), scored(other).as_row()
    names = [name for name in before if not name.startswith(LABEL_ORDERED)]
    assert {name: after[name] for name in names} == pytest.approx({name: before[name] for name in names})


@settings(max_examples=60, deadline=None)
@given(seeds, st.data())
def test_missing_detection_costs_itself_and_its_links(seed: int, data: st.DataObject) -> None:
    drawing = random_pair(seed).reference
    row = data.draw(st.integers(0, len(drawing.graph.detections) - 1))
    links = int(np.sum(drawing.graph.links == row))
    found = scored(Pair(drawing, without(drawing, row))).aogm
    assert found.aogm == 10 + 1.5 * links
    assert (found.operations[Operation.FN], found.operations[Operation.EA]) == (1, links)
    invented = scored(Pair(without(drawing, row), drawing)).aogm
    assert invented.aogm == 1, "the links of an invented detection go with it"


def without(drawing: Drawing, row: int) -> Drawing:
    """The same without one detection and its links."""
    graph, labels = drawing.graph, drawing.labels.copy()
    table = graph.detections
    labels[table.frame[row]][labels[table.frame[row]] == table.label[row]] = 0
    others = Detections(
        frame=np.delete(table.frame, row),
        label=np.delete(table.label, row),
        y=np.delete(table.y, row),
        x=np.delete(table.x, row),
    )
    kept = ~np.any(graph.links == row, axis=1)
    links = graph.links[kept]
    return Drawing(labels, TrackingGraph(others, links - (links > row), graph.kind[kept]), ())
