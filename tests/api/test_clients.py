"""Public clients against the running service, over real HTTP: gql, and models generated from the schema."""

import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pandas as pd
import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport
from graphql import GraphQLError

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import app_of, listening, put
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.neo4j

PAGE = """
query Tracks($id: ID!, $after: String) {
  tracking(id: $id) {
    tracks(first: 2, after: $after) {
      nodes { label generation parentId lineage { divisions { frame } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""


@pytest.fixture
def address(store: LineageStore, tmp_path: Path, tracking: TrackingRecord) -> Iterator[str]:
    with listening(app_of(store, tmp_path)) as base:
        yield base


@pytest.fixture
def client(address: str) -> Client:
    """Knows the schema by introspection, as an editor or a code generator does."""
    transport = RequestsHTTPTransport(f"{address}/graphql")
    return Client(transport=transport, fetch_schema_from_transport=True)


def pages(client: Client, tracking: str) -> Iterator[list[dict[str, Any]]]:
    after = None
    with client as session:
        while True:
            asked = GraphQLRequest(PAGE, variable_values={"id": tracking, "after": after})
            page = session.execute(asked)["tracking"]["tracks"]
            yield page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


def test_gql_pages_to_the_end(client: Client, tracking: TrackingRecord) -> None:
    found = list(pages(client, tracking.id))
    assert [len(page) for page in found] == [2, 2, 2]
    labels = [node["label"] for page in found for node in page]
    assert labels == [1, 2, 3, 7, 4, 5]
    assert found[1][1]["lineage"]["divisions"] == []


def test_gql_holds_a_query_against_the_schema_before_it_is_sent(client: Client) -> None:
    with client as session, pytest.raises(GraphQLError, match="Cannot query field 'nmae' on type 'Movie'"):
        session.execute(gql("{ movies { nmae } }"))


def test_gql_gives_errors_with_their_codes(client: Client) -> None:
    asked = GraphQLRequest(PAGE, variable_values={"id": "t0"})
    with client as session, pytest.raises(TransportQueryError) as refused:
        session.execute(asked)
    (error,) = refused.value.errors or [{}]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["extensions"]["remedy"]
    assert error["path"] == ["tracking"]


def test_gql_asks_many_things_at_once(address: str, tracking: TrackingRecord) -> None:
    query = "query($id: ID!, $label: Int!) { tracking(id: $id) { track(label: $label) { begin end } } }"

    async def ask() -> list[Any]:
        async with Client(transport=AIOHTTPTransport(f"{address}/graphql")) as session:
            return await asyncio.gather(
                *(
                    session.execute(
                        GraphQLRequest(query, variable_values={"id": tracking.id, "label": label})
                    )
                    for label in (1, 2, 3, 4, 5, 7) * 5
                )
            )

    found = [answer["tracking"]["track"] for answer in asyncio.run(ask())]
    assert [(track["begin"], track["end"]) for track in found] == [
        (0, 0),
        (1, 3),
        (1, 7),
        (4, 7),
        (4, 6),
        (2, 5),
    ] * 5


def test_every_file_that_graphql_lists_is_there(
    address: str, client: Client, store: LineageStore, tracking: TrackingRecord
) -> None:
    bare = put(store, lineages.division(), labels=False)
    query = "query($id: ID!) { tracking(id: $id) { files { kind form path } } }"
    with client as session:
        listed, few = (
            session.execute(GraphQLRequest(query, variable_values={"id": one.id}))["tracking"]["files"]
            for one in (tracking, bare)
        )
    assert len({file["path"] for file in listed}) == 5 * 3 + 1
    assert [file["kind"] for file in listed if file["form"] == "ZIP"] == ["CTC"]
    assert {file["kind"] for file in listed} - {file["kind"] for file in few} == {"CTC"}
    for file in listed:
        assert httpx2.get(f"{address}{file['path']}").status_code == 200, file
    (links,) = (file["path"] for file in listed if (file["kind"], file["form"]) == ("LINKS", "PARQUET"))
    assert len(pd.read_parquet(f"{address}{links}?kinds=DIVISION")) == tracking.division_links


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Typed models of docs/schema.graphql, from a public code generator."""
    path = tmp_path_factory.mktemp("generated") / "cellkin_models.py"
    command = [
        str(Path(sys.executable).with_name("datamodel-codegen")),
        *("--input", str(REPOSITORY / "docs" / "schema.graphql"), "--input-file-type", "graphql"),
        *("--output", str(path), "--output-model-type", "pydantic_v2.BaseModel"),
        *("--target-python-version", "3.11", "--snake-case-field"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_generated_models_take_a_real_answer(
    address: str, models: ModuleType, tracking: TrackingRecord
) -> None:
    query = """query($id: ID!) { tracking(id: $id) {
      counts { detections tracks divisions links nextLinks gapLinks divisionLinks }
      files { kind form path }
      track(label: 2) { timeSeries { track frame minutes label columns { name unit values } } }
    } }"""
    body = {"query": query, "variables": {"id": tracking.id}}
    data = httpx2.post(f"{address}/graphql", json=body).json()["data"]["tracking"]
    counts = models.Counts.model_validate(data["counts"])
    assert (counts.detections, counts.division_links) == (tracking.detections, tracking.division_links)
    files = [models.TrackingFile.model_validate(file) for file in data["files"]]
    assert files[0].kind.value == "TIMESERIES"
    series = models.TimeSeries.model_validate(data["track"]["timeSeries"])
    assert series.model_dump(by_alias=True)["frame"] == [1, 2, 3]
    assert {column.name for column in series.columns} >= {"area", "area_um2"}
    with pytest.raises(ValueError, match="detections"):
        models.Counts.model_validate({"tracks": 3})
