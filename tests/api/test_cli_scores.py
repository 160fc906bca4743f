"""`cellkin score` and its pictures, as a user calls them."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from graph.records import TrackingKind
from graph.store import LineageStore
from ingest.formats.ctc import write_ground_truth, write_result
from ingest.movie import LabelImages
from tests import lineages
from tests.api import service
from tests.api.test_cli import Call, cellkin, on_server
from tests.lineages import Drawing, Pair

__all__ = ["cellkin", "on_server"]  # fixtures


def written(pair: Pair, folder: Path) -> tuple[Path, Path]:
    """The folders of a pair in the challenge's form."""

    def images(drawing: Drawing) -> LabelImages:
        return LabelImages.from_array(drawing.labels)

    write_ground_truth(pair.reference.graph, images(pair.reference), folder / "01_GT")
    write_result(pair.computed.graph, images(pair.computed), folder / "01_RES")
    return folder / "01_GT", folder / "01_RES"


@pytest.fixture
def late(tmp_path: Path) -> tuple[Path, Path]:
    return written(lineages.late_division(), tmp_path)


def test_a_person_reads_measures_operations_and_divisions(cellkin: Call, late: tuple[Path, Path]) -> None:
    shown = cellkin("score", *late).out
    for text in ("0.892157", "BC           ±0 0  ±1 1", "NS 1  FN 0", "1 shifted division"):
        assert text in shown


