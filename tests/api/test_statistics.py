"""Statistics of a tracking, against numbers by hand."""

from typing import Any

import numpy as np
import pytest

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put, removing, with_feature

pytestmark = pytest.mark.neo4j


@pytest.fixture
def culture(store: LineageStore) -> TrackingRecord:
    drawing = lineages.growing()
    return put(
        store, drawing, graph=with_feature(drawing.graph, "mean_0", 1.0 * drawing.graph.detections.label)
    )


def statistics(service: Service, tracking: TrackingRecord, selection: str) -> dict[str, Any]:
    query = f"query($t: ID!) {{ tracking(id: $t) {{ statistics {{ {selection} }} }} }}"
    found: dict[str, Any] = service.data(query, t=tracking.id)["tracking"]["statistics"]
    return found


def test_counts_by_frame(service: Service, culture: TrackingRecord) -> None:
    frames = statistics(
        service, culture, "frames { frame minutes detections divisions begins losses divisionRate }"
    )["frames"]
    assert frames["frame"] == list(range(10))
    assert frames["minutes"] == [10 * frame for frame in range(10)]
    assert frames["detections"] == [1, 2, 3, 3, 3, 4, 4, 5, 4, 4]
    assert frames["divisions"] == [1, 0, 0, 1, 0, 1, 1, 0, 0, 0]
    assert frames["begins"] == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert frames["losses"] == [0, 0, 0, 0, 0, 1, 0, 1, 0, 4]
    np.testing.assert_allclose(frames["divisionRate"], [1, 0, 0, 1 / 3, 0, 1 / 4, 1 / 4, 0, 0, 0])


def test_how_often_cells_divide(service: Service, culture: TrackingRecord) -> None:
    rate = statistics(service, culture, "divisionRate { divisions cellFrames perFrame perHour }")[
        "divisionRate"
    ]
    assert (rate["divisions"], rate["cellFrames"]) == (4, 29)
    assert rate["perFrame"] == pytest.approx(4 / 29)
    assert rate["perHour"] == pytest.approx(4 / 29 * 6)


SUMMARY = "{ n mean sd min firstQuartile median thirdQuartile max }"


def test_whole_cell_cycles(service: Service, culture: TrackingRecord) -> None:
    cycles = statistics(
        service,
        culture,
        f"""cellCycles {{ track generation frames minutes summaryFrames {SUMMARY} summaryMinutes {SUMMARY}
        histogram {{ frames minutes counts }} coarse: histogram(binFrames: 2) {{ frames counts }} }}""",
    )["cellCycles"]
    assert [service.track_id(culture, label) for label in (2, 4, 5)] == cycles["track"]
    assert cycles["generation"] == [1, 2, 2]
    assert (cycles["frames"], cycles["minutes"]) == ([3, 2, 3], [30, 20, 30])
    assert cycles["histogram"] == {"frames": [2, 3], "minutes": [20, 30], "counts": [1, 2]}
    assert cycles["coarse"] == {"frames": [2], "counts": [3]}
    summary = cycles["summaryFrames"]
    assert (summary["n"], summary["min"], summary["max"], summary["median"]) == (3, 2, 3, 3)
    assert (summary["firstQuartile"], summary["thirdQuartile"]) == (2.5, 3)
    assert summary["mean"] == pytest.approx(8 / 3)
    assert summary["sd"] == pytest.approx(np.std([3, 2, 3], ddof=1))
    assert cycles["summaryMinutes"]["mean"] == pytest.approx(80 / 3)


def test_the_fraction_that_has_not_divided(service: Service, culture: TrackingRecord) -> None:
    survival = statistics(
        service,
        culture,
        """survival { cells censored frames minutes atRisk divided fraction low high
        medianFrames medianMinutes }""",
    )["survival"]
    # lives: 2 and 5 three frames and 4 two, divided; 3 nine, 6 four, 8 two, 10 and 11 three, censored
    assert (survival["cells"], survival["censored"]) == (8, 5)
    assert (survival["frames"], survival["minutes"]) == ([2, 3], [20, 30])
    assert (survival["atRisk"], survival["divided"]) == ([8, 6], [1, 2])
    np.testing.assert_allclose(survival["fraction"], [7 / 8, 7 / 8 * 4 / 6])
    assert all(
        low < s < high
        for low, s, high in zip(*(survival[n] for n in ("low", "fraction", "high")), strict=True)
    )
    assert (survival["medianFrames"], survival["medianMinutes"]) == (None, None)


PAIRS = """{ n unit one { track frames minutes whole mean } other { track frames whole mean }
  lengthCorrelation { n pearson } meanCorrelation { n pearson spearman } }"""


