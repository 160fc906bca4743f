"""GraphQL on what was measured: objects and columns, calibrated, null for what is not there."""

import math

import numpy as np
import pytest

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put, with_feature

pytestmark = pytest.mark.neo4j


def test_detections_are_objects_with_calibrated_values(store: LineageStore, service: Service) -> None:
    drawing = lineages.gap()
    count = len(drawing.graph.detections)
    graph = drawing.graph
    for name, start in {
        "mean_0": 10,
        "sd_0": 20,
        "bbox_y0": 1,
        "bbox_x0": 2,
        "bbox_y1": 3,
        "bbox_x1": 4,
    }.items():
        graph = with_feature(graph, name, np.arange(count) + start)
    tracking = put(store, drawing, graph=graph)
    query = """query($t: ID!) { track(id: $t) { detections {
      frame minutes label y x yUm xUm area areaUm2 perimeter eccentricity
      boundingBox { y0 x0 y1 x1 } intensities { channel mean sd } feature(name: "mean_0") } } }"""
    found = service.data(query, t=service.track_id(tracking, 1))["track"]["detections"]
    assert [(d["frame"], d["minutes"], d["label"]) for d in found] == [
        (0, 0.0, 1),
        (1, 10.0, 1),
        (3, 30.0, 2),
        (4, 40.0, 2),
    ]
    row = int(drawing.graph.detections.rows(3, 2))
    last_but_one = found[2]
    assert (last_but_one["y"], last_but_one["x"], last_but_one["area"]) == (12.5, 22.5, 36.0)
    assert (last_but_one["yUm"], last_but_one["xUm"], last_but_one["areaUm2"]) == (6.25, 11.25, 9.0)
    assert last_but_one["perimeter"] is None
    assert last_but_one["eccentricity"] is None
    assert last_but_one["boundingBox"] == {"y0": row + 1, "x0": row + 2, "y1": row + 3, "x1": row + 4}
    channel = store.movie(tracking.movie_id).channels[0]
    assert last_but_one["intensities"] == [{"channel": channel, "mean": row + 10, "sd": row + 20}]
    assert last_but_one["feature"] == row + 10


def test_a_time_series_is_columns_with_units_and_null_for_nan(store: LineageStore, service: Service) -> None:
    drawing = lineages.gap()
    values = np.arange(len(drawing.graph.detections), dtype=float)
    values[drawing.graph.detections.rows(3, 2)] = math.nan
    values[drawing.graph.detections.rows(4, 2)] = math.inf
    tracking = put(store, drawing, graph=with_feature(drawing.graph, "odd", values))
    query = """query($t: ID!, $f: [String!]) { timeSeries(track: $t, features: $f) {
      track frame minutes label columns { name unit values } } }"""
    track = service.track_id(tracking, 1)
    assert service.data(query, t=track, f=["odd", "x_um"])["timeSeries"] == {
        "track": track,
        "frame": [0, 1, 3, 4],
        "minutes": [0.0, 10.0, 30.0, 40.0],
        "label": [1, 1, 2, 2],
        "columns": [
            {"name": "odd", "unit": None, "values": [0.0, 2.0, None, None]},
            {"name": "x_um", "unit": "µm", "values": [11.25] * 4},
        ],
    }
    every = service.data(query, t=track)["timeSeries"]["columns"]
    assert {c["name"] for c in every} == {"y", "x", "y_um", "x_um", "area", "area_um2", "odd"}
    assert service.data(query, t=track, f=[])["timeSeries"]["columns"] == []


def test_without_calibration_there_are_no_minutes_and_no_micrometres(
    store: LineageStore, service: Service
) -> None:
    track = service.track_id(put(store, lineages.gap(), calibrated=False), 3)
    query = """query($t: ID!) { timeSeries(track: $t) { minutes columns { name } }
      track(id: $t) { detections { minutes yUm } } }"""
    found = service.data(query, t=track)
    assert found["timeSeries"]["minutes"] is None
    assert {c["name"] for c in found["timeSeries"]["columns"]} == {"y", "x", "area"}
    assert found["track"]["detections"] == [{"minutes": None, "yUm": None}] * 5


def test_a_feature_that_was_not_measured_is_refused_with_those_that_were(
    service: Service, tracking: TrackingRecord
) -> None:
    query = 'query($t: ID!) { timeSeries(track: $t, features: ["area", "arae"]) { frame } }'
    error = service.error(query, t=service.track_id(tracking, 2))
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert "'arae'" in error["message"]
    assert "area_um2" in error["extensions"]["remedy"]
