"""What can go wrong on the way to a Neo4j is said with its remedy."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import pytest

from graph.connection import Connection, Credentials
from graph.server import ServerAddress
from ingest.errors import CellkinError, ConflictError, StoreError


@pytest.fixture
def credentials(neo4j_server: ServerAddress) -> Credentials:
    return Credentials(neo4j_server.uri, neo4j_server.user, neo4j_server.password)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as held:  # bound, but nobody listens
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def refused(credentials: Credentials) -> StoreError:
    with pytest.raises(StoreError) as caught:
        Connection(credentials)
    assert caught.value.place == credentials.uri
    assert credentials.password not in str(caught.value)
    return caught.value


def test_nobody_answers(closed_port: int) -> None:
    error = refused(Credentials(f"bolt://127.0.0.1:{closed_port}", "neo4j", "sesame-7"))
    assert "no Neo4j answers" in error.problem
    assert "cellkin neo4j start" in error.remedy


@pytest.mark.parametrize("uri", ["127.0.0.1:7687", "http://127.0.0.1:7687", "bolt://127.0.0.1:port", ""])
def test_what_is_no_address_of_a_neo4j(uri: str) -> None:
    assert "CELLKIN_NEO4J_URI" in refused(Credentials(uri, "neo4j", "sesame-7")).remedy


@pytest.mark.neo4j
def test_a_wrong_password(credentials: Credentials) -> None:
    error = refused(replace(credentials, password="sesame-7"))  # noqa: S106 - a wrong one
    assert "refuses user 'neo4j'" in error.problem
    assert "CELLKIN_NEO4J_PASSWORD" in error.remedy


@pytest.mark.neo4j
def test_a_wrong_database(credentials: Credentials) -> None:
    error = refused(replace(credentials, database="elsewhere"))
    assert "no database 'elsewhere'" in error.problem


@pytest.mark.neo4j
@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_any_scheme_and_the_name_of_the_database(credentials: Credentials, scheme: str) -> None:
    uri = credentials.uri.replace("bolt", scheme)
    with Connection(replace(credentials, uri=uri, database="neo4j")) as connection:
        assert connection.read(lambda tx: tx.run("RETURN 7").single(strict=True).value()) == 7


@pytest.mark.neo4j
def test_a_transaction_that_takes_too_long(credentials: Credentials) -> None:
    endless = "UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b RETURN sum(sqrt(a * b))"
    with (
        Connection(credentials, timeout_s=0.5) as connection,
        pytest.raises(StoreError, match=r"not done within its time, 0\.5 s"),
    ):
        connection.read(lambda tx: tx.run(endless).consume())


@pytest.mark.neo4j
def test_what_another_writer_has_made_unique(connection: Connection) -> None:
    connection.write(
        lambda tx: tx.run(
            "CREATE CONSTRAINT once IF NOT EXISTS FOR (o:Once) REQUIRE o.id IS UNIQUE"
        ).consume()
    )
    with pytest.raises(ConflictError, match="another writer"):
        connection.write(lambda tx: tx.run("CREATE (:Once {id: 1}), (:Once {id: 1})").consume())
    connection.write(lambda tx: tx.run("DROP CONSTRAINT once").consume())


@pytest.mark.neo4j
def test_a_failed_transaction_leaves_nothing(connection: Connection) -> None:
    def fail(tx: object) -> None:
        tx.run("CREATE (:Half)").consume()  # type: ignore[attr-defined]
        raise ValueError("our own mistake")

    with pytest.raises(ValueError, match="our own"):  # which is not dressed up as the server's
        connection.write(fail)
    query = "MATCH (h:Half) RETURN count(h)"
    assert connection.read(lambda tx: tx.run(query).single(strict=True).value()) == 0


@pytest.mark.neo4j
def test_a_reader_may_not_write(connection: Connection) -> None:
    with pytest.raises(CellkinError):
        connection.read(lambda tx: tx.run("CREATE (:Sneaked)").consume())


@pytest.mark.neo4j
def test_threads_share_a_connection(connection: Connection) -> None:
    found: list[int] = []

    def ask(number: int) -> None:
        query = "RETURN $number"
        found.append(connection.read(lambda tx: tx.run(query, number=number).single(strict=True).value()))

    threads = [Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))
