"""Scores with their errors in a real Neo4j: found again, replaced, removed, never half there, or stale."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from neo4j import ManagedTransaction, Record

from graph import stored_errors, stored_scores
from graph.connection import Connection
from graph.explore.browser import saved_query
from graph.pixels import PixelStore
from graph.records import ErrorFilter, ErrorRecord, ScoreRecord, TrackingKind, TrackingRecord
from graph.scores import parameters as definitions
from graph.scores.aogm import Operation
from graph.scores.errors import ErrorKind, with_labels
from graph.scores.matching import match
from graph.scores.parameters import ScoreParameters
from graph.scores.report import Score, score
from graph.store import LineageStore
from ingest.errors import ConflictError, NotFoundError, StoreError
from tests import lineages
from tests.graph.scores.random_lineages import random_pair
from tests.graph.stored import DeafConnection, UnpluggedError, count, fresh_plans, put
from tests.lineages import Pair

pytestmark = pytest.mark.neo4j

MISSED = """
MATCH (s:Score)-[:FOUND]->(e:Error {kind: 'MISSED_DIVISION'})-[at:AT]->(d:Detection)<-[:HAS]-(t:Track)
RETURN e.name AS name, at.side AS side, d.frame AS frame, t.label AS track ORDER BY side
"""


def sides(store: LineageStore, pair: Pair) -> tuple[TrackingRecord, TrackingRecord]:
    """The computed and the reference tracking of a pair, stored."""
    reference = put(store, pair.reference, kind=TrackingKind.GROUND_TRUTH, author="a person")
    movie = store.movie(reference.movie_id)
    with patch.object(store, "add_movie", lambda _: movie):  # drawn apart, but of one movie
        return put(store, pair.computed), reference


def compared(store: LineageStore, computed: str, reference: str, **choices: Any) -> Score:
    graphs = store.tracking_graph(reference), store.tracking_graph(computed)
    labels = store.labels(reference), store.labels(computed)
    (first, second), (one, other) = graphs, labels
    return score(first, second, match((first.detections, one), (second.detections, other)), **choices)


def stored(store: LineageStore, computed: str, reference: str, **choices: Any) -> ScoreRecord:
    found = compared(store, computed, reference, **choices)
    return store.write_score(
        computed,
        reference,
        found.as_dict(),
        errors=with_labels(found.errors, found.reference, found.computed),
        parameters=ScoreParameters(found.weights, found.tolerance),
    )


def everything(store: LineageStore, score_id: str, wanted: ErrorFilter | None = None) -> list[ErrorRecord]:
    """All errors, page by page of three."""
    found: list[ErrorRecord] = []
    while page := store.errors(score_id, wanted, after=found[-1].id if found else None, first=3):
        found += page
    return found


def left(connection: Connection) -> tuple[int, int]:
    return count(connection, "Score"), count(connection, "Error")


def test_one_statement_lists_the_missed_divisions_and_leads_to_them(
    store: LineageStore, connection: Connection
) -> None:
    computed, reference = sides(store, lineages.missed_division())
    stored(store, computed.id, reference.id)
    found = connection.read(lambda tx: [tuple(record.values()) for record in tx.run(MISSED)])
    name = "missed division · frame 1 · track 1"
    assert found == [(name, "computed", 1, 1), (name, "reference", 1, 1)]


def rows_of(query: Any, tracking: str, tx: ManagedTransaction) -> list[Record]:
    return list(tx.run(query, tracking=tracking))


@pytest.mark.parametrize(
    ("pair", "query"),
    [(lineages.missed_division, "missed_divisions"), (lineages.invented_division, "false_divisions")],
)
def test_a_wrong_division_leads_to_its_cell_in_neo4j_browser(
    store: LineageStore, connection: Connection, pair: Callable[[], Pair], query: str
) -> None:
    computed, reference = sides(store, pair())
    stored(store, computed.id, reference.id)
    text: Any = saved_query(query).text
    for tracking, mothers in ((computed, {(1, 1)}), (reference, set())):
        found = connection.read(partial(rows_of, text, tracking.id))
        cells = [record["path"].nodes[1] for record in found]
        assert {(cell["frame"], cell["label"]) for cell in cells} == mothers


@pytest.mark.parametrize("seed", [3, 11])
def test_every_error_is_stored_at_its_detections(store: LineageStore, seed: int) -> None:
    computed, reference = sides(store, random_pair(seed))
    record = stored(store, computed.id, reference.id)
    errors = compared(store, computed.id, reference.id).errors
    assert len(errors) > 5
    assert record.errors == errors.counts
    found = everything(store, record.id)
    assert [error.kind for error in found] == errors.kind.tolist()
    assert [error.frame for error in found] == errors.frame.tolist()
    for row, error in enumerate(found):
        for places, rows, tracking in (
            (error.reference, errors.reference[row], reference),
            (error.computed, errors.computed[row], computed),
        ):
            assert [place.id - tracking.first_id for place in places] == rows[rows >= 0].tolist()
        shifted = error.kind == ErrorKind.SHIFTED_DIVISION
        assert error.shift == (errors.shift[row] if shifted else None)


def test_a_place_says_where_it_is(store: LineageStore) -> None:
    computed, reference = sides(store, lineages.cut_track())
    record = stored(store, computed.id, reference.id)
    (error,) = store.errors(record.id)
    assert (error.kind, error.frame, error.name) == (
        ErrorKind.EC,
        2,
        "link of the wrong kind · frame 2 · track 1",
    )
    earlier, later = error.computed
    assert (earlier.frame, earlier.label, later.frame, later.label) == (2, 1, 3, 2)
    assert earlier.track != later.track
    assert store.tracks_by_id([later.track])[later.track].label == 2
    assert [place.track for place in error.reference] == [reference.first_id] * 2


@pytest.mark.parametrize("seed", [3, 11])
def test_errors_are_filtered_by_kind_frame_and_track(store: LineageStore, seed: int) -> None:
    computed, reference = sides(store, random_pair(seed))
    record = stored(store, computed.id, reference.id)
    found = everything(store, record.id)
    kinds = (ErrorKind.EA, ErrorKind.FP)
    tracks = tuple({place.track for error in found for place in error.reference[:1]})[:2]

    def touches(error: ErrorRecord) -> bool:
        return any(place.track in tracks for place in (*error.reference, *error.computed))

    def within(error: ErrorRecord) -> bool:
        return 2 <= error.frame <= 4

    for wanted, expected in (
        (ErrorFilter(kinds=kinds), [e for e in found if e.kind in kinds]),
        (ErrorFilter(frames=(2, 4)), [e for e in found if within(e)]),
        (ErrorFilter(tracks=tracks), [e for e in found if touches(e)]),
        (
            ErrorFilter(kinds, (2, 4), tracks),
            [e for e in found if e.kind in kinds and within(e) and touches(e)],
        ),
        (ErrorFilter(tracks=()), []),
    ):
        assert everything(store, record.id, wanted) == expected


def test_a_score_is_found_again_by_its_trackings_and_parameters(store: LineageStore) -> None:
    computed, reference = sides(store, lineages.late_division())
    assert store.find_score(computed.id, reference.id) is None
    usual = stored(store, computed.id, reference.id)
    cheap = ScoreParameters.with_weights({"EA": 0.5}, tolerance=0)
    other = stored(store, computed.id, reference.id, weights=cheap.weights, tolerance=0)
    assert store.find_score(computed.id, reference.id) == usual
    assert store.find_score(computed.id, reference.id, cheap) == other
    assert (usual.table["AOGM"], other.table["AOGM"]) == (5 + 4 * 1.5, 5 + 4 * 0.5)
    assert other.parameters.weights[Operation.EA] == 0.5
    assert (usual.errors[ErrorKind.SHIFTED_DIVISION], other.errors[ErrorKind.MISSED_DIVISION]) == (1, 1)
    assert store.scores([computed.id]) == [usual, other]
    assert store.find_score(reference.id, computed.id) is None


def test_a_score_written_again_takes_the_place_of_the_older(
    store: LineageStore, connection: Connection
) -> None:
    computed, reference = sides(store, lineages.late_division())
    first = stored(store, computed.id, reference.id)
    again = stored(store, computed.id, reference.id)
    assert (again.id, again.number > first.number) == (first.id, True)
    assert store.scores([computed.id]) == [again]
    assert left(connection) == (1, sum(again.errors.values()))


def test_deleting_a_score_or_a_tracking_takes_its_errors_along(
    store: LineageStore, connection: Connection
) -> None:
    computed, reference = sides(store, lineages.late_division())
    kept = stored(store, computed.id, computed.id)
    record = stored(store, computed.id, reference.id)
    store.delete_score(record.id)
    assert left(connection) == (1, 0)
    with pytest.raises(NotFoundError, match=record.id):
        store.errors(record.id)
    stored(store, computed.id, reference.id)
    stored(store, reference.id, computed.id)
    store.delete_tracking(reference.id)
    assert store.scores([computed.id]) == [kept]
    assert left(connection) == (1, 0)
    store.delete_movie(computed.movie_id)
    assert left(connection) == (0, 0)


@contextmanager
def unplugged_at(step: str, call: int) -> Iterator[None]:
    """With small batches, a writer of scores fails when it comes to this step for the `call`th time."""
    real, calls = getattr(stored_scores, step), iter(range(1, 100))

    def failing(tx: ManagedTransaction, **arguments: Any) -> Any:
        if next(calls) == call:
            raise UnpluggedError
        return real(tx, **arguments)

    with patch.object(stored_errors, "BATCH_ERRORS", 2), patch.object(stored_scores, step, failing):
        yield


@pytest.mark.parametrize(
    ("step", "call"), [("create_errors", 1), ("create_errors", 3), ("show", 1), ("delete_errors", 2)]
)
def test_whoever_dies_leaves_the_older_score_or_the_newer_one(
    store: LineageStore, connection: Connection, step: str, call: int
) -> None:
    computed, reference = sides(store, lineages.late_division())
    older = stored(store, computed.id, reference.id)
    with unplugged_at(step, call), pytest.raises(UnpluggedError):
        stored(store, computed.id, reference.id)
    (seen,) = store.scores([computed.id])
    assert (seen.number == older.number) == (step != "delete_errors")
    assert len(everything(store, seen.id)) == sum(seen.errors.values())
    assert left(connection)[0] == 2
    store.sweep()
    assert left(connection) == (1, sum(seen.errors.values()))
    assert store.scores([computed.id]) == [seen]


def test_the_next_writer_of_a_score_removes_what_a_dead_one_left(
    store: LineageStore, connection: Connection
) -> None:
    computed, reference = sides(store, lineages.late_division())
    with unplugged_at("show", 1), pytest.raises(UnpluggedError):
        stored(store, computed.id, reference.id)
    record = stored(store, computed.id, reference.id)
    assert left(connection) == (1, sum(record.errors.values()))


def test_a_tracking_that_goes_while_it_is_scored_leaves_no_score(
    store: LineageStore, connection: Connection
) -> None:
    computed, reference = sides(store, lineages.late_division())
    real = stored_scores.show

    def late(tx: ManagedTransaction, **arguments: Any) -> None:
        with patch.object(stored_scores, "show", real):
            store.delete_tracking(reference.id)
        real(tx, **arguments)

    with patch.object(stored_scores, "show", late), pytest.raises(ConflictError, match="was removed"):
        stored(store, computed.id, reference.id)
    assert left(connection) == (0, 0)


def test_a_score_is_not_shown_unless_all_its_errors_are_there(store: LineageStore) -> None:
    computed, reference = sides(store, lineages.late_division())
    with (
        patch.object(stored_scores, "create_errors", lambda *_, **__: None),
        pytest.raises(StoreError, match="0 errors were written, 6 were meant"),
    ):
        stored(store, computed.id, reference.id)
    assert store.scores([computed.id]) == []


def test_transactions_that_run_twice_do_nothing_twice(
    store: LineageStore, connection: Connection, tmp_path: Path
) -> None:
    computed, reference = sides(store, lineages.late_division())
    with DeafConnection(connection.credentials) as deaf, patch.object(stored_errors, "BATCH_ERRORS", 2):
        twice = LineageStore(deaf, PixelStore(tmp_path / "pixels"))
        stored(twice, computed.id, reference.id)
        record = stored(twice, computed.id, reference.id)
    assert left(connection) == (1, sum(record.errors.values()))
    assert len(everything(store, record.id)) == sum(record.errors.values())


def test_a_score_goes_stale_when_a_tracking_has_a_successor(store: LineageStore) -> None:
    pair = lineages.late_division()
    computed, reference = sides(store, pair)
    record = stored(store, computed.id, reference.id)
    assert record.stale == ()
    movie = store.movie(reference.movie_id)
    with patch.object(store, "add_movie", lambda _: movie):
        put(store, pair.reference, author="another person", kind=TrackingKind.GROUND_TRUTH)
        put(store, pair.computed, parameters={"reach": 5.0})
        assert store.score(record.id).stale == ()
        newer = put(store, pair.computed, version="2")
        (reason,) = store.score(record.id).stale
        assert (reason.of, reason.newer) == ("computed", newer.id)
        assert newer.id in str(reason)
        elsewhere: dict[str, Any] = {"author": "a person", "parameters": {"source": "another folder"}}
        corrected = put(store, pair.reference, kind=TrackingKind.GROUND_TRUTH, **elsewhere)
        assert [one.newer for one in store.score(record.id).stale] == [newer.id, corrected.id]
        store.delete_tracking(corrected.id)
        curated = put(
            store, pair.reference, kind=TrackingKind.CURATED, author="b", parameters={"of": reference.id}
        )
    assert [one.newer for one in store.score(record.id).stale] == [newer.id, curated.id]


def test_a_score_of_an_older_definition_is_stale(
    store: LineageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, reference = sides(store, lineages.late_division())
    record = stored(store, computed.id, reference.id)
    monkeypatch.setattr(stored_scores, "DEFINITION", definitions.DEFINITION + 1)
    (reason,) = store.score(record.id).stale
    assert (reason.of, reason.newer) == ("definition", None)
    assert stored(store, computed.id, reference.id).stale == ()


def test_many_errors_are_written_in_batches(store: LineageStore, connection: Connection) -> None:
    computed, reference = sides(store, lineages.missed_division())
    found = compared(store, computed.id, reference.id)
    rows = np.zeros(12_000, np.int64)  # the first error, again and again
    one = with_labels(found.errors, found.reference, found.computed)
    errors = type(one.errors)(*(column[rows] for column in vars(one.errors).values()))
    many = type(one)(errors, one.label[rows])
    with patch.object(stored_errors, "BATCH_ERRORS", 5_000):
        sizes = [len(batch["id"]) for batch in stored_errors.ErrorRows(many, 1, 0, 0).batches()]
    assert sizes == [5_000, 5_000, 2_000]
    record = store.write_score(computed.id, reference.id, found.as_dict(), errors=many)
    assert left(connection) == (1, 12_000)
    last = store.errors(record.id, after=(record.number << 32) + 11_997, first=100)
    assert len(last) == 2


VARIED_ERRORS = """
UNWIND range(1, 4000) AS i
CREATE (:Error {id: i, score: i / 2000, kind: $kinds[i % size($kinds)], frame: i % 90})
"""


def test_a_page_of_errors_ends_reading_when_it_is_full(store: LineageStore, connection: Connection) -> None:
    kinds = [kind.name for kind in ErrorKind]
    connection.write(lambda tx: tx.run(VARIED_ERRORS, kinds=kinds).consume())
    fresh_plans(connection)  # the statistics of other tests, whose errors are all alike, make another one
    explained = f"EXPLAIN {stored_errors.ERRORS_PAGE}"
    plan = connection.read(lambda tx: tx.run(explained).consume().plan)
    assert "PartialTop" in str(plan)
