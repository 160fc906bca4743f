"""What runs beside the requests of a service: begun before the first of them, ended after the last."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

Companion = Callable[[], AbstractAsyncContextManager[None]]
"""Runs while its block does."""
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def lifespan_of(companions: Sequence[Companion]) -> Lifespan:
    """A lifespan in which all of these run; the last one begun is the first one ended."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            for companion in companions:
                await running.enter_async_context(companion())
            yield

    return lifespan
