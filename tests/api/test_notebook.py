"""The notebook runs from its movie to its figure, and finds again what it says that it found."""

import base64
import os
import re
import sys
from pathlib import Path
from socket import socket
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from graph.server import ServerAddress
from graph.store import LineageStore
from tests.conftest import REPOSITORY

NOTEBOOK = REPOSITORY / "docs" / "notebooks" / "sisters.ipynb"
LIMIT_S = 1200


def printed(notebook: Any) -> str:
    """All text that its cells give."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "\n".join(output.get("text") or output.data.get("text/plain", "") for output in outputs)


def correlations(notebook: Any) -> dict[str, list[float]]:
    """Each row of its table of sisters and strangers."""
    found = re.findall(r"^(brightness|cell cycle)((?: +-?[\d.]+)+)$", printed(notebook), re.MULTILINE)
    return {name: [float(value) for value in values.split()] for name, values in found}


def pictures(notebook: Any) -> list[bytes]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [base64.b64decode(o.data["image/png"]) for o in outputs if "image/png" in o.get("data", {})]


@pytest.fixture
def committed() -> Any:
    return nbformat.read(NOTEBOOK, 4)  # type: ignore[no-untyped-call]


def test_the_committed_notebook_is_whole_and_small(committed: Any) -> None:
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert "Error" not in printed(committed)
    (picture,) = pictures(committed)
    assert picture.startswith(b"\x89PNG")
    assert NOTEBOOK.stat().st_size < 200_000
    assert set(correlations(committed)) == {"brightness", "cell cycle"}


# The kernel's client warns of the transport that it uses on loopback, and of its event loop.
@pytest.mark.filterwarnings("default")
@pytest.mark.neo4j
def test_the_notebook_finds_the_same_again(
    committed: Any,
    store: LineageStore,
    neo4j_server: ServerAddress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {
        "CELLKIN_NEO4J_URI": neo4j_server.uri,
        "CELLKIN_NEO4J_USER": neo4j_server.user,
        "CELLKIN_NEO4J_PASSWORD": neo4j_server.password,
        "CELLKIN_DATA_FOLDER": str(tmp_path / "data"),
        "CELLKIN_PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }.items():
        monkeypatch.setenv(name, value)
    before = correlations(committed)
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(committed, timeout=LIMIT_S, kernel_name="python3", resources=where).execute()
    now = correlations(committed)
    for name, values in before.items():
        assert now[name] == pytest.approx(values, abs=0.1), name
    assert len(pictures(committed)) == 1
    (tracking,) = store.trackings([movie.id for movie in store.movies()])
    assert tracking.id in printed(committed)
