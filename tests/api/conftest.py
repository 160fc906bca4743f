"""What the tests of the service share: a service over the test's store, and a count of its queries."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pytest
import tifffile

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put, service_of


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A TIFF stack of about 4 kB, of three frames without cells."""
    path = tmp_path_factory.mktemp("stack") / "a.tif"
    frames = np.arange(3 * 21 * 31, dtype=np.uint16).reshape(3, 21, 31)
    tifffile.imwrite(path, frames, photometric="minisblack")
    return path.read_bytes()


@pytest.fixture
def service(store: LineageStore, tmp_path: Path) -> Service:
    return service_of(store, tmp_path)


@pytest.fixture
def tracking(store: LineageStore) -> TrackingRecord:
    return put(store, lineages.generations())


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every Cypher query that is run from here on."""
    seen: list[str] = []
    run = neo4j.ManagedTransaction.run

    def counted(self: neo4j.ManagedTransaction, query: Any, *args: Any, **kwargs: Any) -> neo4j.Result:
        seen.append(query)
        return run(self, query, *args, **kwargs)

    monkeypatch.setattr(neo4j.ManagedTransaction, "run", counted)
    return seen


@pytest.fixture
def swept() -> Iterator[None]:
    """What a test leaves to the garbage collector belongs to that test."""
    yield
    gc.collect()
