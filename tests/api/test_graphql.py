"""GraphQL over a real store: what comes back is what was drawn."""

import logging
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pytest
from graphql import GraphQLObjectType, get_named_type, is_list_type

from api.fields import ListSize
from api.limits import Limits, directive_of
from api.pages import cursor_of
from api.schema import build_schema, schema_text
from graph.records import TrackingKind, TrackingRecord
from graph.store import LineageStore
from ingest.errors import StoreError
from ingest.formats.ctc import read_tracking
from ingest.movie import Movie
from tests import lineages
from tests.api.service import Service, put, service_of, with_feature
from tests.conftest import REPOSITORY
from tests.lineages import Cell, Drawing, drawn

pytestmark = pytest.mark.neo4j


@pytest.fixture
def service(store: LineageStore, tmp_path: Path) -> Service:
    return service_of(store, tmp_path)


@pytest.fixture
def tracking(store: LineageStore) -> TrackingRecord:
    return put(store, lineages.generations())


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every Cypher query that is run from here on."""
    seen: list[str] = []
    run = neo4j.ManagedTransaction.run

    def counted(self: neo4j.ManagedTransaction, query: Any, *args: Any, **kwargs: Any) -> neo4j.Result:
        seen.append(query)
        return run(self, query, *args, **kwargs)

    monkeypatch.setattr(neo4j.ManagedTransaction, "run", counted)
    return seen


def track_id(service: Service, tracking: TrackingRecord, label: int) -> str:
    query = "query($t: ID!, $l: Int!) { tracking(id: $t) { track(label: $l) { id } } }"
    found: str = service.data(query, t=tracking.id, l=label)["tracking"]["track"]["id"]
    return found


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


def test_a_lineage_comes_as_a_flat_list_with_parents(service: Service, tracking: TrackingRecord) -> None:
    query = """query($t: ID!) { lineage(track: $t) {
      founder { label } tracks { id label parentId founderId begin end generation }
      divisions { frame mother { label } daughters { label } } } }"""
    found = service.data(query, t=track_id(service, tracking, 5))["lineage"]
    label = {track["id"]: track["label"] for track in found["tracks"]}
    rows = [
        (t["label"], label.get(t["parentId"]), label[t["founderId"]], t["begin"], t["end"], t["generation"])
        for t in found["tracks"]
    ]
    assert sorted(rows) == [
        (1, None, 1, 0, 0, 0),
        (2, 1, 1, 1, 3, 1),
        (3, 1, 1, 1, 7, 1),
        (4, 2, 1, 4, 7, 2),
        (5, 2, 1, 4, 6, 2),
    ]
    assert found["founder"] == {"label": 1}
    assert found["divisions"] == [
        {"frame": 0, "mother": {"label": 1}, "daughters": [{"label": 2}, {"label": 3}]},
        {"frame": 3, "mother": {"label": 2}, "daughters": [{"label": 4}, {"label": 5}]},
    ]


TREE = "label daughters { label daughters { label daughters { label } } }"


def test_a_lineage_comes_as_a_tree(service: Service, tracking: TrackingRecord) -> None:
    def node(label: int, *daughters: object) -> dict[str, object]:
        return {"label": label, "daughters": list(daughters)}

    tree = node(1, node(2, node(4), node(5)), node(3))
    founder = track_id(service, tracking, 1)
    query = f"query($t: ID!) {{ lineage(track: $t) {{ founder {{ {TREE} }} }} track(id: $t) {{ {TREE} }} }}"
    assert service.data(query, t=founder) == {"lineage": {"founder": tree}, "track": tree}


def test_a_tree_is_climbed_to_its_top(service: Service, tracking: TrackingRecord) -> None:
    query = """query($t: ID!) { track(id: $t) {
      parent { label parent { label parent { label } } } tracking { id movie { name } } } }"""
    assert service.data(query, t=track_id(service, tracking, 4))["track"] == {
        "parent": {"label": 2, "parent": {"label": 1, "parent": None}},
        "tracking": {"id": tracking.id, "movie": {"name": "drawn"}},
    }


@pytest.mark.parametrize(
    ("drawing", "divisions"),
    [
        (lineages.division_into_three, [(1, [2, 3, 4])]),
        (lineages.one_daughter_seen, []),
        (lineages.gap, []),
    ],
)
def test_a_division_has_all_its_daughters_and_at_least_two(
    store: LineageStore,
    service: Service,
    drawing: Callable[[], Drawing],
    divisions: list[tuple[int, list[int]]],
) -> None:
    mother = track_id(service, put(store, drawing()), 1)
    query = """query($t: ID!) {
        lineage(track: $t) { divisions { ...end } }
        track(id: $t) { division { ...end } }
      }
      fragment end on Division { frame daughters { label } }"""
    found = service.data(query, t=mother)
    shown = [(d["frame"], sorted(x["label"] for x in d["daughters"])) for d in found["lineage"]["divisions"]]
    assert shown == divisions
    assert found["track"]["division"] == (found["lineage"]["divisions"] or [None])[0]


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
    found = service.data(query, t=track_id(service, tracking, 1))["track"]["detections"]
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
    track = track_id(service, tracking, 1)
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
    track = track_id(service, put(store, lineages.gap(), calibrated=False), 3)
    query = """query($t: ID!) { timeSeries(track: $t) { minutes columns { name } }
      track(id: $t) { detections { minutes yUm } } }"""
    found = service.data(query, t=track)
    assert found["timeSeries"]["minutes"] is None
    assert {c["name"] for c in found["timeSeries"]["columns"]} == {"y", "x", "area"}
    assert found["track"]["detections"] == [{"minutes": None, "yUm": None}] * 5


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
    guess = put(store, pair.computed)
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


@pytest.mark.parametrize(
    "query",
    [
        '{ movie(id: "m0") { id } }',
        '{ tracking(id: "../t0") { id } }',
        '{ track(id: "4294967296") { id } }',
        '{ track(id: "seven") { id } }',
        '{ track(id: "٣") { id } }',
        '{ track(id: "99999999999999999999") { id } }',
        '{ lineage(track: "1") { founder { id } } }',
        '{ timeSeries(track: "-1") { frame } }',
    ],
)
def test_what_is_not_there_is_said_so(service: Service, query: str) -> None:
    error = service.error(query)
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["extensions"]["remedy"]
    assert len(error["path"]) == 1


def test_a_label_that_is_not_there_leaves_the_rest_of_the_answer(
    service: Service, tracking: TrackingRecord
) -> None:
    answer = service.answer(
        "query($t: ID!) { tracking(id: $t) { id track(label: 6) { id } } }", t=tracking.id
    )
    assert answer["data"] == {"tracking": {"id": tracking.id, "track": None}}
    assert answer["errors"][0]["extensions"]["problem"] == "no track has label 6"


def test_a_feature_that_was_not_measured_is_refused_with_those_that_were(
    service: Service, tracking: TrackingRecord
) -> None:
    query = 'query($t: ID!) { timeSeries(track: $t, features: ["area", "arae"]) { frame } }'
    error = service.error(query, t=track_id(service, tracking, 2))
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert "'arae'" in error["message"]
    assert "area_um2" in error["extensions"]["remedy"]


def test_the_number_of_queries_does_not_grow_with_the_number_of_cells(
    store: LineageStore, service: Service, queries: list[str]
) -> None:
    many = [Cell(n, 0, 3, y=2 * (n // 20), x=2 * (n % 20), height=1, width=1) for n in range(1, 201)]
    big = put(store, drawn(4, many))
    small = put(store, lineages.division())
    everything = """query($t: ID!) { tracking(id: $t) { movie { name } tracks(first: 200) { nodes {
      label parent { label } daughters { label parent { id } tracking { id } } tracking { movie { id } }
      lineage { founder { id } tracks { label } } division { frame } %s } } } }"""
    for measured in (
        "detections { frame area }",
        'timeSeries(features: ["area"]) { frame columns { values } }',
    ):
        counts = []
        for tracking in (small, big):
            queries.clear()
            service.data(everything % measured, t=tracking.id)
            counts.append(len(queries))
        assert counts[0] >= counts[1]
        assert counts[1] <= 8


def test_a_lineage_is_one_query_however_deep(
    service: Service, tracking: TrackingRecord, queries: list[str]
) -> None:
    founder = track_id(service, tracking, 1)
    queries.clear()
    query = f"""query($t: ID!) {{ lineage(track: $t) {{ founder {{ {TREE} }}
      tracks {{ parent {{ label }} }} divisions {{ daughters {{ label }} }} }} }}"""
    service.data(query, t=founder)
    assert len(queries) == 1


def test_the_movies_of_the_start_page_are_a_handful_of_queries(
    store: LineageStore, service: Service, queries: list[str]
) -> None:
    for drawing in (lineages.division, lineages.gap, lineages.generations):
        put(store, drawing())
    home = (REPOSITORY / "api/static/home.js").read_text()
    found = re.search(r"const MOVIES = `(.*?)`", home, re.DOTALL)
    assert found is not None
    queries.clear()
    assert len(service.data(found[1])["movies"]) == 3
    assert len(queries) <= 4


def test_the_examples_of_the_pages_run(service: Service, tracking: TrackingRecord) -> None:
    home = (REPOSITORY / "api/static/home.js").read_text()
    example = re.search(r"const lineages = \(tracking\) => `(.*?)`", home, re.DOTALL)
    graphiql = re.search(
        r"const EXAMPLE = `(.*?)`", (REPOSITORY / "api/static/graphiql.js").read_text(), re.DOTALL
    )
    assert example is not None
    assert graphiql is not None
    found = service.data(example[1].replace("${tracking}", tracking.id))
    assert [node["label"] for node in found["tracking"]["tracks"]["nodes"]] == [1]
    assert service.data(graphiql[1])["movies"]
    commented = re.sub(r"^# ?", "", graphiql[1][graphiql[1].index("# query Lineage") :], flags=re.MULTILINE)
    found = service.data(commented.replace("…", tracking.id))
    assert found["tracking"]["track"]["lineage"]["divisions"][0] == {"frame": 0, "mother": {"label": 1}}


def test_too_many_detections_are_refused(store: LineageStore, tmp_path: Path) -> None:
    tracking = put(store, lineages.generations())
    query = "query($t: ID!) { tracking(id: $t) { tracks { nodes { detections { frame } } } } }"
    for left, refused in ((22, False), (21, True)):
        service = service_of(store, tmp_path, Limits(detections=left))
        answer = service.answer(query, t=tracking.id)
        assert ("errors" in answer) == refused
    assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "more than 21 detections" in answer["errors"][0]["message"]


def test_a_field_that_fails_takes_nothing_from_others_that_wait_for_the_same(
    service: Service, tracking: TrackingRecord
) -> None:
    query = """query($t: ID!) {
      failing: tracking(id: $t) { movie { name } tracks(first: 0) { nodes { id } } }
      other: tracking(id: $t) { movie { name } tracks(first: 1) { nodes { tracking { movie { name } } } } }
    }"""
    answer = service.answer(query, t=tracking.id)
    drawn = {"movie": {"name": "drawn"}}
    assert answer["data"] == {"failing": None, "other": {**drawn, "tracks": {"nodes": [{"tracking": drawn}]}}}
    assert [error["path"] for error in answer["errors"]] == [["failing", "tracks"]]


def test_a_query_beyond_the_limits_gets_a_code(service: Service) -> None:
    deep = "{ track(id: 1) " + "{ parent " * 30 + "{ id }" + " }" * 30 + " }"
    assert service.error(deep)["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("query", ["{", "{ moovies { id } }", "query($n: Int!) { movies { id } }", ""])
def test_an_invalid_query_is_explained(service: Service, query: str) -> None:
    if not query:
        response = service.client.post("/graphql", json={"query": query})
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        return
    for error in service.answer(query)["errors"]:
        assert error["extensions"] == {"code": "INVALID_QUERY"}
        assert re.search(r"Syntax Error|moovies|\$n", error["message"])


def test_a_fault_inside_is_logged_and_not_told(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise KeyError("MATCH (secret) of /home/someone")

    monkeypatch.setattr(store, "movies", broken)
    with caplog.at_level(logging.INFO):
        answer = service.answer("{ movies { id } }" + " " * 2000)
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR"}
    assert "secret" not in str(answer)
    (record,) = [record for record in caplog.records if record.name == "cellkin.graphql"]
    assert "secret" in record.getMessage()
    assert record.exc_info is not None
    assert len(record.getMessage()) < 1000


def test_what_the_user_can_mend_is_told_and_not_logged_as_a_fault(
    store: LineageStore, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> None:
        raise StoreError("no Neo4j answers", place="bolt://localhost:7687", remedy="start it")

    monkeypatch.setattr(store, "movies", gone)
    error = service.error("{ movies { id } }")
    assert error["message"] == "bolt://localhost:7687: no Neo4j answers; start it"
    assert error["extensions"] == {
        "code": "STORE_UNAVAILABLE",
        "problem": "no Neo4j answers",
        "place": "bolt://localhost:7687",
        "remedy": "start it",
    }
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.data
def test_a_real_lineage_is_the_one_in_man_track(
    store: LineageStore, service: Service, data_folder: Path
) -> None:
    folder = data_folder / "ctc/Fluo-N2DL-HeLa/01_GT"
    sequence = read_tracking(folder)
    frames, height, width = sequence.labels.shape
    movie = store.add_movie(Movie.from_array(np.zeros((frames, height, width), np.uint8), name="HeLa 01"))
    tracking = store.write_tracking(
        movie.id,
        sequence.graph,
        None,
        kind=TrackingKind.GROUND_TRUTH,
        author="Cell Tracking Challenge",
        version="",
        parameters={},
    )
    query = """query($t: ID!) { tracking(id: $t) { tracks(first: 100, founders: true) { nodes {
      lineage { tracks { id label parentId begin end } } } } } }"""
    founders = service.data(query, t=tracking.id)["tracking"]["tracks"]["nodes"]
    tracks = [track for founder in founders for track in founder["lineage"]["tracks"]]
    label = {track["id"]: track["label"] for track in tracks} | {None: 0}
    found = sorted([t["label"], t["begin"], t["end"], label[t["parentId"]]] for t in tracks)
    assert found == sorted(np.loadtxt(folder / "TRA/man_track.txt", dtype=int).tolist())


def object_fields() -> list[tuple[str, str, Any]]:
    types = build_schema(Limits())._schema.type_map.values()
    own = [t for t in types if isinstance(t, GraphQLObjectType) and not t.name.startswith("__")]
    return [(t.name, name, field) for t in own for name, field in t.fields.items()]


def test_every_type_and_field_is_described() -> None:
    bare = [f"{owner}.{name}" for owner, name, field in object_fields() if not field.description]
    assert bare == []


def test_every_list_says_how_long_it_may_be() -> None:
    lists = [
        (f"{o}.{n}", f)
        for o, n, f in object_fields()
        if is_list_type(f.type) or is_list_type(getattr(f.type, "of_type", None))
    ]
    assert len(lists) > 10
    assert [name for name, field in lists if directive_of(field, ListSize) is None] == []


def test_ids_are_strings_and_never_integers() -> None:
    ids = [f for _, name, f in object_fields() if name == "id" or name.endswith("Id")]
    assert {get_named_type(field.type).name for field in ids} == {"ID"}


def test_the_committed_schema_is_current() -> None:
    committed = REPOSITORY / "docs/schema.graphql"
    assert committed.read_text() == schema_text(), "write it anew: python -m api.schema > docs/schema.graphql"
