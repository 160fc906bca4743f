"""Time courses: several cells as columns, aligned, smoothed, on a grid, with their gaps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.limits import Limits
from api.smoothing import FINEST
from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put, removing, service_of, with_feature

pytestmark = pytest.mark.neo4j

COURSES = """query($tracks: [ID!]!, $f: [String!], $align: TimeEvent, $smooth: Smoothing, $grid: Resampling,
  $gaps: Boolean = false) {
  timeCourses(tracks: $tracks, features: $f, alignTo: $align, smooth: $smooth, resample: $grid, gaps: $gaps) {
    track frame minutes relativeFrame relativeMinutes seen leftOut columns { name unit values } } }"""


@pytest.fixture
def brightness(store: LineageStore) -> TrackingRecord:
    """Cells of three generations; each has ten times its label as intensity, and 1 more in each frame."""
    drawing = lineages.generations()
    cells = drawing.graph.detections
    return put(store, drawing, graph=with_feature(drawing.graph, "mean_0", 10.0 * cells.label + cells.frame))


def courses(service: Service, tracking: TrackingRecord, labels: list[int], **wish: Any) -> dict[str, Any]:
    """The answer, ids replaced by labels."""
    by_label = {label: service.track_id(tracking, label) for label in labels}
    wish = {"f": ["mean_0"]} | wish
    found: dict[str, Any] = service.data(COURSES, tracks=list(by_label.values()), **wish)["timeCourses"]
    names = {track: label for label, track in by_label.items()}
    for name in ("track", "leftOut"):
        found[name] = [names[track] for track in found[name]]
    return found


def test_a_feature_that_is_named_twice_comes_once(service: Service, brightness: TrackingRecord) -> None:
    found = courses(service, brightness, [5], f=["mean_0", "y", "mean_0"])
    assert [column["name"] for column in found["columns"]] == ["mean_0", "y"]
    query = "query($t: ID!, $f: [String!]) { timeSeries(track: $t, features: $f) { columns { name } } }"
    series = service.data(query, t=service.track_id(brightness, 5), f=["y", "mean_0", "y"])["timeSeries"]
    assert [column["name"] for column in series["columns"]] == ["y", "mean_0"]


def test_several_cells_are_columns_one_after_the_other(service: Service, brightness: TrackingRecord) -> None:
    found = courses(service, brightness, [5, 2], f=["mean_0", "area_um2"])
    assert found == {
        "track": [5, 5, 5, 2, 2, 2],
        "frame": [4, 5, 6, 1, 2, 3],
        "minutes": [40, 50, 60, 10, 20, 30],
        "relativeFrame": None,
        "relativeMinutes": None,
        "seen": [True] * 6,
        "leftOut": [],
        "columns": [
            {"name": "mean_0", "unit": None, "values": [54, 55, 56, 21, 22, 23]},
            {"name": "area_um2", "unit": "µm²", "values": [9] * 6},
        ],
    }
    assert courses(service, brightness, [2], f=[], gaps=True)["columns"] == []
    every = courses(service, brightness, [1], f=None)["columns"]
    assert {column["name"] for column in every} == {"y", "x", "y_um", "x_um", "area", "area_um2", "mean_0"}


@pytest.mark.parametrize(
    ("event", "track", "relative", "left_out"),
    [
        ("BEGIN", [1, 2, 2, 2, 5, 5, 5], [0, 0, 1, 2, 0, 1, 2], []),
        ("BIRTH", [2, 2, 2, 5, 5, 5], [0, 1, 2, 0, 1, 2], [1]),
        ("DIVISION", [1, 2, 2, 2], [0, -2, -1, 0], [5]),
    ],
)
def test_time_is_counted_from_an_event(
    service: Service,
    brightness: TrackingRecord,
    event: str,
    track: list[int],
    relative: list[int],
    left_out: list[int],
) -> None:
    found = courses(service, brightness, [1, 2, 5], align=event)
    assert (found["track"], found["leftOut"]) == (track, left_out)
    assert found["relativeFrame"] == relative
    assert found["relativeMinutes"] == [10 * frame for frame in relative]


def test_a_daughter_without_a_sister_was_not_seen_to_be_born(store: LineageStore, service: Service) -> None:
    tracking = put(store, lineages.one_daughter_seen())
    for event in ("BIRTH", "DIVISION"):
        found = courses(service, tracking, [1, 2], align=event, f=["area"])
        assert (found["track"], found["leftOut"]) == ([], [1, 2])


def test_gaps_are_shown_and_bridged_only_where_that_is_asked(store: LineageStore, service: Service) -> None:
    drawing = lineages.gap()
    cells = drawing.graph.detections
    graph = with_feature(drawing.graph, "mean_0", 4.0 * cells.frame**2)
    tracking = put(store, drawing, graph=graph)  # track 1 is seen in frames 0, 1, 3, 4

    def values(**wish: Any) -> Any:
        found = courses(service, tracking, [1], **wish)
        return found["frame"], found["columns"][0]["values"], found["seen"]

    assert values() == ([0, 1, 3, 4], [0, 4, 36, 64], [True] * 4)
    assert values(gaps=True) == ([0, 1, 2, 3, 4], [0, 4, None, 36, 64], [True, True, False, True, True])
    smooth = {"window": 3}
    assert values(gaps=True, smooth=smooth)[1] == [2, 2, None, 50, 50]
    assert values(smooth={"window": 5, "method": "MEDIAN"})[1] == [2, 4, 36, 50]
    grid = {"step": 1.5}
    assert values(grid=grid) == ([0, 1.5, 3], [0, None, 36], [True, False, True])
    assert values(grid=grid | {"maxGap": 1})[1] == [0, 12, 36]
    assert values(grid={"step": 5, "unit": "MINUTES"})[0] == [frame / 2 for frame in range(9)]
    assert values(grid={"step": 1.5}, align="BEGIN", smooth=smooth)[1] == [2, None, 50]


def test_cells_share_the_grid_that_they_are_aligned_to(service: Service, brightness: TrackingRecord) -> None:
    found = courses(service, brightness, [2, 3], align="BIRTH", grid={"step": 2.0})
    assert found["track"] == [2, 2, 3, 3, 3, 3]
    assert found["relativeFrame"] == [0, 2, 0, 2, 4, 6]
    found = courses(service, brightness, [1, 2], align="DIVISION", grid={"step": 15, "unit": "MINUTES"})
    assert found["relativeMinutes"] == [0, -15, 0]
    assert found["columns"][0]["values"] == [10, 21.5, 23]


def test_pages_tracks_and_lineages_have_them_too(
    service: Service, brightness: TrackingRecord, queries: list[str]
) -> None:
    query = """query($t: ID!) { tracking(id: $t) {
      tracks(divides: true) { timeCourses(features: ["mean_0"], alignTo: DIVISION) {
        relativeFrame columns { values } } }
      track(label: 2) { timeCourses(features: ["mean_0"], smooth: {window: 3}) { columns { values } }
        lineage { timeCourses(features: ["mean_0"]) { track frame } } } } }"""
    queries.clear()
    found = service.data(query, t=brightness.id)["tracking"]
    assert found["tracks"]["timeCourses"] == {
        "relativeFrame": [0, -2, -1, 0],
        "columns": [{"values": [10, 21, 22, 23]}],
    }
    assert found["track"]["timeCourses"] == {"columns": [{"values": [21.5, 22, 22.5]}]}
    assert len(found["track"]["lineage"]["timeCourses"]["track"]) == 18
    assert len(queries) <= 9


def test_without_calibration_there_are_no_minutes(store: LineageStore, service: Service) -> None:
    tracking = put(store, lineages.division(), calibrated=False)
    found = courses(service, tracking, [1], f=["area"], align="BEGIN")
    assert (found["minutes"], found["relativeMinutes"]) == ([None] * 3, [None] * 3)
    track = service.track_id(tracking, 1)
    error = service.error(COURSES, tracks=[track], f=["area"], grid={"step": 1, "unit": "MINUTES"})
    assert "interval between frames is not known" in error["message"]


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"f": ["area", "arae"]}, "'arae' was not measured"),
        ({"smooth": {"window": 2}}, "odd number"),
        ({"grid": {"step": 0}}, "a step of 0"),
        ({"grid": {"step": 1e-320}}, "a step of 9.99989e-321"),
        ({"grid": {"step": 1e-320, "unit": "MINUTES"}}, "a step of"),
        ({"grid": {"step": 1, "maxGap": -1}}, "gaps of up to -1"),
    ],
)
def test_what_cannot_be_prepared_is_refused(
    service: Service, brightness: TrackingRecord, wish: dict[str, Any], problem: str
) -> None:
    error = service.error(COURSES, tracks=[service.track_id(brightness, 2)], **wish)
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert problem in error["message"]


def test_tracks_that_are_not_there_are_said_so(service: Service) -> None:
    for track in ("12345", "x"):
        assert service.error(COURSES, tracks=[track])["extensions"]["code"] == "NOT_FOUND"


def test_a_tracking_that_is_removed_meanwhile_is_not_found(
    service: Service, brightness: TrackingRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LineageStore, "time_series", removing(brightness.id, LineageStore.time_series))
    query = "query($t: ID!) { tracking(id: $t) { tracks { timeCourses { frame } } } }"
    assert service.error(query, t=brightness.id)["extensions"]["code"] == "NOT_FOUND"


def test_a_grid_of_too_many_points_is_refused_before_it_is_made(
    service: Service, brightness: TrackingRecord
) -> None:
    error = service.error(COURSES, tracks=[service.track_id(brightness, 3)], grid={"step": FINEST})
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


def test_many_tracks_cost_as_much_as_they_are(store: LineageStore, tmp_path: Path) -> None:
    tracking = put(store, lineages.generations())
    dear = service_of(store, tmp_path, Limits(cost=2000))
    many = [str(tracking.first_id + row) for row in range(6)]
    assert "errors" not in dear.answer(COURSES, tracks=many[:2])
    error = dear.error(COURSES, tracks=many * 10)
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "values in its answer" in error["message"]


def test_a_track_that_is_named_twice_comes_once(service: Service, brightness: TrackingRecord) -> None:
    track = service.track_id(brightness, 2)
    found = service.data(COURSES, tracks=[track, track], f=["mean_0"])["timeCourses"]
    assert found["track"] == [track] * 3
    assert service.data(COURSES, tracks=[], f=["mean_0"])["timeCourses"]["columns"] == [
        {"name": "mean_0", "unit": None, "values": []}
    ]


def test_values_that_are_not_finite_are_null(store: LineageStore, service: Service) -> None:
    drawing = lineages.one_track()
    graph = with_feature(drawing.graph, "odd", np.array([np.nan, np.inf, 2.0]))
    found = courses(service, put(store, drawing, graph=graph), [1], f=["odd"])
    assert found["columns"][0]["values"] == [None, None, 2.0]