def test_mothers_and_daughters(service: Service, culture: TrackingRecord) -> None:
    pairs = statistics(service, culture, f'pairs(kinship: MOTHER_DAUGHTER, feature: "mean_0") {PAIRS}')[
        "pairs"
    ]
    assert pairs["n"] == 8
    assert pairs["one"]["mean"] == [1, 1, 2, 2, 4, 4, 5, 5]
    assert pairs["other"]["mean"] == [2, 3, 4, 5, 6, 8, 10, 11]
    assert pairs["one"]["frames"] == [1, 1, 3, 3, 2, 2, 3, 3]
    assert pairs["one"]["minutes"] == [10, 10, 30, 30, 20, 20, 30, 30]
    assert pairs["other"]["frames"] == [3, 9, 2, 3, 4, 2, 3, 3]
    assert pairs["one"]["whole"] == [False, False, *[True] * 6]
    assert pairs["other"]["whole"] == [True, False, True, True, False, False, False, False]
    assert pairs["lengthCorrelation"] == {"n": 2, "pearson": None}
    means = pairs["meanCorrelation"]
    assert means["n"] == 8
    assert means["pearson"] == pytest.approx(np.corrcoef(pairs["one"]["mean"], pairs["other"]["mean"])[0, 1])


def test_sisters(service: Service, culture: TrackingRecord, queries: list[str]) -> None:
    queries.clear()
    pairs = statistics(service, culture, f'pairs(kinship: SISTERS, feature: "area_um2") {PAIRS}')["pairs"]
    assert len(queries) <= 5
    assert (pairs["n"], pairs["unit"]) == (4, "µm²")
    assert pairs["one"]["mean"] == [9, 9, 6, 6]
    assert pairs["lengthCorrelation"] == {"n": 1, "pearson": None}
    assert pairs["meanCorrelation"]["pearson"] == pytest.approx(1)
    bare = statistics(service, culture, f"pairs(kinship: SISTERS) {PAIRS}")["pairs"]
    assert (bare["one"]["mean"], bare["meanCorrelation"], bare["unit"]) == (None, None, None)


def test_without_cells_nothing_is_known(store: LineageStore, service: Service) -> None:
    tracking = put(store, lineages.no_cells(), calibrated=False)
    found = statistics(
        service,
        tracking,
        f"""frames {{ detections minutes divisionRate }} divisionRate {{ perFrame perHour }}
        cellCycles {{ frames minutes histogram {{ counts }}
        summaryFrames {SUMMARY} summaryMinutes {SUMMARY} }}
        survival {{ fraction minutes medianFrames }}
        pairs(kinship: SISTERS, feature: "y") {{ n meanCorrelation {{ n pearson }} }}""",
    )
    nothing = dict.fromkeys(("mean", "sd", "min", "firstQuartile", "median", "thirdQuartile", "max"))
    assert found == {
        "frames": {"detections": [0, 0, 0], "minutes": None, "divisionRate": [None] * 3},
        "divisionRate": {"perFrame": None, "perHour": None},
        "cellCycles": {
            "frames": [],
            "minutes": None,
            "summaryFrames": {"n": 0, **nothing},
            "summaryMinutes": None,
            "histogram": {"counts": []},
        },
        "survival": {"fraction": [], "minutes": None, "medianFrames": None},
        "pairs": {"n": 0, "meanCorrelation": {"n": 0, "pearson": None}},
    }


@pytest.mark.parametrize(
    ("selection", "problem"),
    [
        ('pairs(kinship: SISTERS, feature: "mean_7") { n }', "no feature is called 'mean_7'"),
        ("cellCycles { histogram(binFrames: 0) { counts } }", "bins of 0 frames"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    service: Service, culture: TrackingRecord, selection: str, problem: str
) -> None:
    query = f"query($t: ID!) {{ tracking(id: $t) {{ statistics {{ {selection} }} }} }}"
    error = service.error(query, t=culture.id)
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert problem in error["message"]


def test_all_statistics_are_a_handful_of_queries(
    service: Service, culture: TrackingRecord, queries: list[str]
) -> None:
    queries.clear()
    statistics(
        service,
        culture,
        """frames { frame } divisionRate { perHour } cellCycles { frames } survival { fraction }
        pairs(kinship: SISTERS) { n }""",
    )
    assert len(queries) <= 10


def test_pairs_of_a_tracking_that_is_removed_meanwhile_are_a_conflict(
    service: Service, culture: TrackingRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LineageStore, "track_means", removing(culture.id, LineageStore.track_means))
    query = """query($t: ID!) { tracking(id: $t) { statistics {
      pairs(kinship: SISTERS, feature: "mean_0") { n } } } }"""
    assert service.error(query, t=culture.id)["extensions"]["code"] == "CONFLICT"
