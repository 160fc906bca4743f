"""What the tests of the store share: a database in which a plan says something."""

import pytest

from graph.connection import Connection
from graph.pixels import PixelStore
from graph.store import LineageStore
from tests.bench.lineages import FRAMES
from tests.bench.lineages import lineages as many_lineages
from tests.graph.stored import fresh_plans, put_alone, wipe


@pytest.fixture(scope="module")
def filled(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Connection:
    """A database with so much in it that looking through all of it does not pay; no plan is from before."""
    wipe(connection)
    store = LineageStore(connection, PixelStore(tmp_path_factory.mktemp("pixels")))
    put_alone(store, many_lineages(22), frames=FRAMES)
    fresh_plans(connection)
    return connection
