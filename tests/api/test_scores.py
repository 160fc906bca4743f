"""Scores in GraphQL: found or computed, stored with every error, paged, filtered, side by side, stale."""

from typing import Any

import pytest

from api.limits import Limits
from graph.records import TrackingKind, TrackingRecord
from graph.scores.errors import ErrorKind
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put
from tests.lineages import Pair

pytestmark = pytest.mark.neo4j

FIND = """query($c: ID!, $r: ID!, $w: WeightsInput, $t: Int = 3) {
  score(computed: $c, reference: $r, weights: $w, tolerance: $t) {
    id created TRA AOGM parameters stale { of newerId reason } errorCounts { kind count } } }"""
STORE = """mutation($c: ID!, $r: ID!, $w: WeightsInput, $t: Int = 3, $anew: Boolean = false) {
  storeScore(computed: $c, reference: $r, weights: $w, tolerance: $t, anew: $anew) {
    id created TRA AOGM parameters stale { of newerId reason } errorCounts { kind count } } }"""
ERRORS = """query($c: ID!, $r: ID!, $n: Int = 100, $after: String,
  $k: [ErrorKind!], $f: FrameRange, $t: [ID!]) {
  score(computed: $c, reference: $r) { errors(first: $n, after: $after, kinds: $k, frames: $f, tracks: $t) {
    nodes { kind frame name shift reference { frame label y x track { label } } computed { frame label } }
    edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


def sides(store: LineageStore, pair: Pair, **changes: Any) -> dict[str, str]:
    """The two trackings of a pair, stored with one movie."""
    truth = put(store, pair.reference, kind=TrackingKind.GROUND_TRUTH, author="a person")
    computed = put(store, pair.computed, movie_of=pair.reference, **changes)
    return {"c": computed.id, "r": truth.id}


def named(answer: dict[str, Any]) -> dict[str, int]:
    return {count["kind"]: count["count"] for count in answer["errorCounts"] if count["count"]}


def test_a_score_is_computed_then_stored_then_found(store: LineageStore, service: Service) -> None:
    both = sides(store, lineages.late_division())
    computed = service.data(FIND, **both)["score"]
    assert (computed["id"], computed["created"], computed["AOGM"]) == (None, None, 11.0)
    assert named(computed) == {"NS": 1, "EA": 4, "SHIFTED_DIVISION": 1}
    assert store.scores([both["c"]]) == []
    stored = service.data(STORE, **both)["storeScore"]
    assert (stored["TRA"], stored["stale"], named(stored)) == (computed["TRA"], [], named(computed))
    assert stored["parameters"]["tolerance"] == 3
    for again in (service.data(STORE, **both)["storeScore"], service.data(FIND, **both)["score"]):
        assert again == stored
    anew = service.data(STORE, **both, anew=True)["storeScore"]
    assert (anew["id"], anew["created"] > stored["created"]) == (stored["id"], True)


def test_weights_and_tolerance_make_another_score(store: LineageStore, service: Service) -> None:
    both = sides(store, lineages.late_division())
    usual = service.data(STORE, **both)["storeScore"]
    other = service.data(STORE, **both, w={"NS": 0.5}, t=0)["storeScore"]
    assert (usual["AOGM"], other["AOGM"]) == (11.0, 6.5)
    assert named(other) == {"NS": 1, "EA": 4, "MISSED_DIVISION": 1, "FALSE_DIVISION": 1}
    assert service.data(FIND, **both, w={"NS": 0.5}, t=0)["score"]["id"] == other["id"] != usual["id"]
    for wrong in ({"w": {"EA": -1.0}}, {"w": {"FN": 1e308}}, {"t": -1}, {"t": 10**6}):
        assert service.error(STORE, **both, **wrong)["extensions"]["code"] == "BAD_INPUT"


def test_any_two_trackings_of_a_movie_are_compared(store: LineageStore, service: Service) -> None:
    pair = lineages.missed_division()
    both = sides(store, pair)
    other = put(store, pair.computed, movie_of=pair.reference, author="other")
    twins = service.data(STORE, c=other.id, r=both["c"])["storeScore"]
    assert (twins["AOGM"], named(twins)) == (0.0, {})
    back = service.data(STORE, c=both["r"], r=both["c"])["storeScore"]
    assert named(back) == {"ED": 2, "FALSE_DIVISION": 1}


def test_errors_come_in_pages_by_frame(store: LineageStore, service: Service) -> None:
    both = sides(store, lineages.late_division())
    service.data(STORE, **both)
    seen: list[dict[str, Any]] = []
    after, sizes = None, []
    while True:
        page = service.data(ERRORS, **both, n=4, after=after)["score"]["errors"]
        assert [edge["node"]["id"] for edge in page["edges"]] == sorted(
            e["node"]["id"] for e in page["edges"]
        )
        assert page["edges"][-1]["cursor"] == page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        seen += page["nodes"]
        sizes.append(len(page["nodes"]))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sizes == [4, 2]
    assert [error["frame"] for error in seen] == [2, 2, 2, 3, 3, 3]
    (late,) = [error for error in seen if error["kind"] == "SHIFTED_DIVISION"]
    assert (late["shift"], late["name"]) == (1, "shifted division · frame 2 · track 1")
    (mother,) = late["reference"]
    assert (mother["frame"], mother["label"], mother["track"]) == (2, 1, {"label": 1})
    assert [place["frame"] for place in late["computed"]] == [3]


def test_errors_are_filtered(store: LineageStore, service: Service) -> None:
    both = sides(store, lineages.late_division())
    service.data(STORE, **both)
    track = service.data("query($t: ID!) { tracking(id: $t) { track(label: 2) { id } } }", t=both["r"])[
        "tracking"
    ]["track"]["id"]

    def kinds(**wanted: Any) -> list[str]:
        nodes = service.data(ERRORS, **both, **wanted)["score"]["errors"]["nodes"]
        return sorted(node["kind"] for node in nodes)

    assert kinds(k=["NS", "SHIFTED_DIVISION"]) == ["NS", "SHIFTED_DIVISION"]
    assert kinds(k=[]) == []
    assert kinds(f={"begin": 3, "end": 3}) == ["EA", "EA", "NS"]
    assert kinds(t=[track], k=["EA"]) == ["EA", "EA"]
    assert service.error(ERRORS, **both, t=["x"])["extensions"]["code"] == "NOT_FOUND"
    assert service.error(ERRORS, **both, n=0)["extensions"]["code"] == "BAD_INPUT"


def test_errors_need_a_stored_score(store: LineageStore, service: Service) -> None:
    both = sides(store, lineages.late_division())
    error = service.error(ERRORS, **both)
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert "storeScore" in error["extensions"]["remedy"]


def test_a_page_of_errors_is_a_handful_of_queries(
    store: LineageStore, service: Service, queries: list[str]
) -> None:
    both = sides(store, lineages.late_division())
    service.data(STORE, **both)
    counts = []
    for size in (1, 100):
        queries.clear()
        service.data(ERRORS, **both, n=size)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


def test_one_measure_is_asked_by_its_name(store: LineageStore, service: Service) -> None:
    both = sides(store, lineages.late_division())
    query = """query($c: ID!, $r: ID!) { score(computed: $c, reference: $r) {
      early: measure(name: "BC.0") late: measure(name: "BC.1") undefined: measure(name: "CCA") } }"""
    assert service.data(query, **both)["score"] == {"early": 0.0, "late": 1.0, "undefined": None}
    wrong = 'query($c: ID!, $r: ID!) { score(computed: $c, reference: $r) { measure(name: "BC") } }'
    assert service.error(wrong, **both)["extensions"]["code"] == "BAD_INPUT"


def test_a_stale_score_says_why(store: LineageStore, service: Service) -> None:
    pair = lineages.late_division()
    both = sides(store, pair)
    service.data(STORE, **both)
    newer = put(store, pair.reference, kind=TrackingKind.GROUND_TRUTH, author="a person", version="2")
    (reason,) = service.data(FIND, **both)["score"]["stale"]
    assert (reason["of"], reason["newerId"]) == ("reference", newer.id)
    assert "successor" in reason["reason"]
    store.delete_tracking(both["r"])
    assert service.error(FIND, **both)["extensions"]["code"] == "NOT_FOUND"


def test_a_score_is_deleted(store: LineageStore, service: Service) -> None:
    both = sides(store, lineages.late_division())
    score = service.data(STORE, **both)["storeScore"]["id"]
    delete = "mutation($s: ID!) { deleteScore(id: $s) }"
    assert service.data(delete, s=score) == {"deleteScore": score}
    assert store.scores([both["c"]]) == []
    assert service.error(delete, s=score)["extensions"]["code"] == "NOT_FOUND"


TABLE = """query($m: [ID!], $t: [String!]) { scoreTable(movies: $m, trackers: $t) {
  tracker movie TRA divisionF1 measures } }"""


def test_stored_scores_against_ground_truths_are_a_table(store: LineageStore, service: Service) -> None:
    late, merged = lineages.late_division(), lineages.merged_cells()
    one, two = sides(store, late), sides(store, merged)
    for both in (one, two, {"c": one["r"], "r": one["c"]}):
        service.data(STORE, **both)
    service.data(STORE, **one, w={"EA": 9.0})
    rows = service.data(TABLE)["scoreTable"]
    assert [(row["tracker"], row["movie"]) for row in rows] == [
        ("lap", "drawn"),
        ("lap", "drawn"),
        ("lap", "(mean)"),
        ("lap", "(pooled)"),
    ]
    assert rows[2]["TRA"] == pytest.approx((91 / 102 + 80 / 99) / 2)
    assert rows[3]["TRA"] == pytest.approx(1 - (11 + 19) / (102 + 99))
    assert rows[3]["measures"]["operations.EA"] == 4 + 6
    assert len(service.data(TABLE, m=[store.tracking(two["r"]).movie_id])["scoreTable"]) == 3
    assert service.data(TABLE, t=["nobody"])["scoreTable"] == []


def test_versions_and_runs_of_a_tracker_have_names_of_their_own(
    store: LineageStore, service: Service
) -> None:
    pair = lineages.late_division()
    both = sides(store, pair)
    again = put(store, pair.computed, movie_of=pair.reference, parameters={"reach": 9.0})
    newer = put(store, pair.computed, movie_of=pair.reference, version="2")
    for computed in (both["c"], again.id, newer.id):
        service.data(STORE, c=computed, r=both["r"])
    names = {row["tracker"] for row in service.data(TABLE)["scoreTable"]}
    assert names == {f"lap 1 {both['c']}", f"lap 1 {again.id}", "lap 2"}


def test_an_answer_holds_few_computed_scores(service: Service, tracking: TrackingRecord) -> None:
    one = 's%d: storeScore(computed: "a", reference: "b") { id }'
    error = service.error(f"mutation {{ {' '.join(one % n for n in range(6))} }}")
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert Limits().cost < 6 * 50_000
    assert service.error(f"mutation {{ {one % 1} }}")["extensions"]["code"] == "NOT_FOUND"


def test_every_kind_of_error_is_in_the_schema(service: Service) -> None:
    values = service.data('{ __type(name: "ErrorKind") { enumValues { name } } }')["__type"]["enumValues"]
    assert [value["name"] for value in values] == [kind.name for kind in ErrorKind]
