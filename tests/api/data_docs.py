"""Runs the examples of docs/data.md against a service and puts what they print below them.

`python -m tests.api.data_docs` rewrites the page; a test says when it is old.
"""

import contextlib
import io
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from graph.connection import Connection, Credentials
from graph.jars import default_cache
from graph.pixels import PixelStore
from graph.records import TrackingKind, TrackingRecord
from graph.server import ManagedServer
from graph.store import LineageStore
from ingest.simulate import simulate
from ingest.tracking_graph import TrackingGraph
from tests.api.service import app_of, listening
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "data.md"
SHOWN_ADDRESS, SHOWN_ID, SHOWN_TAG = "http://127.0.0.1:8000", "t9a57f77092c9c61c", "3d1f0c5b7a92e8d46b0f"
BLOCK = re.compile(r"```(python|sh)\n(.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL)


def stored(store: LineageStore) -> TrackingRecord:
    """A simulated movie's ground truth, its numbers rounded, so that no processor gives others."""
    simulated = simulate(seed=1)
    movie = store.add_movie(simulated.movie)
    graph, kind = _rounded(simulated.graph), TrackingKind.GROUND_TRUTH
    return store.write_tracking(
        movie.id, graph, simulated.labels, kind=kind, author="simulation", version="", parameters={}
    )


def rewritten(page: str, address: str, tracking: str, folder: Path) -> str:
    """The page with what its examples print now.

    Args:
        page: its text.
        address: of a service.
        tracking: that it has.
        folder: where the examples may write.
    """
    names: dict[str, Any] = {}

    def run(block: re.Match[str]) -> str:
        language, text = block[1], block[2]
        code = text.replace(SHOWN_ADDRESS, address).replace(SHOWN_ID, tracking)
        printed = _python(code, names) if language == "python" else _shell(code, folder)
        printed = printed.replace(address, SHOWN_ADDRESS).replace(tracking, SHOWN_ID)
        printed = re.sub(r'(?<=")[0-9a-f]{20}(?=")', SHOWN_TAG, printed)
        return f"```{language}\n{text}```\n\n```text\n{printed.rstrip()}\n```\n"

    return BLOCK.sub(run, page)


def _python(code: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102 - the page's own examples
    return printed.getvalue()


def _shell(code: str, folder: Path) -> str:
    done = subprocess.run(["bash", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.replace("\r", "")


def _rounded(graph: TrackingGraph) -> TrackingGraph:
    cells = graph.detections
    features = {name: np.round(column, 2) for name, column in cells.features.items()}
    rounded = replace(cells, y=np.round(cells.y, 2), x=np.round(cells.x, 2), features=features)
    return replace(graph, detections=rounded)


def main() -> None:
    """Rewrite the page, with a server of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = ManagedServer(folder / "neo4j", default_cache())
        try:
            address = server.start()
            login = Credentials(address.uri, address.user, address.password)
            with LineageStore(Connection(login), PixelStore(folder / "pixels")) as store:
                tracking = stored(store)
                with listening(app_of(store, folder)) as base:
                    PAGE.write_text(rewritten(PAGE.read_text(), base, tracking.id, folder))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
