"""What runs under a deadline ends with it, on the server too."""

import time
from threading import Thread

import pytest
from neo4j import ManagedTransaction

from graph.connection import Connection
from graph.deadline import Deadline, TimeLimitError, current_deadline, within
from graph.transactions import end_transactions, running_transactions
from ingest.errors import StoreError

ENDLESS = "UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b RETURN sum(sqrt(a * b))"


def endless(tx: ManagedTransaction) -> None:
    tx.run(ENDLESS).consume()


def test_a_deadline_counts_from_its_beginning() -> None:
    deadline = Deadline(100.0)
    assert 99 < (deadline.left or 0) <= 100
    assert deadline.require_time(7.0) == 7.0
    deadline.allow(300.0)
    assert 299 < (deadline.left or 0) <= 300
    deadline.allow(None)
    assert deadline.left is None
    assert deadline.require_time(11.0) == 11.0
    deadline.allow(0.0)
    with pytest.raises(TimeLimitError, match="within its time, 0 s"):
        deadline.require_time(7.0)


def test_a_deadline_holds_where_it_was_set() -> None:
    assert current_deadline() is None
    with within(Deadline(5.0)) as outer, within(Deadline(3.0)) as inner:
        assert current_deadline() is inner
        assert inner.name != outer.name
    assert current_deadline() is None


@pytest.mark.neo4j
def test_a_transaction_ends_with_its_deadline(connection: Connection) -> None:
    begun = time.monotonic()
    with within(Deadline(1.0)) as deadline, pytest.raises(TimeLimitError, match="within its time, 1 s"):
        connection.read(endless)
    assert time.monotonic() - begun < 10
    assert running_transactions(connection, deadline.name) == 0
    assert connection.in_use == 0


@pytest.mark.neo4j
def test_no_transaction_begins_after_the_deadline(connection: Connection) -> None:
    with within(Deadline(0.0)), pytest.raises(TimeLimitError):
        connection.write(lambda tx: tx.run("CREATE (:Late)").consume())
    query = "MATCH (n:Late) RETURN count(n)"
    assert connection.read(lambda tx: tx.run(query).single(strict=True).value()) == 0


@pytest.mark.neo4j
def test_the_transactions_of_one_request_are_ended_and_no_others(connection: Connection) -> None:
    one, other = Deadline(60.0), Deadline(8.0)
    ended: list[str] = []

    def run(deadline: Deadline) -> None:
        with within(deadline), pytest.raises(TimeLimitError):
            connection.read(endless)
        ended.append(deadline.name)

    threads = [Thread(target=run, args=(deadline,)) for deadline in (one, other)]
    for thread in threads:
        thread.start()
    while not all(running_transactions(connection, deadline.name) for deadline in (one, other)):
        time.sleep(0.05)
    assert connection.in_use == 2
    assert end_transactions(connection, one.name) == 1
    threads[0].join(10)
    assert ended == [one.name]
    assert running_transactions(connection, other.name) == 1
    assert end_transactions(connection, other.name) == 1
    threads[1].join(10)
    assert end_transactions(connection, one.name) == 0


@pytest.mark.neo4j
def test_what_the_server_says_of_a_query_does_not_quote_it(connection: Connection) -> None:
    with pytest.raises(StoreError) as caught:
        connection.read(lambda tx: tx.run("MATCH (secret:Name) RETURM secret").consume())
    assert "Invalid input" in caught.value.problem
    assert "MATCH (secret" not in str(caught.value)
