"""What the server does at the moment for one request, and how it is ended."""

from functools import partial
from typing import LiteralString

from neo4j import ManagedTransaction

from graph.connection import Connection

# Every transaction under a deadline says whose it is; see `Connection`.
RUNNING = """
SHOW TRANSACTIONS YIELD metaData
WHERE metaData.request = $request
RETURN count(*) AS number
"""
END = """
SHOW TRANSACTIONS YIELD transactionId AS id, metaData
WHERE metaData.request = $request
TERMINATE TRANSACTIONS id YIELD transactionId AS ended
RETURN count(ended) AS number
"""


def running_transactions(connection: Connection, request: str) -> int:
    """How many transactions run for a request, by the name of its deadline."""
    return connection.read(partial(_count, RUNNING, request))


def end_transactions(connection: Connection, request: str) -> int:
    """End the transactions of a request, by the name of its deadline; how many there were."""
    return connection.read(partial(_count, END, request))


def _count(query: LiteralString, request: str, tx: ManagedTransaction) -> int:
    return int(tx.run(query, request=request).single(strict=True)["number"])
