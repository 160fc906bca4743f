"""GraphQL on detections, tracks and relatives: filtered and ordered by what was measured, page after page."""

from typing import Any

import numpy as np
import pytest

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put, with_feature

pytestmark = pytest.mark.neo4j

#             4-4-4-4
#     2-2-2 <
# 1 <         5-5-5 .
#     3-3-3---3-3-3-3
# .   . 7-7---7-7 . .
AREA = {1: 36.0, 2: 36.0, 3: 36.0, 4: 36.0, 5: 36.0, 7: 54.0}


@pytest.fixture
def measured(store: LineageStore) -> TrackingRecord:
    """Each cell's intensity is ten times its label, and 1 more in each frame; of cell 3 it is not known."""
    drawing = lineages.generations()
    cells = drawing.graph.detections
    brightness = np.where(cells.label == 3, np.nan, 10.0 * cells.label + cells.frame)
    return put(store, drawing, graph=with_feature(drawing.graph, "mean_0", brightness))


TRACKS = """query($t: ID!, $first: Int = 100, $after: String, $order: TrackOrder, $means: [FeatureRange!],
  $rises: FeatureRise, $begins: FrameRange, $ends: FrameRange, $seen: FrameRange, $max: Int,
  $generation: Int) {
  tracking(id: $t) { tracks(first: $first, after: $after, orderBy: $order, means: $means, rises: $rises,
    beginsIn: $begins, endsIn: $ends, seenIn: $seen, maxFrames: $max, generation: $generation) {
    nodes { label } pageInfo { hasNextPage endCursor } } } }"""


def labels(service: Service, tracking: TrackingRecord, **wanted: Any) -> list[int]:
    found = service.data(TRACKS, t=tracking.id, **wanted)["tracking"]["tracks"]
    return [node["label"] for node in found["nodes"]]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"max": 3}, [1, 2, 5]),
        ({"generation": 2}, [4, 5]),
        ({"seen": {"begin": 0, "end": 1}}, [1, 2, 3]),
        ({"begins": {"begin": 1, "end": 2}}, [2, 3, 7]),
        ({"ends": {"begin": 6, "end": 99}}, [3, 4, 5]),
        ({"means": [{"feature": "mean_0", "least": 40, "most": 60}]}, [4, 5]),
        ({"means": [{"feature": "mean_0", "most": 60}, {"feature": "area", "least": 36}]}, [1, 2, 4, 5]),
        ({"means": [{"feature": "area_um2", "least": 13}]}, [7]),
        ({"rises": {"feature": "mean_0", "factor": 1.06}}, [2]),
        ({"order": {"by": "LIFETIME"}}, [1, 2, 5, 7, 4, 3]),
        ({"order": {"by": "LIFETIME", "descending": True}}, [3, 7, 4, 2, 5, 1]),
        ({"order": {"by": "END"}, "generation": 1}, [2, 3]),
        ({"order": {"by": "MEAN", "feature": "mean_0", "descending": True}}, [7, 5, 4, 2, 1, 3]),
        ({"order": {"by": "MEAN", "feature": "area_um2", "descending": True}}, [7, 1, 2, 3, 4, 5]),
    ],
)
def test_tracks_by_what_is_known_of_them(
    service: Service, measured: TrackingRecord, wanted: dict[str, Any], expected: list[int]
) -> None:
    assert labels(service, measured, **wanted) == expected


@pytest.mark.parametrize("by", ["BEGIN", "LIFETIME", "MEAN"])
def test_pages_in_an_order_hold_every_track_once(service: Service, measured: TrackingRecord, by: str) -> None:
    order = {"by": by, "feature": "mean_0" if by == "MEAN" else None, "descending": True}
    seen, after = [], None
    while True:
        found = service.data(TRACKS, t=measured.id, first=2, after=after, order=order)["tracking"]["tracks"]
        seen += [node["label"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert seen == labels(service, measured, order=order)
    assert sorted(seen) == [1, 2, 3, 4, 5, 7]


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"order": {"by": "MEAN"}}, "give a feature with MEAN"),
        ({"order": {"by": "END", "feature": "area"}}, "give a feature with MEAN"),
        ({"order": {"by": "MEAN", "feature": "mean_9"}}, "'mean_9'"),
        ({"means": [{"feature": "x'}) //"}]}, "no feature is called"),
        ({"means": [{"feature": "area", "least": 2, "most": 1}]}, "smaller value first"),
        ({"rises": {"feature": "mean_9", "factor": 2}}, "'mean_9'"),
        ({"begins": {"begin": 4, "end": 3}}, "frames 4 to 3"),
        ({"seen": {"begin": -1, "end": 3}}, "frames -1 to 3"),
        ({"max": -1}, "maxFrames is -1"),
        ({"generation": -2}, "generation is -2"),
        ({"after": "bm8=", "order": {"by": "END"}}, "is no cursor"),
    ],
)
def test_what_cannot_be_wanted_is_refused(
    service: Service, measured: TrackingRecord, wanted: dict[str, Any], problem: str
) -> None:
    error = service.error(TRACKS, t=measured.id, **wanted)
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert problem in error["message"]


def test_a_cursor_belongs_to_its_order(service: Service, measured: TrackingRecord) -> None:
    by_end = service.data(TRACKS, t=measured.id, first=1, order={"by": "END"})
    cursor = by_end["tracking"]["tracks"]["pageInfo"]["endCursor"]
    error = service.error(TRACKS, t=measured.id, after=cursor, order={"by": "BEGIN"})
    assert "is no cursor" in error["message"]


