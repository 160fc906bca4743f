"""What the tests of the service share: a service over the test's store, and a count of its queries."""

from pathlib import Path
from typing import Any

import neo4j
import pytest

from graph.records import TrackingRecord
from graph.store import LineageStore
from tests import lineages
from tests.api.service import Service, put, service_of


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
