"""Large answers are put together in a thread with an event loop of its own, so that others need not wait.

GraphQL's executor puts each value in its place on the loop, about 5 µs each: a quarter of a million keep it
busy for more than a second. In a thread that takes as long, but the service's loop gets its turn in between.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from anyio import CapacityLimiter, to_thread
from graphql import ExecutionResult

from api.exchange import Exchange

LARGE = 20_000
"""Cost from which on a query is executed apart; below, a thread costs more than it saves."""
AT_ONCE = 2

Execute = Callable[..., Any]


class Apart:
    """Executes large queries in threads, a few at once.

    Only queries: what changes something takes its turn at limits that belong to the service's own loop.
    """

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(AT_ONCE)

    def around(self, execute: Execute) -> Execute:
        """The same executor, which goes apart where the operation is large."""

        def chosen(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as graphql-core has it
            exchange = getattr(named.get("context_value"), "exchange", None)
            if isinstance(exchange, Exchange) and _is_large_query(exchange):
                work = partial(execute, *arguments, **named)
                return to_thread.run_sync(_in_own_loop, work, limiter=self._limiter)
            return execute(*arguments, **named)

        return chosen


def _is_large_query(exchange: Exchange) -> bool:
    return (exchange.operation or "").startswith("query") and (exchange.cost or 0) >= LARGE


def _in_own_loop(work: Callable[[], Any]) -> ExecutionResult:
    async def run() -> ExecutionResult:
        result: ExecutionResult | Awaitable[ExecutionResult] = work()
        return await result if isawaitable(result) else result

    return asyncio.run(run())