def test_weights_and_tolerance_may_be_chosen(cellkin: Call, late: tuple[Path, Path]) -> None:
    chosen = ("--weight", "NS=0.5", "--weight", "EA=2", "--tolerance", "1", "--json")
    document = cellkin("score", *late, *chosen).document
    assert document["AOGM"] == 0.5 + 4 * 2
    assert list(document["BC"]) == ["0", "1"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("a",), 2),
        (("a", "b", "--weight", "EA"), 2),
        (("a", "b", "--weight", "XY=1"), 3),
        (("a", "b", "--weight", "EA=-1"), 3),
        (("a", "b", "--tolerance", "-1"), 3),
        (("--table", "nowhere.csv"), 3),
        (("a", "b", "--output", "scores.csv"), 2),
        (("a", "b", "--table", "pairs.csv"), 2),
        (("a", "b", "--stored"), 2),
        (("--table", "pairs.csv", "--errors", "errors.csv"), 2),
        (("--stored", "--errors", "errors.csv"), 2),
        (("--table", "pairs.csv", "--stored"), 2),
        (("--stored", "--anew"), 2),
        (("--stored", "--tolerance", "1"), 2),
    ],
)
def test_what_cannot_be_is_refused(cellkin: Call, arguments: tuple[str, ...], code: int) -> None:
    assert cellkin("score", *arguments, "--json").code == code


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_every_error_is_a_row_of_a_file(
    cellkin: Call, late: tuple[Path, Path], tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"errors{suffix}"
    assert cellkin("score", *late, "--errors", file, "--json").code == 0
    rows = pd.read_csv(file) if suffix == ".csv" else pd.read_parquet(file)
    assert sorted(rows["kind"]) == ["EA"] * 4 + ["NS", "SHIFTED_DIVISION"]
    (row,) = rows[rows["kind"] == "SHIFTED_DIVISION"].to_dict("records")
    assert (row["error"], row["frame"], row["shift"]) == ("shifted division · frame 2 · track 1", 2, 1)
    assert (row["reference_frame"], row["reference_label"], row["computed_frame"]) == (2, 1, 3)
    assert row["reference_y"] == pytest.approx(12.5)
    (split,) = rows[rows["kind"] == "NS"].to_dict("records")
    assert pd.isna(split["computed_later_label"])
    assert pd.isna(split["shift"])


@pytest.fixture
def unscored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is scored in this test."""
    for module in ("api.folders", "api.score_sides"):
        monkeypatch.setattr(f"{module}.score_folders", lambda *_: pytest.fail("scored"))


@pytest.mark.usefixtures("unscored")
@pytest.mark.parametrize(
    ("output", "problem"),
    [("folder.csv", "directory"), ("pairs.csv/x.csv", "directory"), ("/proc/x.csv", "written"), ("x.md", "")],
)
def test_a_file_for_errors_is_refused_before_anything_is_scored(
    cellkin: Call, late: tuple[Path, Path], pairs: Path, output: str, problem: str
) -> None:
    (pairs.parent / "folder.csv").mkdir()
    ended = cellkin("score", *late, "--errors", pairs.parent / output, "--json")
    assert (ended.code, ended.error["code"]) == (3, "BAD_INPUT")
    assert problem in ended.error["problem"]
    assert ended.error["place"] == str(pairs.parent / output)
    assert ended.error["remedy"]


@pytest.mark.usefixtures("unscored")
@pytest.mark.parametrize("output", ["no/such/s.csv", "folder.csv", "/proc/s.csv", "s.xlsx"])
def test_a_file_for_the_table_is_refused_before_anything_is_scored(
    cellkin: Call, pairs: Path, output: str
) -> None:
    (pairs.parent / "folder.csv").mkdir()
    before = sorted(pairs.parent.iterdir())
    ended = cellkin("score", "--table", pairs, "--output", pairs.parent / output, "--json")
    assert (ended.code, ended.error["place"]) == (3, str(pairs.parent / output))
    assert sorted(pairs.parent.iterdir()) == before


@pytest.mark.usefixtures("unscored")
def test_a_picture_of_errors_is_refused_before_anything_is_scored(
    cellkin: Call, late: tuple[Path, Path], tmp_path: Path
) -> None:
    assert cellkin("plot", "errors", *late, tmp_path / "no" / "x.png").code == 3


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    lines = ["movie,tracker,reference,computed"]
    for movie, pair in (("a", lineages.late_division()), ("b", lineages.merged_cells())):
        written(pair, tmp_path / movie)
        lines += [f"{movie},lap,{movie}/01_GT,{movie}/01_RES", f"{movie},perfect,{movie}/01_GT,{movie}/01_GT"]
    file = tmp_path / "pairs.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_is_written_and_drawn(cellkin: Call, pairs: Path, tmp_path: Path, suffix: str) -> None:
    table = tmp_path / f"scores{suffix}"
    document = cellkin("score", "--table", pairs, "--output", table, "--json").document
    assert [(row["tracker"], row["movie"]) for row in document["rows"]] == [
        *(("lap", movie) for movie in ("a", "b", "(mean)", "(pooled)")),
        *(("perfect", movie) for movie in ("a", "b", "(mean)", "(pooled)")),
    ]
    assert document["rows"][3]["TRA"] == pytest.approx(1 - 30 / 201)
    for chosen in ((), ("--measure", "TRA", "--measure", "operations.EA")):
        assert cellkin("plot", "scores", table, tmp_path / "scores.png", *chosen).code == 0
        assert (tmp_path / "scores.png").stat().st_size > 10_000
    assert cellkin("plot", "scores", table, tmp_path / "x.png", "--measure", "TRAA").code == 3
    assert cellkin("plot", "scores", table, tmp_path / "x.doc").code == 3


def test_a_table_in_markdown_is_aligned(cellkin: Call, pairs: Path, tmp_path: Path) -> None:
    assert cellkin("score", "--table", pairs, "--output", tmp_path / "scores.md").code == 0
    lines = (tmp_path / "scores.md").read_text().splitlines()
    assert len(lines) == 2 + 8
    assert len({len(line) for line in lines}) == 1
    assert lines[0].startswith("| movie    | tracker |")
    assert lines[2].split("|")[3].strip() == "0.9444"


def test_a_list_without_a_column_is_refused_with_its_line(cellkin: Call, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("movie,tracker,reference\na,b,c\n")
    ended = cellkin("score", "--table", file, "--json")
    assert (ended.code, ended.error["problem"]) == (3, "no computed")
    assert ended.error["place"].endswith("line 2")


def test_a_field_that_is_too_long_is_refused_with_its_line(cellkin: Call, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(f'movie,tracker,reference,computed\na,b,c,d\n"{"x" * 200_000}",t,a,b\n')
    ended = cellkin("score", "--table", file, "--json")
    assert (ended.code, ended.error["place"]) == (3, f"{file}, line 3")
    assert "131072" in ended.error["problem"]
    assert "quotation mark" in ended.error["remedy"]


def test_names_in_a_table_are_no_formulas(cellkin: Call, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("movie,tracker,a$x_{$\nm,b$y_{$,0.5\n")
    drawn = tmp_path / "scores.png"
    assert cellkin("plot", "scores", tmp_path / "scores.csv", drawn, "--measure", "a$x_{$").code == 0
    assert drawn.is_file()


def test_what_is_no_table_is_not_drawn(cellkin: Call, pairs: Path, tmp_path: Path) -> None:
    assert cellkin("plot", "scores", tmp_path / "nowhere.csv", tmp_path / "x.png").code == 3
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert cellkin("plot", "scores", tmp_path / "other.csv", tmp_path / "x.png").code == 3


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_trees_of_errors_are_drawn(cellkin: Call, late: tuple[Path, Path], tmp_path: Path, form: str) -> None:
    file = tmp_path / f"errors.{form}"
    assert cellkin("plot", "errors", *late, file).code == 0
    assert file.stat().st_size > 5_000


def test_a_founder_of_the_reference_may_be_chosen(
    cellkin: Call, late: tuple[Path, Path], tmp_path: Path
) -> None:
    assert cellkin("plot", "errors", *late, tmp_path / "a.png", "--founder", 1).code == 0
    assert cellkin("plot", "errors", *late, tmp_path / "b.png", "--founder", 2).code == 4


def stored_ids(store: LineageStore, pair: Pair) -> tuple[str, str]:
    truth = service.put(store, pair.reference, kind=TrackingKind.GROUND_TRUTH)
    return truth.id, service.put(store, pair.computed, movie_of=pair.reference).id


@pytest.mark.neo4j
def test_stored_trackings_are_scored_once_and_the_score_is_found_again(
    on_server: Call, store: LineageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLKIN_DATA_FOLDER", str(tmp_path))  # where the fixture keeps label images
    pair = lineages.late_division()
    truth, computed = stored_ids(store, pair)
    first = on_server("score", truth, computed, "--json").document
    again = on_server("score", truth, computed, "--json").document
    assert (first["AOGM"], first["stale"], again) == (11, [], first)
    anew = on_server("score", truth, computed, "--anew", "--json").document
    assert (anew["score"], anew["created"] > first["created"]) == (first["score"], True)
    file = tmp_path / "errors.csv"
    shown = on_server("score", truth, computed, "--errors", file).out
    assert f"{first['score']}, " in shown
    with file.open(encoding="utf-8", newline="") as lines:
        kinds = sorted(row["kind"] for row in csv.DictReader(lines))
    assert kinds == ["EA"] * 4 + ["NS", "SHIFTED_DIVISION"]
    service.put(store, pair.computed, movie_of=pair.reference, version="2")
    assert "has a successor" in on_server("score", truth, computed).out
    table = on_server("score", "--stored", "--json").document["rows"]
    assert [row["movie"] for row in table] == ["drawn", "(mean)", "(pooled)"]


@pytest.mark.neo4j
def test_a_folder_is_scored_against_a_stored_tracking(
    on_server: Call, store: LineageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLKIN_DATA_FOLDER", str(tmp_path))
    pair = lineages.late_division()
    truth, computed = stored_ids(store, pair)
    _, result = written(pair, tmp_path / "folders")
    document = on_server("score", truth, result, "--json").document
    assert document["AOGM"] == 11
    assert "score" not in document
    assert on_server("plot", "errors", truth, computed, tmp_path / "tree.png").code == 0
    assert on_server("score", truth, "t0123456789abcdef", "--json").code == 4
