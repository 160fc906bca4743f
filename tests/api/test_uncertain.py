"""What `cellkin track` says of what the tracker is not sure of."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from api.pipeline import TrackedMovie
from api.report import tracked
from api.uncertain import uncertain
from graph.provenance import UNKNOWN
from graph.records import Counts, TrackingKind, TrackingRecord
from ingest.movie import LabelImages, Movie
from ingest.tracking_graph import TrackingGraph
from tests import lineages


def result(graph: TrackingGraph) -> TrackedMovie:
    frames = np.zeros((8, 24, 44), np.uint8)
    labels = LabelImages.from_array(frames.astype(np.int32))
    movie = Movie.from_array(frames, name="drawn")
    return TrackedMovie(movie, labels, graph, "learned", {}, {"track": 0.5})


def weighted(*unsure: tuple[int, int, float], sure: float = 1.0) -> TrackingGraph:
    """`generations` with these probabilities of the links to (frame, label)."""
    graph = lineages.generations().graph
    probability = np.full(len(graph.links), sure)
    for frame, label, value in unsure:
        probability[graph.links[:, 1] == graph.detections.rows(frame, label)] = value
    return replace(graph, probability=probability)


@pytest.mark.parametrize(
    ("graph", "counts", "first"),
    [
        (weighted((1, 3, 0.9), (4, 5, 0.25), (4, 4, 0.5), (2, 2, 0.125)), (4, 2), (3, 2, 0.25)),
        (weighted((2, 2, 0.3)), (1, 0), None),
        (weighted(), (0, 0), None),
        (weighted((1, 2, 0.75), sure=np.nan), (1, 1), (0, 1, 0.75)),
    ],
)
def test_what_is_not_sure_is_counted_and_the_worst_division_named(
    graph: TrackingGraph, counts: tuple[int, int], first: Any
) -> None:
    found = uncertain(graph)
    assert found is not None
    assert (found.links, found.divisions) == counts
    least = found.least
    assert (least and (least.frame, least.label, least.probability)) == first


def test_a_person_reads_where_to_look() -> None:
    report = tracked(result(weighted((4, 5, 0.25), (2, 2, 0.125))), None, None)
    rows = dict(report.rows)
    assert rows["uncertain"] == "2 links, 1 division (p ≤ 0.9)"
    assert rows["look first"] == "frame 3, label 2 divides (p = 0.25)"
    assert report.document["uncertain"] == {
        "limit": 0.9,
        "links": 2,
        "divisions": 1,
        "least": {"frame": 3, "label": 2, "probability": 0.25},
    }


def test_a_stored_tracking_says_where_the_others_are() -> None:
    graph = weighted((2, 2, 0.125))
    record = TrackingRecord(
        **vars(Counts.of(graph)),
        id="t3",
        number=3,
        movie_id="m1",
        kind=TrackingKind.PREDICTED,
        author="learned",
        version="1",
        parameters={},
        features=(),
        labels_checksum=None,
        provenance=UNKNOWN,
        created=datetime(2026, 11, 27, tzinfo=UTC),
    )
    rows = dict(tracked(result(graph), record, None).rows)
    assert "cellkin neo4j explore t3" in rows["see all"]
    assert "look first" not in rows
    assert "see all" not in dict(tracked(result(weighted()), record, None).rows)


def test_of_a_tracker_that_does_not_say_nothing_is_said() -> None:
    report = tracked(result(lineages.generations().graph), None, None)
    assert report.document["uncertain"] is None
    assert not {"uncertain", "look first", "see all"} & dict(report.rows).keys()
