"""Many scores side by side."""

import pytest

from graph.scores.report import score
from graph.scores.table import MEAN, POOLED, Entry, Row, ScoreTable
from tests import lineages
from tests.graph.scores.drawings import matched
from tests.lineages import Pair


def filled(*entries: tuple[str, str, Pair]) -> list[Row]:
    table = ScoreTable()
    for movie, tracker, pair in entries:
        found = score(pair.reference.graph, pair.computed.graph, matched(pair), tolerance=1)
        table.add(movie, tracker, Entry.of(found))
    return table.rows()


def test_each_tracker_has_its_movies_then_its_mean_and_its_pooled_values() -> None:
    late, merged = lineages.late_division(), lineages.merged_cells()
    rows = filled(("a", "lap", late), ("a", "other", merged), ("b", "lap", merged))
    assert [(row["tracker"], row["movie"]) for row in rows] == [
        ("lap", "a"),
        ("lap", "b"),
        ("lap", MEAN),
        ("lap", POOLED),
        ("other", "a"),
        ("other", MEAN),
        ("other", POOLED),
    ]
    assert all(list(row) == list(rows[0]) for row in rows)


def test_the_mean_weighs_movies_alike_and_pooling_weighs_them_by_what_they_hold() -> None:
    *_, mean, pooled = filled(("a", "lap", lineages.late_division()), ("b", "lap", lineages.merged_cells()))
    assert mean["TRA"] == pytest.approx((91 / 102 + 80 / 99) / 2)
    assert pooled["TRA"] == pytest.approx(1 - (11 + 19) / (102 + 99))
    assert pooled["operations.EA"] == 4 + 6
    assert pooled["CT"] is None


def test_divisions_are_pooled_by_their_counts() -> None:
    late, missed = lineages.late_division(), lineages.missed_division()
    *_, pooled = filled(("a", "lap", late), ("b", "lap", missed))
    assert [pooled[f"divisions.{i}.TP"] for i in (0, 1)] == [0, 1]
    assert pooled["divisions.1.recall"] == pytest.approx(1 / 2)


def test_an_undefined_value_does_not_count_in_the_mean() -> None:
    *_, mean, _ = filled(("a", "lap", lineages.late_division()), ("b", "lap", lineages.merged_cells()))
    assert mean["BC.1"] == 1  # the other movie has no division


def test_an_empty_table_has_no_rows() -> None:
    assert ScoreTable().rows() == []
