"""A value that an answer shows is found by a filter that has it as a bound, at both ends, in any unit."""

import csv
from typing import Any

import numpy as np
import pytest

from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.movie import Movie
from tests import lineages
from tests.api.service import Service, with_feature

pytestmark = pytest.mark.neo4j

ODD_AREA = 11.0
"""Pixels: at 0.65 µm a pixel 4.6475… µm², of which a division by 0.65² makes more than 11."""


@pytest.fixture
def measured(store: LineageStore) -> TrackingRecord:
    """Cells of uneven areas at 0.65 µm a pixel; that of cell 1 is `ODD_AREA`, that of 2 never the same."""
    drawing = lineages.generations()
    cells = drawing.graph.detections
    area = np.where(cells.label == 1, ODD_AREA, ODD_AREA * cells.label + np.sqrt(cells.frame) / 7)
    movie = store.add_movie(
        Movie.from_array(drawing.labels.astype(np.uint16), name="uneven", pixel_size=0.65)
    )
    graph = with_feature(drawing.graph, "area", area)
    about: dict[str, Any] = {"author": "a", "version": "1", "parameters": {}}
    return store.write_tracking(movie.id, graph, None, kind=TrackingKind.PREDICTED, **about)


def table(service: Service, tracking: TrackingRecord, kind: str, query: str = "") -> list[dict[str, str]]:
    response = service.client.get(f"/trackings/{tracking.id}/{kind}.csv?{query}")
    assert response.status_code == 200, response.text
    return list(csv.DictReader(response.text.splitlines()))


def test_an_area_is_within_itself_in_graphql(service: Service, measured: TrackingRecord) -> None:
    query = """query($t: ID!, $r: [FeatureRange!]) { tracking(id: $t) {
      detections(features: $r) { nodes { id areaUm2 } } } }"""

    def nodes(**bounds: float) -> list[dict[str, Any]]:
        ranges = [{"feature": "area_um2", **bounds}]
        found: list[Any] = service.data(query, t=measured.id, r=ranges)["tracking"]["detections"]["nodes"]
        return found

    for node in nodes()[::5]:
        assert node in nodes(least=node["areaUm2"]), "least"
        assert node in nodes(most=node["areaUm2"]), "most"


def test_an_area_is_within_itself_in_a_table(service: Service, measured: TrackingRecord) -> None:
    for row in table(service, measured, "detections")[::5]:
        for column in ("area_um2", "area"):
            for bounds in (f"{row[column]}..", f"..{row[column]}"):
                assert row in table(service, measured, "detections", f"where={column}:{bounds}"), bounds


def test_a_mean_is_within_itself_in_a_table(service: Service, measured: TrackingRecord) -> None:
    for row in table(service, measured, "tracks"):
        shown = row["area_um2_mean"]
        for bounds in (f"{shown}..", f"..{shown}"):
            assert row in table(service, measured, "tracks", f"means=area_um2:{bounds}"), bounds


def test_a_mean_is_within_itself_in_graphql(service: Service, measured: TrackingRecord) -> None:
    query = """query($t: ID!, $r: [FeatureRange!]) { tracking(id: $t) {
      tracks(means: $r) { nodes { id } }
      statistics { pairs(kinship: MOTHER_DAUGHTER, feature: "area_um2") {
        one { track mean } other { track mean } } } } }"""
    pairs = service.data(query, t=measured.id, r=[])["tracking"]["statistics"]["pairs"]
    shown = dict(pair for side in pairs.values() for pair in zip(side["track"], side["mean"], strict=True))
    assert len(shown) == 5
    for track, mean in shown.items():
        for bound in ("least", "most"):
            ranges = [{"feature": "area_um2", bound: mean}]
            found = service.data(query, t=measured.id, r=ranges)["tracking"]["tracks"]["nodes"]
            assert {"id": track} in found, (bound, mean)
