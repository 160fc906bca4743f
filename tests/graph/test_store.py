"""The store against a real Neo4j: what goes in comes out, once, and under no other name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.connection import Connection
from graph.content import tracking_id
from graph.provenance import Provenance
from graph.records import TrackingKind
from graph.store import LineageStore
from ingest.errors import InputError, NotFoundError
from ingest.formats.ctc import read_tracking
from ingest.movie import Movie, open_movie
from ingest.tracking_graph import Detections, LinkKind, TrackingGraph
from tests import lineages
from tests.graph.stored import (
    HOSTILE,
    assert_equal,
    count,
    movie_of,
    parallel_tracks,
    put,
    put_alone,
    rows,
    with_features,
)
from tests.lineages import Drawing
from tests.strategies import lineages as any_lineages

pytestmark = pytest.mark.neo4j


@pytest.mark.parametrize("drawing", lineages.RIGHT)
def test_a_tracking_reads_back_as_it_was_written(store: LineageStore, drawing: Callable[[], Drawing]) -> None:
    drawn = drawing()
    graph = with_features(drawn.graph)
    record = put(store, drawn, graph)
    assert_equal(store.tracking_graph(record.id), graph)
    assert (record.detections, record.tracks) == (len(graph.detections), len(graph.tracks))
    assert (record.links, record.divisions) == (len(graph.links), len(graph.divisions))
    labels = store.labels(record.id)
    assert all(np.array_equal(labels.frame(t), drawn.labels[t]) for t in range(len(drawn.labels)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_tracking_with_any_values_reads_back(store: LineageStore, data: st.DataObject) -> None:
    graph = data.draw(any_lineages()).graph
    size = len(graph.detections)
    column = st.lists(st.floats(), min_size=size, max_size=size).map(lambda v: np.array(v, np.float64))
    old, values = graph.detections, data.draw(st.tuples(column, column, column))
    y, x, odd = values
    graph = TrackingGraph(Detections(old.frame, old.label, y, x, {"odd": odd}), graph.links, graph.kind)
    frames = int(old.frame.max(initial=0)) + 1
    assert_equal(store.tracking_graph(put_alone(store, graph, frames=frames).id), graph)


def test_a_movie_of_many_batches_reads_back(store: LineageStore, connection: Connection) -> None:
    graph = parallel_tracks(frames=60, cells=450)
    record = put_alone(store, graph, frames=60)
    assert_equal(store.tracking_graph(record.id), graph)
    assert rows(connection) == (27_000, 450)
    with pytest.raises(NotFoundError, match="label images"):
        store.labels(record.id)


@pytest.mark.data
def test_a_real_movie_is_in_the_database_as_in_its_files(
    store: LineageStore, connection: Connection, data_folder: Any
) -> None:
    folder = data_folder / "ctc" / "Fluo-N2DL-HeLa"
    sequence = read_tracking(folder / "01_GT")
    movie = store.add_movie(open_movie(folder / "01"))
    record = store.write_tracking(
        movie.id,
        sequence.graph,
        sequence.labels,
        kind=TrackingKind.GROUND_TRUTH,
        author="Cell Tracking Challenge",
        version="",
        parameters={},
    )
    rows_of_file = np.loadtxt(folder / "01_GT" / "TRA" / "man_track.txt", dtype=int)
    lengths = rows_of_file[:, 2] - rows_of_file[:, 1] + 1
    parents = int((rows_of_file[:, 3] > 0).sum())
    assert count(connection, "Detection") == lengths.sum() == record.detections
    found = links(connection)
    assert found["NEXT"] == (lengths - 1).sum()
    assert found["DIVISION"] + found.get("GAP", 0) == parents
    assert_equal(store.tracking_graph(record.id), sequence.graph)


def links(connection: Connection) -> dict[str, int]:
    """Number of edges of each kind."""
    query = "MATCH (:Detection)-[l:NEXT|GAP|DIVISION]->(:Detection) RETURN type(l) AS kind, count(l) AS n"
    return connection.read(lambda tx: {r["kind"]: r["n"] for r in tx.run(query)})


@pytest.mark.parametrize("drawing", [lineages.gap, lineages.division_into_three, lineages.one_daughter_seen])
def test_every_link_is_an_edge_of_its_kind(
    store: LineageStore, connection: Connection, drawing: Callable[[], Drawing]
) -> None:
    drawn = drawing()
    put(store, drawn)
    kinds, counts = np.unique(drawn.graph.kind, return_counts=True)
    assert links(connection) == {LinkKind(kind).name: n for kind, n in zip(kinds, counts, strict=True)}


def test_a_lineage_can_be_walked_in_neo4j_browser(store: LineageStore, connection: Connection) -> None:
    put(store, lineages.division())
    query = """
    MATCH (:Movie)-[:HAS_TRACKING]->(:Tracking)-[:HAS_TRACK]->(t:Track)-[:DIVIDES_INTO]->(u)-[:HAS]->(d)
    RETURN t.name AS mother, u.name AS daughter, count(d) AS detections ORDER BY daughter
    """
    assert connection.read(lambda tx: [record.values() for record in tx.run(query)]) == [
        ["1 · frames 0–2", "2 · frames 3–5", 3],
        ["1 · frames 0–2", "3 · frames 3–4", 2],
    ]


def test_the_same_is_found_and_not_doubled(store: LineageStore, connection: Connection) -> None:
    drawn = lineages.generations()
    first, again = put(store, drawn), put(store, drawn)
    assert again == first
    assert rows(connection) == (first.detections, first.tracks)
    assert len(store.movies()) == 1


def test_the_same_is_found_whatever_its_nan_looks_like(store: LineageStore) -> None:
    drawn = lineages.one_track()
    nan = np.full(3, np.nan)
    one, other = with_features(drawn.graph, odd=nan), with_features(drawn.graph, odd=-nan)
    assert tracking_id("m", one, {}) == tracking_id("m", other, {})


def test_a_stored_tracking_gets_the_label_images_that_its_folder_lacks(store: LineageStore) -> None:
    drawn = lineages.division()
    record = put(store, drawn)
    store._pixels.delete(record.id)
    assert not store.has_labels(record.id)
    assert put(store, drawn) == record
    assert store.has_labels(record.id)


@pytest.mark.parametrize(
    "change",
    [{"author": "other"}, {"version": "2"}, {"parameters": {"reach": 5.0}}, {"kind": TrackingKind.CURATED}],
)
def test_what_was_made_in_another_way_is_another_tracking(
    store: LineageStore, change: dict[str, Any]
) -> None:
    drawn = lineages.division()
    one, other = put(store, drawn), put(store, drawn, **change)
    assert one.id != other.id
    assert store.trackings([one.movie_id]) == [one, other]


PROVENANCE = Provenance("01.tif", "ab12", "cellpose 4.1", "cd34", 12.5, "cuda:0 H100")


def test_it_is_known_where_a_tracking_comes_from(store: LineageStore) -> None:
    drawn = lineages.division()
    record = put(store, drawn, provenance=PROVENANCE)
    assert record.provenance == PROVENANCE
    elsewhere = replace(PROVENANCE, source="/mnt/01.tif", seconds=3.5, device="cpu")
    assert put(store, drawn, provenance=elsewhere) == record
    assert put(store, drawn, provenance=replace(PROVENANCE, weights_checksum="ef56")) != record
    assert put(store, drawn).provenance == Provenance()


def test_hostile_names_are_only_names(store: LineageStore) -> None:
    drawn = lineages.division()
    graph = with_features(drawn.graph, **{HOSTILE: np.arange(len(drawn.graph.detections)) / 7})
    movie = store.add_movie(movie_of(drawn, name=HOSTILE))
    record = put(store, drawn, graph, author=HOSTILE, version=HOSTILE, parameters={HOSTILE: HOSTILE})
    assert store.movie(movie.id).name == HOSTILE
    assert (record.author, record.parameters) == (HOSTILE, {HOSTILE: HOSTILE})
    assert_equal(store.tracking_graph(record.id), graph)
    series = store.time_series([track.id for track in store.tracks(record.id)])
    assert sorted(series.features[HOSTILE]) == sorted(graph.detections.features[HOSTILE])
    score = store.write_score(record.id, record.id, {HOSTILE: 1.5, "id": 2.5})
    assert store.scores([record.id, HOSTILE]) == [score]
    with pytest.raises(NotFoundError):
        store.labels(f"../{record.id}")


def test_a_movie_is_known_by_its_content(store: LineageStore) -> None:
    frames = np.ones((3, 2, 5, 6), np.uint8)
    store.add_movie(Movie.from_array(frames, name="m", axes="TCYX", pixel_size=0.5, channels=["a", "b"]))
    again = store.add_movie(Movie.from_array(frames, name="renamed", axes="TCYX", pixel_size=0.3))
    assert (again.name, again.channels, again.pixel_size) == ("m", ("a", "b"), 0.3)
    assert (again.frames, again.height, again.width, again.minutes_per_frame) == (3, 5, 6, None)
    unsaid = store.add_movie(Movie.from_array(frames, name="m", axes="TCYX", minutes_per_frame=10))
    assert (unsaid.pixel_size, unsaid.minutes_per_frame) == (0.3, 10)
    assert store.movies() == [unsaid]


def test_what_a_user_said_of_a_movie_outlasts_what_its_file_says(store: LineageStore) -> None:
    frames = np.ones((3, 5, 6), np.uint8)
    filed = Movie.from_array(frames, name="m", pixel_size=1.0, minutes_per_frame=2)
    filed = replace(filed, assumed=frozenset({"pixel_size", "minutes_per_frame"}))
    assert store.add_movie(filed).pixel_size == 1.0
    store.add_movie(replace(filed, pixel_size=0.65, assumed=frozenset({"minutes_per_frame"})))
    again = store.add_movie(filed)
    assert (again.pixel_size, again.minutes_per_frame) == (0.65, 2)


def test_a_movie_is_measured_by_what_a_user_said_of_it(store: LineageStore) -> None:
    filed = Movie.from_array(np.ones((3, 5, 6), np.uint8), name="m", pixel_size=1.0, minutes_per_frame=2)
    both = replace(filed, assumed=frozenset({"pixel_size", "minutes_per_frame"}))
    assert store.calibrated(both).pixel_size == 1.0  # which is not known yet
    store.add_movie(replace(filed, pixel_size=0.65, minutes_per_frame=None))
    found = store.calibrated(both)
    assert (found.pixel_size, found.minutes_per_frame) == (0.65, 2)
    assert store.calibrated(filed) is filed  # its user has just said so


@pytest.mark.parametrize(
    "ask", ["movie", "tracking", "tracking_graph", "labels", "tracks", "delete_tracking", "delete_movie"]
)
def test_an_unknown_id_is_not_found_and_the_error_says_what_there_is(store: LineageStore, ask: str) -> None:
    with pytest.raises(NotFoundError, match=r"'nowhere'.*the newest are: none yet"):
        getattr(store, ask)("nowhere")
    record = put(store, lineages.division())
    with pytest.raises(NotFoundError, match=f"newest are: ({record.id}|{record.movie_id})"):
        getattr(store, ask)("nowhere")


def test_a_tracking_of_an_unknown_movie_is_refused(store: LineageStore) -> None:
    with pytest.raises(NotFoundError, match="movie 'nowhere'"):
        store.write_tracking(
            "nowhere",
            lineages.division().graph,
            None,
            kind=TrackingKind.PREDICTED,
            author="lap",
            version="1",
            parameters={},
        )


def test_unknown_ids_among_many_have_nothing(store: LineageStore) -> None:
    record = put(store, lineages.division())
    assert list(store.movies_by_id(["nowhere", record.movie_id])) == [record.movie_id]
    assert list(store.trackings_by_id([record.id, "nowhere"])) == [record.id]
    assert (store.trackings(["nowhere"]), store.lineages([12345]), store.scores(["nowhere"])) == ([], [], [])
    assert store.tracks_by_id([12345]) == {}
    assert len(store.time_series([12345])) == 0


def test_one_score_a_pair(store: LineageStore) -> None:
    drawn = lineages.division()
    one, other = put(store, drawn), put(store, drawn, author="other")
    store.write_score(one.id, other.id, {"TRA": 0.5, "operations": {"NS": 1}})
    score = store.write_score(one.id, other.id, {"TRA": None, "AOGM": 2.5, "operations": {"NS": 2}})
    assert score.table == {"TRA": None, "AOGM": 2.5, "operations": {"NS": 2}}
    assert store.scores([one.id]) == store.scores([other.id]) == [score]
    back = store.write_score(other.id, one.id, {"TRA": 1.0})
    assert store.scores([one.id, other.id]) == [score, back]


def test_trackings_of_two_movies_have_no_score(store: LineageStore) -> None:
    one, other = put(store, lineages.division()), put(store, lineages.gap())
    with pytest.raises(InputError, match="two movies"):
        store.write_score(one.id, other.id, {"TRA": 1.0})


def test_what_is_deleted_is_gone_and_all_else_stays(store: LineageStore, connection: Connection) -> None:
    one, other = put(store, lineages.generations()), put(store, lineages.division())
    beside = put(store, lineages.generations(), author="beside")
    store.write_score(one.id, beside.id, {"TRA": 1.0})
    store.delete_tracking(one.id)
    with pytest.raises(NotFoundError):
        store.tracking(one.id)
    assert not store.has_labels(one.id)
    assert store.scores([beside.id]) == []
    assert_equal(store.tracking_graph(beside.id), lineages.generations().graph)
    store.delete_movie(beside.movie_id)
    assert rows(connection) == (other.detections, other.tracks)
    assert [movie.id for movie in store.movies()] == [other.movie_id]


def test_what_was_deleted_may_be_written_again(store: LineageStore) -> None:
    drawn = lineages.generations()
    first = put(store, drawn)
    store.delete_tracking(first.id)
    again = put(store, drawn)
    assert (again.id, again.number > first.number) == (first.id, True)
    assert_equal(store.tracking_graph(again.id), drawn.graph)
