"""How the loops in C come to be compiled, and what becomes of it where they cannot be."""

import shutil
import subprocess
import sys
import zipfile
from ctypes import CDLL
from pathlib import Path

import pytest

from ingest import compile_loops
from ingest.compile_loops import COMPILERS, library_path
from tests.conftest import REPOSITORY

needs_compiler = pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C compiler")


@needs_compiler
def test_a_wheel_has_the_loops_and_names_its_platform(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith("cellkin-")
    assert "-py3-none-any" not in wheel.name
    with zipfile.ZipFile(wheel) as packed:
        assert [name for name in packed.namelist() if "_loops-" in name] == [f"ingest/{library_path().name}"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source alone, in a folder of its own."""
    source = Path(shutil.copy(compile_loops.SOURCE, tmp_path))
    monkeypatch.setattr(compile_loops, "SOURCE", source)
    return tmp_path


@needs_compiler
def test_a_library_that_does_not_load_is_made_anew(elsewhere: Path) -> None:
    library_path().write_bytes(b"of another system")
    assert compile_loops.compile_loops() == library_path()
    CDLL(str(library_path()))


@needs_compiler
def test_what_was_compiled_from_another_source_is_removed_and_never_loaded(elsewhere: Path) -> None:
    former = compile_loops.compile_loops()
    assert former == library_path()
    assert former.exists()
    with (elsewhere / "loops.c").open("a") as source:
        source.write("/* another one */\n")
    assert library_path() != former
    made = compile_loops.compile_loops()
    assert sorted(elsewhere.iterdir()) == sorted([elsewhere / "loops.c", library_path()])
    assert made == library_path()


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        ("", "there is no C compiler"),
        ("no-such-compiler", "No such file"),
        ("cc 'unended", "No closing quotation"),
        (f"{sys.executable} -c 'raise SystemExit(1)'", "non-zero exit status 1"),
        (f"{sys.executable} -c 'raise SystemExit(\"too old\")'", "too old"),
    ],
)
def test_without_a_compiler_it_says_so_and_goes_on(
    compiler: str,
    reason: str,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setenv("PATH", str(elsewhere))
    assert compile_loops.compile_loops() is None
    assert [path.name for path in elsewhere.iterdir()] == ["loops.c"]
    said = capsys.readouterr().err
    assert "are not compiled, so tracking is slower" in said
    assert reason in said


MEASURED_ELSEWHERE = """
from pathlib import Path
import numpy as np
from ingest import compile_loops
compile_loops.SOURCE = Path({elsewhere!r})
from ingest.loops import compiled
from ingest.measure import measure_frame
assert compiled() is None
labels = np.array([[1, 1, 0], [0, 2, 2]])
print(measure_frame(labels, np.array([[[3, 5, 0], [0, 7, 8]]]))[1]["mean_0"].tolist())
"""


def test_where_nothing_was_compiled_numpy_does_the_work() -> None:
    script = MEASURED_ELSEWHERE.format(elsewhere=__file__)
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "[4.0, 7.5]\n"
