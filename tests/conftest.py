"""Fixtures that all tests share: real movies, a simulated one, and one real Neo4j for the session."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from graph.class_archive import ClassArchive
from graph.connection import Connection, Credentials
from graph.jars import default_cache, install_jars
from graph.pixels import PixelStore
from graph.server import ManagedServer, ServerAddress
from graph.store import LineageStore
from ingest.culture import CultureSettings
from ingest.simulate import SimulatedMovie, SimulationSettings, simulate
from tests.graph.stored import wipe

REPOSITORY = Path(__file__).parents[1]
LONGEST = ("test_faults.py", "test_backup.py", "test_keeping.py", "test_notebook.py", "test_jobs_live.py")
"""Files that take a minute or more."""


SHORT_LIFE = "-XX:TieredStopAtLevel=1"
"""For Java: servers of tests live for seconds. They start with a third less work, and run slower later."""


def pytest_configure() -> None:
    """What the processes of tests find in their environment."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the package does; some import torch before it
    os.environ.setdefault("JDK_JAVA_OPTIONS", SHORT_LIFE)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    if workers > 1:  # threads of torch that outnumber the cores wait for each other
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that in the end no process waits for another."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real movies: `$CELLKIN_TEST_DATA`, or `../shared/data` beside the repository."""
    folder = Path(os.environ.get("CELLKIN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no real movies at {folder}: set CELLKIN_TEST_DATA to the folder that holds ctc/ and scored/"
        )
    return folder


@pytest.fixture(scope="session")
def dividing() -> SimulatedMovie:
    """16 frames of a small field, in which cells divide often."""
    culture = CultureSettings(count=9, cycle_minutes=220, mitosis_minutes=25)
    return simulate(SimulationSettings(frames=16, height_um=84, width_um=110, culture=culture), seed=7)


@pytest.fixture(scope="session")
def archived_classes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What Java keeps of Neo4j's classes in the usual cache, which a first server records as it ends.

    The processes of tests start many servers, in half the time then.
    """
    cache = default_cache()
    archive = ClassArchive(cache, install_jars(cache))
    with FileLock(Path(tempfile.gettempdir()) / "cellkin-tests.lock"):
        if not archive.exists():
            server = ManagedServer(tmp_path_factory.mktemp("first"), cache)
            try:
                server.start()
            finally:
                server.stop()


@pytest.fixture(scope="session")
def neo4j_server(archived_classes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    """A real Neo4j for the session, empty, with the jars of the usual cache (fetched where missing)."""
    server = ManagedServer(tmp_path_factory.mktemp("neo4j"), default_cache())
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def spare_server(archived_classes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedServer]:
    """Another real Neo4j for the session, the managed server of its own data folder.

    Each test starts it if it does not run, stops or kills it as it likes, and leaves it as it likes.
    """
    server = ManagedServer(tmp_path_factory.mktemp("spare") / "neo4j", default_cache())
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def connection(neo4j_server: ServerAddress) -> Iterator[Connection]:
    """A connection to the session's Neo4j."""
    credentials = Credentials(neo4j_server.uri, neo4j_server.user, neo4j_server.password)
    with Connection(credentials) as opened:
        yield opened


@pytest.fixture
def store(connection: Connection, tmp_path: Path) -> LineageStore:
    """An empty store on the session's Neo4j; label images go to the test's own folder."""
    wipe(connection)
    return LineageStore(connection, PixelStore(tmp_path / "pixels"))
