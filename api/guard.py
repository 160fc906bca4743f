"""How many requests are worked on at once, and how long each may take; what is over ends in the store too."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio import CapacityLimiter, move_on_after, to_thread
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.exchange import READING, Exchange, exchange_of
from api.limits import Limits
from api.refusals import HeadTooLargeError, TooBusyError, refusal
from graph.deadline import Deadline, within
from ingest.errors import CellkinError

UNGUARDED = ("/healthz", "/readyz", "/metrics")
"""What tells of the service's state answers when it is busy, too."""
UPLOADS = "/uploads/"
ENDING_S = 5.0


class Lane:
    """Room for some requests at once; a few more wait for a while.

    Args:
        room: for so many.
        waiting: so many may wait for room.
        patience: seconds that they wait.
    """

    def __init__(self, room: int, waiting: int, patience: float) -> None:
        self._room = asyncio.Semaphore(room)
        self._may_wait = waiting
        self._patience = patience

    async def enter(self) -> Callable[[], None]:
        """Take a slot; the function that gives it back, once however often it is called.

        Raises:
            TooBusyError: there is none within the time.
        """
        if self._room.locked() and self._may_wait <= 0:
            raise _too_busy()
        self._may_wait -= 1
        try:
            async with asyncio.timeout(self._patience):
                await self._room.acquire()
        except TimeoutError:
            raise _too_busy() from None
        finally:
            self._may_wait += 1
        held = [self._room]
        return lambda: held.pop().release() if held else None


def _too_busy() -> TooBusyError:
    return TooBusyError(
        "the service works on as many requests as it may", remedy="try again after the seconds in Retry-After"
    )


class Guard:
    """Gives each request its slot and its deadline.

    The work goes on in a task of its own: its threads cannot be stopped from outside, so that a request whose
    time is over is answered without them, and keeps its slot until they are done.

    Args:
        app: what is guarded.
        limits: slots and seconds.
        end: ends what the store does under a deadline; blocks.
    """

    def __init__(self, app: ASGIApp, limits: Limits, end: Callable[[Deadline], object]) -> None:
        self._app = app
        self._limits = limits
        self._end = end
        self._ending = CapacityLimiter(2)
        self._queries = Lane(limits.at_once, limits.waiting, limits.patience)
        self._writes = Lane(limits.writes_at_once, limits.waiting, limits.patience)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when there is a slot, and its answer back while there is time."""
        if scope["type"] != "http" or scope["path"] in UNGUARDED:
            await self._app(scope, receive, send)
            return
        asks = scope["method"] in READING or scope["path"] == "/graphql"
        try:
            _check_head(scope, self._limits.head)
            leave = await (self._queries if asks else self._writes).enter()
        except CellkinError as error:
            await refusal(scope, error)(scope, receive, send)
            return
        deadline = exchange_of(scope).deadline
        deadline.allow(self._seconds(scope))
        answer = _Answer(receive, send, leave, self._limits.stalled_s)
        with within(deadline):
            work = asyncio.create_task(self._answered(scope, answer))
        self._tasks.add(work)
        work.add_done_callback(self._done(leave))
        try:
            in_time = await _in_time(work, answer, exchange_of(scope), may_drop=asks)
        except asyncio.CancelledError:
            work.cancel()
            raise
        if in_time:
            await work
            return
        over = deadline.exceeded()
        deadline.allow(0.0)  # what its threads still begin ends at once
        work.cancel()
        if not answer.gone:
            await answer.instead(scope, refusal(scope, over))
        await self._end_in_store(deadline)

    async def _answered(self, scope: Scope, answer: "_Answer") -> None:
        await self._app(scope, answer.receive, answer.send)

    def _seconds(self, scope: Scope) -> float | None:
        if scope["method"] == "PUT" and scope["path"].startswith(UPLOADS):
            return None  # however long it is: it has a time limit of its own for when nothing comes
        if scope["path"] == "/graphql":
            return self._limits.seconds
        return self._limits.file_seconds if scope["method"] in READING else self._limits.write_seconds

    def _done(self, leave: Callable[[], None]) -> Callable[[asyncio.Task[None]], Any]:
        def done(work: asyncio.Task[None]) -> None:
            leave()
            self._tasks.discard(work)
            if not work.cancelled():
                work.exception()  # seen: what comes after the answer is of no use to anybody

        return done

    async def _end_in_store(self, deadline: Deadline) -> None:
        """Have the database stop; when it does not answer, it stops by its own time limit."""
        with move_on_after(ENDING_S), suppress(Exception), within(Deadline(ENDING_S)):
            await to_thread.run_sync(self._end, deadline, limiter=self._ending, abandon_on_cancel=True)


def _check_head(scope: Scope, limit: int) -> None:
    """Refuse endless addresses and headers: what came in one piece, the server has not counted.

    Raises:
        HeadTooLargeError: there are more bytes than that.
    """
    size = len(scope.get("raw_path", b"")) + len(scope["query_string"])
    size += sum(len(name) + len(value) for name, value in scope["headers"])
    if size > limit:
        problem = f"address and headers have {size:,} bytes, the limit is {limit:,}"
        raise HeadTooLargeError(problem, remedy="send a long query in the body")


class _Answer:
    """The way in and out of one request: knows whether the answer has begun and the client is there."""

    def __init__(self, receive: Receive, send: Send, leave: Callable[[], None], stalled_s: float) -> None:
        self._receive = receive
        self._send = send
        self._leave = leave
        self._stalled_s = stalled_s
        self._replaced = False
        self.gone = False
        self.complete_body = asyncio.Event()
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            self.complete_body.set()
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; a client that takes none of it for too long has gone."""
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            self._leave()
            if not self.begun.done():
                self.begun.set_result(None)
        try:
            async with asyncio.timeout(self._stalled_s):
                await self._send(message)
        except TimeoutError:
            raise ClientDisconnect from None

    async def instead(self, scope: Scope, response: ASGIApp) -> None:
        """Send another answer, and nothing of the first one."""
        self._replaced = True
        await response(scope, self._receive, self._send)

    async def disconnected(self) -> None:
        """Return when the client has gone, after its request has been read whole."""
        await self.complete_body.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True


async def _in_time(
    work: "asyncio.Task[None]", answer: _Answer, exchange: Exchange, *, may_drop: bool
) -> bool:
    """Whether the answer begins, or the work ends, before the time is over and while the client waits.

    What changes something is done to its end, whoever waits for it; `may_drop` where it only asks.
    """
    deadline = exchange.deadline
    begun = answer.begun
    gone = asyncio.create_task(answer.disconnected())
    try:
        while not (work.done() or begun.done()):
            left = deadline.left
            dropped = gone.done() and may_drop and not (exchange.operation or "").startswith("mutation")
            if left == 0 or dropped:
                return False
            awaited: set[asyncio.Future[None]] = {work, begun} | ({gone} if not gone.done() else set())
            await asyncio.wait(awaited, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        deadline.allow(None)  # what follows is sent as fast as the client takes it
        return True
    finally:
        gone.cancel()
