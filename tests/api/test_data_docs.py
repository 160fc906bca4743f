"""The examples of docs/data.md print what the page says that they print."""

import shutil
from pathlib import Path

import pytest

from api.table_query import OPTIONS, TableQuery
from api.tables import Source, TableKind, open_table
from graph.store import LineageStore
from tests.api.data_docs import PAGE, rewritten, stored
from tests.api.service import app_of, listening


@pytest.mark.neo4j
def test_the_examples_print_what_the_page_says(store: LineageStore, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the page's examples call curl, which is not installed")
    tracking = stored(store)
    page = PAGE.read_text()
    with listening(app_of(store, tmp_path)) as address:
        now = rewritten(page, address, tracking.id, tmp_path)
    assert now.splitlines() == page.splitlines(), "old: run `python -m tests.api.data_docs`"


def test_the_page_names_every_table_and_every_parameter() -> None:
    page = PAGE.read_text()
    for kind in TableKind:
        assert f"`/trackings/{{id}}/{kind}`" in page
    for option in OPTIONS:
        assert f"`{option}`" in page


@pytest.mark.neo4j
def test_the_page_names_every_column_that_is_not_measured(store: LineageStore) -> None:
    tracking = stored(store)
    ends = [f"{end}_{what}" for end in ("earlier", "later") for what in ("frame", "label", "track")]
    lines = PAGE.read_text().splitlines()
    source = Source(store, tracking, store.movie(tracking.movie_id), TableQuery(features=()))
    for kind in TableKind:
        (line,) = (line for line in lines if line.startswith(f"| `/trackings/{{id}}/{kind}` |"))
        named = [name for name in open_table(source, kind).schema.names if name not in ends]
        assert [name for name in named if f"`{name}`" not in line] == [], kind
