"""What a backup has to bring back: trackings of each kind and a score, and what they are compared by."""

from typing import Any

import numpy as np

from api.scoring import score_of_stored, score_stored
from graph.provenance import Provenance
from graph.records import Table, TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.movie import LabelImages
from tests import lineages
from tests.graph.stored import HOSTILE, assert_equal, put, put_alone, with_features


def fill(store: LineageStore) -> list[TrackingRecord]:
    """A ground truth, a tracking that is not quite the same with its score, and one without label images."""
    pair = lineages.late_division()
    feature = np.arange(len(pair.reference.graph.detections)) / 7
    truth = put(store, pair.reference, with_features(pair.reference.graph, **{HOSTILE: feature}))
    computed = store.write_tracking(
        truth.movie_id,
        pair.computed.graph,
        LabelImages.from_array(pair.computed.labels),
        kind=TrackingKind.PREDICTED,
        author=HOSTILE,
        version="2",
        parameters={"reach": 1.5},
        provenance=Provenance(device="cpu", seconds=1.5),
    )
    score_stored(store, computed.id, truth.id)
    return [truth, computed, put_alone(store, lineages.gap().graph, frames=5)]


def scored(store: LineageStore, before: list[TrackingRecord]) -> Table:
    """What the score says that is stored."""
    (held,) = store.scores([before[0].id])
    assert held.table["TRA"] is not None
    return held.table


def assert_restored(
    store: LineageStore, before: list[TrackingRecord], graphs: list[Any], table: Table
) -> None:
    for record, graph in zip(before, graphs, strict=True):
        restored = store.tracking(record.id)
        assert (restored.parameters, restored.provenance) == (record.parameters, record.provenance)
        assert (restored.detections, restored.tracks, restored.links) == (
            record.detections,
            record.tracks,
            record.links,
        )
        assert_equal(store.tracking_graph(record.id), graph)
    truth, computed, _ = before
    assert score_of_stored(store, computed.id, truth.id).as_dict() == table