DETECTIONS = """query($t: ID!, $first: Int = 100, $after: String, $frames: FrameRange, $box: Box,
  $features: [FeatureRange!], $order: DetectionOrder) {
  tracking(id: $t) { detections(first: $first, after: $after, frames: $frames, box: $box, features: $features,
    orderBy: $order) { nodes { frame label track { label } feature(name: "mean_0") }
    edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""


def cells(service: Service, tracking: TrackingRecord, **wanted: Any) -> list[tuple[int, int]]:
    nodes = service.data(DETECTIONS, t=tracking.id, **wanted)["tracking"]["detections"]["nodes"]
    assert all(node["track"]["label"] == node["label"] for node in nodes)
    return [(node["frame"], node["label"]) for node in nodes]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"frames": {"begin": 0, "end": 1}}, [(0, 1), (1, 2), (1, 3)]),
        ({"frames": {"begin": 99, "end": 100}}, []),
        ({"frames": {"begin": 2, "end": 3}, "box": {"y0": 9, "x0": 0, "y1": 30, "x1": 99}}, [(2, 7), (3, 7)]),
        ({"features": [{"feature": "mean_0", "least": 22, "most": 45}]}, [(2, 2), (3, 2), (4, 4), (5, 4)]),
        ({"features": [{"feature": "area_um2", "least": 13.5}], "first": 1}, [(2, 7)]),
        ({"features": [{"feature": "y_um", "least": 9}], "first": 1}, [(2, 7)]),
        ({"order": {"feature": "mean_0", "descending": True}, "first": 3}, [(5, 7), (4, 7), (3, 7)]),
        ({"order": {"feature": "mean_0"}, "first": 2}, [(0, 1), (1, 2)]),
    ],
)
def test_detections_by_where_they_are_and_what_was_measured(
    service: Service, measured: TrackingRecord, wanted: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    assert cells(service, measured, **wanted) == expected


@pytest.mark.parametrize("order", [None, {"feature": "mean_0"}, {"feature": "mean_0", "descending": True}])
def test_pages_hold_every_detection_once(service: Service, measured: TrackingRecord, order: Any) -> None:
    seen, after = [], None
    while True:
        variables = {"t": measured.id, "first": 4, "after": after, "order": order}
        page = service.data(DETECTIONS, **variables)["tracking"]["detections"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        seen += [(node["frame"], node["label"]) for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 22
    assert seen == cells(service, measured, order=order)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"first": 0}, "first is 0"),
        ({"box": {"y0": 5, "x0": 0, "y1": 5, "x1": 9}}, "window"),
        ({"frames": {"begin": 3, "end": 2}}, "frames 3 to 2"),
        ({"features": [{"feature": "label"}]}, "'label'"),
        ({"order": {"feature": "id"}}, "'id'"),
    ],
)
def test_detections_that_cannot_be_wanted_are_refused(
    service: Service, measured: TrackingRecord, wanted: dict[str, Any], problem: str
) -> None:
    error = service.error(DETECTIONS, t=measured.id, **wanted)
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert problem in error["message"]


def test_a_detection_is_found_by_its_id_and_from_a_place(service: Service, measured: TrackingRecord) -> None:
    query = """query($t: ID!) { tracking(id: $t) { links(first: 1) { nodes {
      later { id frame detection { id frame areaUm2 track { label } } } } } } }"""
    place = service.data(query, t=measured.id)["tracking"]["links"]["nodes"][0]["later"]
    assert place["detection"]["id"] == place["id"]
    assert place["detection"]["frame"] == place["frame"]
    found = service.data(
        "query($d: ID!) { detection(id: $d) { id frame areaUm2 track { label } } }", d=place["id"]
    )
    assert found == {"detection": place["detection"]}
    for missing in ("12345", "-1", "x", "9" * 30):
        error = service.error("query($d: ID!) { detection(id: $d) { id } }", d=missing)
        assert error["extensions"]["code"] == "NOT_FOUND"
        assert "detection" in error["extensions"]["remedy"]


RELATIVES = "label sisters { label } ancestors { label } descendants { label }"
EXPECTED = {
    1: ([], [], [2, 3, 4, 5]),
    2: ([3], [1], [4, 5]),
    3: ([2], [1], []),
    4: ([5], [2, 1], []),
    5: ([4], [2, 1], []),
    7: ([], [], []),
}


def relatives(nodes: list[dict[str, Any]]) -> dict[int, tuple[list[int], ...]]:
    kin = ("sisters", "ancestors", "descendants")
    return {n["label"]: tuple([other["label"] for other in n[name]] for name in kin) for n in nodes}


def test_relatives_are_the_same_from_a_page_and_within_a_lineage(
    service: Service, tracking: TrackingRecord, queries: list[str]
) -> None:
    query = f"query($t: ID!) {{ tracking(id: $t) {{ tracks {{ nodes {{ {RELATIVES} }} }} }} }}"
    queries.clear()
    assert relatives(service.data(query, t=tracking.id)["tracking"]["tracks"]["nodes"]) == EXPECTED
    assert len(queries) <= 10
    founder = service.track_id(tracking, 5)
    queries.clear()
    lineage = f"query($t: ID!) {{ lineage(track: $t) {{ tracks {{ {RELATIVES} }} }} }}"
    found = relatives(service.data(lineage, t=founder)["lineage"]["tracks"])
    assert found == {label: kin for label, kin in EXPECTED.items() if label != 7}
    assert len(queries) == 1
