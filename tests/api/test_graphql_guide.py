"""The guide to GraphQL: every query in it runs, and its answer is the one that stands there.

`CELLKIN_REWRITE_GUIDE=1` puts today's answers into the guide instead; look at what changed.
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, app_of, listening, put, with_feature
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.neo4j

GUIDE = REPOSITORY / "docs/graphql.md"
QUERY = re.compile(r"```graphql\n(.*?)```\n(?:\n```json\n.*?```\n)?", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
WIDTH = 150


@pytest.fixture
def culture(store: LineageStore) -> TrackingRecord:
    """Cells that get brighter, the odd ones faster; the tracker is less sure of the later divisions."""
    drawing = lineages.growing()
    cells = drawing.graph.detections
    brightness = 10.0 + cells.label + (1 + 3 * (cells.label % 2)) * cells.frame
    graph = with_feature(drawing.graph, "mean_0", brightness)
    later = cells.frame[graph.links[:, 1]]
    return put(store, drawing, graph=replace(graph, probability=np.where(later > 5, 0.75, 0.97)))


def rounded(answer: Any) -> Any:
    """To four digits; an id of a track, which is another in every store, to its number."""
    if isinstance(answer, dict):
        return {name: rounded(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [rounded(value) for value in answer]
    if isinstance(answer, str) and answer.isdigit():
        return str(int(answer) % 2**32)
    return float(f"{answer:.4g}") if isinstance(answer, float) else answer


def written(answer: Any, indent: int = 0) -> str:
    """JSON, in one line where it fits."""
    flat = json.dumps(answer, ensure_ascii=False)
    if len(flat) + indent <= WIDTH or not isinstance(answer, dict | list):
        return flat
    pad = " " * (indent + 2)
    if isinstance(answer, list):
        parts = [written(value, indent + 2) for value in answer]
        return "[\n" + ",\n".join(pad + part for part in parts) + "]"
    parts = [f"{json.dumps(name)}: {written(value, indent + 2)}" for name, value in answer.items()]
    return "{" + f",\n{pad[1:]}".join(parts) + "}"


def answered(text: str, service: Service, tracking: TrackingRecord) -> str:
    """The guide with the answers of a service."""

    def answer(found: re.Match[str]) -> str:
        query = found[1]
        variables = {"tracking": tracking.id} if "$tracking" in query else {}
        data = written(rounded(service.data(query, **variables)))
        return f"```graphql\n{query}```\n\n```json\n{data}\n```\n"

    return QUERY.sub(answer, text)


def test_every_query_of_the_guide_gives_the_answer_that_stands_there(
    service: Service, culture: TrackingRecord
) -> None:
    text = GUIDE.read_text()
    assert len(QUERY.findall(text)) >= 12
    today = answered(text, service, culture)
    if os.environ.get("CELLKIN_REWRITE_GUIDE"):
        GUIDE.write_text(today)
    assert text == today


def test_the_script_of_the_guide_runs(store: LineageStore, culture: TrackingRecord, tmp_path: Path) -> None:
    (script,) = PYTHON.findall(GUIDE.read_text())
    cells = [str(track.id) for track in store.tracks(culture.id, generation=2)]
    with listening(app_of(store, tmp_path)) as address:
        names: dict[str, Any] = {"cells": cells}
        exec(compile(script.replace("http://127.0.0.1:8000", address), GUIDE.name, "exec"), names)  # noqa: S102
    # cells 4 (frames 4, 5) and 5 (frames 4, 5, 6)
    assert names["mean"].to_dict() == {0: (18 + 31) / 2, 10: (19 + 35) / 2, 20: 39}
