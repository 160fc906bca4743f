"""GraphQL on movies, trackings, pages of tracks and scores: what comes back is what was stored."""

from typing import Any

import pytest

from api.pages import cursor_of
from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put

pytestmark = pytest.mark.neo4j


def test_an_empty_store_has_no_movies(service: Service) -> None:
    assert service.data("{ movies { id } trackings { id } }") == {"movies": [], "trackings": []}


def test_a_movie_and_its_trackings_come_with_their_numbers(store: LineageStore, service: Service) -> None:
    truth = put(store, lineages.gap(), kind=TrackingKind.GROUND_TRUTH, author="A. Curator")
    guess = put(store, lineages.gap(), author="lap")
    query = """{ movies { id name frames height width channels pixelSize minutesPerFrame trackings {
      id kind author version parameters features parquet csv movie { id }
      counts { detections tracks divisions links nextLinks gapLinks divisionLinks } } } }"""
    (movie,) = service.data(query)["movies"]
    first, second = movie.pop("trackings")
    assert movie.pop("id") == truth.movie_id
    assert movie == {
        "name": "drawn",
        "frames": 5,
        "height": 24,
        "width": 44,
        "channels": list(store.movie(truth.movie_id).channels),
        "pixelSize": 0.5,
        "minutesPerFrame": 10.0,
    }
    assert (first["id"], first["kind"], first["author"]) == (truth.id, "GROUND_TRUTH", "A. Curator")
    assert (second["id"], second["kind"], second["author"]) == (guess.id, "PREDICTED", "lap")
    assert second["parameters"] == {"reach": 4.0}
    assert second["features"] == ["area"]
    assert second["movie"] == {"id": truth.movie_id}
    assert second["parquet"] == f"/trackings/{guess.id}/timeseries.parquet"
    assert second["csv"] == f"/trackings/{guess.id}/timeseries.csv"
    assert second["counts"] == {
        "detections": 9,
        "tracks": 2,
        "divisions": 0,
        "links": 7,
        "nextLinks": 6,
        "gapLinks": 1,
        "divisionLinks": 0,
    }


def test_things_are_found_by_id_and_by_kind(store: LineageStore, service: Service) -> None:
    truth = put(store, lineages.division(), kind=TrackingKind.GROUND_TRUTH)
    put(store, lineages.gap())
    query = """query($m: ID!, $t: ID!) {
      movie(id: $m) { id } tracking(id: $t) { id } trackings(kind: GROUND_TRUTH) { id } }"""
    assert service.data(query, m=truth.movie_id, t=truth.id) == {
        "movie": {"id": truth.movie_id},
        "tracking": {"id": truth.id},
        "trackings": [{"id": truth.id}],
    }


PAGE = """query($t: ID!, $n: Int!, $after: String, $founders: Boolean, $divides: Boolean, $min: Int = 1) {
  tracking(id: $t) {
    tracks(first: $n, after: $after, founders: $founders, divides: $divides, minFrames: $min) {
    nodes { label } edges { cursor node { label } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


def test_pages_hold_every_track_once(service: Service, tracking: TrackingRecord) -> None:
    seen: list[int] = []
    after = None
    sizes = []
    while True:
        page = service.data(PAGE, t=tracking.id, n=4, after=after)["tracking"]["tracks"]
        labels = [node["label"] for node in page["nodes"]]
        assert [edge["node"]["label"] for edge in page["edges"]] == labels
        assert page["edges"][-1]["cursor"] == page["pageInfo"]["endCursor"]
        assert page["edges"][0]["cursor"] == page["pageInfo"]["startCursor"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        sizes.append(len(labels))
        seen += labels
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sizes == [4, 2]
    assert sorted(seen) == [1, 2, 3, 4, 5, 7]


@pytest.mark.parametrize(
    ("filters", "labels"),
    [
        ({"founders": True}, [1, 7]),
        ({"founders": False}, [2, 3, 4, 5]),
        ({"divides": True}, [1, 2]),
        ({"divides": False, "min": 4}, [3, 4, 7]),
        ({"min": 99}, []),
    ],
)
def test_tracks_are_filtered(
    service: Service, tracking: TrackingRecord, filters: dict[str, Any], labels: list[int]
) -> None:
    found = service.data(PAGE, t=tracking.id, n=100, **filters)["tracking"]["tracks"]
    assert sorted(node["label"] for node in found["nodes"]) == labels
    assert (found["pageInfo"]["endCursor"] is None) == (not labels)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"n": 0}, "first is 0"),
        ({"n": -3}, "first is -3"),
        ({"n": 1001}, "first is 1001"),
        ({"n": 1, "after": "x"}, "'x' is no cursor"),
        ({"n": 1, "after": "é"}, "'é' is no cursor"),
        ({"n": 1, "after": cursor_of(-1)}, "is no cursor"),
        ({"n": 1, "after": cursor_of(10**18)}, "is no cursor"),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    service: Service, tracking: TrackingRecord, variables: dict[str, Any], problem: str
) -> None:
    error = service.error(PAGE, t=tracking.id, **variables)
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert problem in error["message"]
    assert error["extensions"]["remedy"]


def test_a_score_is_found_or_computed_from_the_label_images(store: LineageStore, service: Service) -> None:
    pair = lineages.missed_division()
    truth = put(store, pair.reference, kind=TrackingKind.GROUND_TRUTH)
    guess = put(store, pair.computed, movie_of=pair.reference)
    shape = """{ created TRA DET LNK AOGM AOGM0 operations { NS FN FP ED EA EC } table
      computed { id } reference { id kind } }"""
    query = f"query($c: ID!, $r: ID!) {{ score(computed: $c, reference: $r) {shape} }}"
    computed = service.data(query, c=guess.id, r=truth.id)["score"]
    assert computed["created"] is None
    assert computed["operations"] == {"NS": 0, "FN": 0, "FP": 0, "ED": 0, "EA": 2, "EC": 0}
    assert (computed["AOGM"], computed["DET"]) == (3.0, 1.0)
    assert computed["table"]["TRA"] == computed["TRA"] < 1
    assert computed["reference"] == {"id": truth.id, "kind": "GROUND_TRUTH"}
    assert computed["computed"] == {"id": guess.id}

    store.write_score(guess.id, truth.id, {**computed["table"], "TRA": 0.25})
    stored = service.data(query, c=guess.id, r=truth.id)["score"]
    assert stored["created"] is not None
    assert stored["TRA"] == 0.25
    of_each = f"query($t: ID!) {{ tracking(id: $t) {{ scores {shape} }} }}"
    for side in (guess, truth):
        assert service.data(of_each, t=side.id)["tracking"]["scores"] == [stored]


def test_a_score_needs_label_images_and_one_movie(store: LineageStore, service: Service) -> None:
    truth = put(store, lineages.division())
    bare = put(store, lineages.division(), author="no labels", labels=False)
    other = put(store, lineages.gap())
    query = "query($c: ID!, $r: ID!) { score(computed: $c, reference: $r) { TRA } }"
    codes = [service.error(query, c=c, r=truth.id)["extensions"]["code"] for c in (bare.id, other.id, "none")]
    assert codes == ["NOT_FOUND", "BAD_INPUT", "NOT_FOUND"]
