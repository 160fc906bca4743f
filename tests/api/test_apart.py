"""Large queries leave the event loop, others and mutations stay on it; the answers are the same."""

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry

from api.apart import LARGE
from api.exchange import Exchange
from api.schema import Schema


@strawberry.type
class Query:
    @strawberry.field
    async def thread(self) -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    @strawberry.field
    def numbers(self, count: int) -> list[int]:
        return list(range(count))

    @strawberry.field
    def wrong(self) -> int:
        raise KeyError("inside")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def thread(self) -> str:
        return threading.current_thread().name


def run(query: str, operation: str, cost: int) -> Any:
    context = SimpleNamespace(exchange=Exchange("r1", operation=operation, cost=cost))
    return asyncio.run(Schema(Query, Mutation).execute(query, context_value=context))


@pytest.mark.parametrize(
    ("operation", "cost", "apart"),
    [
        ("query", LARGE, True),
        ("query Q", LARGE + 7, True),
        ("query", LARGE - 1, False),
        ("mutation", LARGE, False),
    ],
)
def test_only_a_large_query_is_executed_apart(operation: str, cost: int, apart: bool) -> None:
    found = run(f"{operation.split()[0]} {{ thread }}", operation, cost).data["thread"]
    assert (found != threading.current_thread().name) is apart


@pytest.mark.parametrize("cost", [1, LARGE])
def test_the_answer_and_its_errors_are_the_same(cost: int) -> None:
    result = run("{ numbers(count: 3) wrong }", "query", cost)
    assert result.data is None
    assert [error.path for error in result.errors] == [["wrong"]]
    assert run("{ numbers(count: 3) }", "query", cost).data == {"numbers": [0, 1, 2]}


def test_the_loop_turns_while_a_large_answer_is_put_together() -> None:
    context = SimpleNamespace(exchange=Exchange("r1", operation="query", cost=LARGE))

    async def both() -> tuple[int, float]:
        answer = asyncio.ensure_future(
            Schema(Query, Mutation).execute("{ numbers(count: 300000) }", context_value=context)
        )
        turns, begun = 0, time.perf_counter()
        while not answer.done():
            await asyncio.sleep(0.001)
            turns += 1
        assert len((await answer).data["numbers"]) == 300_000  # type: ignore[index]
        return turns, time.perf_counter() - begun

    turns, seconds = asyncio.run(both())
    assert turns > 5 * seconds
