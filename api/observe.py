"""Around every request: its id, one line of log, its metrics; a fault inside becomes a plain 500."""

import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from api.exchange import KEY, Exchange
from api.metrics import Metrics
from api.refusals import internal, refusal

NO_ROUTE = "(none)"
QUIET = ("/healthz", "/readyz", "/metrics")
"""Asked every few seconds by machines: not logged unless they fail."""
NO_STATUS = 499
"""The client went away before it had an answer, as nginx says it."""


class Observe:
    """Notes what becomes of each request; the outermost of all.

    Never logged: bodies, variables, tokens, what follows `?` in an address.
    """

    def __init__(self, app: ASGIApp, log: FilteringBoundLogger, metrics: Metrics) -> None:
        self._app = app
        self._log = log
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with X-Request-ID."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        exchange = scope[KEY] = Exchange.begun(Headers(scope=scope))
        status, begun = 0, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = exchange.id
            await send(message)

        with (
            structlog.contextvars.bound_contextvars(request_id=exchange.id),
            self._metrics.in_flight.track_inprogress(),
        ):
            try:
                await self._app(scope, receive, send_with_id)
            except ClientDisconnect:
                pass  # nobody is there to be told
            except Exception as error:
                self._log.error("fault", route=route_of(scope), exc_info=error)
                if status or scope["type"] == "websocket":
                    raise
                await refusal(scope, internal())(scope, receive, send_with_id)
            finally:
                self._note(scope, exchange, status, time.perf_counter() - begun)

    def _note(self, scope: Scope, exchange: Exchange, status: int, seconds: float) -> None:
        method, route = scope.get("method", "WEBSOCKET"), route_of(scope)
        if scope["type"] == "http":
            status = status or NO_STATUS
            self._metrics.count(method, route, status, seconds)
        for code in exchange.errors:
            self._metrics.count_error(code)
        if exchange.cost is not None:
            self._metrics.count_cost(exchange.cost)
        if route in QUIET and status < 400:
            return
        known = {
            "operation": exchange.operation,
            "query": exchange.query_hash,
            "cost": exchange.cost,
            "errors": ",".join(exchange.errors) or None,
        }
        self._log.log(
            40 if status >= 500 else 20,
            "request",
            method=method,
            route=route,
            path=scope.get("raw_path", b"").decode("ascii", "replace").partition("?")[0][:200],
            status=status,
            ms=round(1000 * seconds, 1),
            caller=exchange.caller.name if exchange.caller else None,
            **{name: value for name, value in known.items() if value is not None},
        )


def route_of(scope: Scope) -> str:
    """The template of the route that a request took or would have taken: `/trackings/{tracking}/…`."""
    route = scope.get("route")
    if route is None:
        fits = (r for r in scope["app"].routes if r.matches(scope)[0] is not Match.NONE)
        route = next(fits, None)
    return route.path if isinstance(route, Route | Mount) else NO_ROUTE
