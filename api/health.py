"""Whether the service lives (`/healthz`), and whether it can answer (`/readyz`)."""

import asyncio
import time

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.refusals import refusal
from graph.deadline import Deadline, within
from graph.store import LineageStore
from ingest.errors import CellkinError, StoreError

READY_S = 2.0
"""Seconds that the database has to answer."""
REMEMBERED_S = 1.0


async def health(request: Request) -> Response:
    """The process runs."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Asks the database whether it answers with the right schema, once a second at most."""

    def __init__(self, store: LineageStore) -> None:
        self._store = store
        self._limiter = CapacityLimiter(1)
        self._until = 0.0
        self._problem: CellkinError | None = None

    async def answer(self, request: Request) -> Response:
        """200, or 503 with the reason; within 2 s."""
        if time.monotonic() >= self._until:
            self._problem = await self._ask()
            self._until = time.monotonic() + REMEMBERED_S
        if self._problem is not None:
            return refusal(request.scope, self._problem)
        return JSONResponse({"status": "ready"})

    async def _ask(self) -> CellkinError | None:
        try:
            with within(Deadline(READY_S)):
                async with asyncio.timeout(READY_S):
                    ask = self._store.require_ready
                    await to_thread.run_sync(ask, limiter=self._limiter, abandon_on_cancel=True)
        except CellkinError as error:
            return error if error.code == "STORE_UNAVAILABLE" else _silent()
        except TimeoutError:
            return _silent()
        return None


def _silent() -> StoreError:
    return StoreError(f"Neo4j does not answer within {READY_S:g} s", remedy="is it very busy, or stopped?")
