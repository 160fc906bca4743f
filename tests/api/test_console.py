import json

import pytest

from api.console import Reporter
from api.report import Report
from ingest.errors import InputError

REPORT = Report({"tracks": 3, "TRA": None}, "a [red] title", [("tracks", "3"), ("place", "folder [red]/x")])
ERROR = InputError("label 42 has no mask", place="01_GT [1]", remedy="add it")


def test_a_script_reads_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(as_json=True)
    with reporter.bars() as bars:
        assert list(bars(range(3), "Counting")) == [0, 1, 2]
    reporter.note("for a person")
    reporter.show(REPORT)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"tracks": 3, "TRA": None}
    assert err == ""


def test_a_person_reads_names_and_values_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter(as_json=False).show(REPORT)
    out = capsys.readouterr().out
    assert "a [red] title" in out
    assert "folder [red]/x" in out


def test_a_note_shows_a_name_as_it_is_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"trees[bold]:cat:{'x' * 200}[/].png"
    Reporter(as_json=False).note(f"drawn: {name}")
    assert capsys.readouterr().out == f"drawn: {name}\n"


def test_an_error_tells_place_problem_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Reporter(as_json=False).fail(ERROR)
    assert ended.value.code == 3
    assert capsys.readouterr().err == "error 01_GT [1]: label 42 has no mask\ntry   add it\n"


def test_an_error_is_json_for_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Reporter(as_json=True).fail(ERROR)
    assert ended.value.code == 3
    assert json.loads(capsys.readouterr().err) == {
        "error": {
            "code": "BAD_INPUT",
            "problem": "label 42 has no mask",
            "place": "01_GT [1]",
            "remedy": "add it",
        }
    }


def test_bars_show_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(as_json=False).bars() as bars:
        list(bars(iter("abc"), "Segmenting", total=3))
    assert "Segmenting" in capsys.readouterr().err
