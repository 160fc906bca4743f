"""Who may do what: a token for each request, unless the service is open to its own machine."""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial, wraps
from hashlib import sha256
from hmac import compare_digest
from threading import Lock
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope
from starlette.websockets import WebSocketClose

from api.exchange import LOCAL, READING, Caller, exchange_of
from api.refusals import UnauthenticatedError, forbidden, refusal
from api.settings import LOCAL_NAMES, Settings
from api.signing import Signer
from graph.tokens import Scope, TokenRecord, Tokens
from ingest.errors import CellkinError, StoreError

REMEMBERED_S = 10.0
"""How long a token is taken to be as it was: a revoked one opens nothing after that."""
REMEMBERED = 1000
TRUSTED_S = 600.0
"""How long, beyond that, a token is trusted while the database cannot be asked: `/metrics` goes on then."""
LOOK_UPS_AT_ONCE = 4
OPEN = ("/", "/healthz", "/readyz")
"""Paths without any data; also the package's own files and GraphiQL's page."""
FORWARDED = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "via",
)
REMEDY = "send `Authorization: Bearer TOKEN`; `cellkin token create` makes one"


class Access:
    """Judges tokens and signed links.

    Args:
        tokens: those of the database.
        settings: whether the service is open to its own machine, and the administrator's token.
        signer: of the links.
    """

    def __init__(self, tokens: Tokens, settings: Settings, signer: Signer) -> None:
        self._known = _Remembered(tokens)
        self._settings = settings
        self._closed = settings.tokens_required
        self._signer = signer
        self._look_ups = CapacityLimiter(LOOK_UPS_AT_ONCE)

    async def caller(self, scope: ASGIScope) -> Caller | None:
        """Who sends a request; None for nobody in particular.

        Raises:
            UnauthenticatedError: what it presents is not valid, whether or not it needs any; or it presents
                nothing, and comes from elsewhere than from this machine.
            StoreError: the database, which knows the tokens, does not answer.
        """
        headers = Headers(scope=scope)
        if presented := headers.get("authorization"):
            return await self.bearer(presented)
        link = QueryParams(scope["query_string"]).get("token")
        if link is not None and scope.get("method") in ("GET", "HEAD") and scope["path"] != "/graphql":
            self._signer.check(scope["path"], link)
            return Caller("signed link", Scope.READ)
        if self._closed:
            return None
        reason = self._why_closed(scope, headers)
        if reason is not None and scope["type"] == "http":
            raise UnauthenticatedError(f"this needs a token: {reason}", remedy=REMEDY)
        return LOCAL if reason is None else None

    async def bearer(self, presented: str) -> Caller:
        """Who sends this `Authorization`.

        Raises:
            the same as `caller`.
        """
        kind, _, secret = presented.strip().partition(" ")
        secret = secret.strip()
        if kind.lower() != "bearer" or not secret.isascii():
            raise UnauthenticatedError("this Authorization is no bearer token", remedy=REMEDY)
        admin = self._settings.admin_token
        if admin is not None and compare_digest(secret, admin.get_secret_value()):
            return Caller("CELLKIN_ADMIN_TOKEN", Scope.ADMIN)
        record = await to_thread.run_sync(self._known.check, secret, limiter=self._look_ups)
        if record is None:
            raise UnauthenticatedError("this token is unknown, expired or revoked", remedy=REMEDY)
        return Caller(f"{record.name or 'token'} ({record.id})", record.scope)

    def _why_closed(self, scope: ASGIScope, headers: Headers) -> str | None:
        """Why a request to a service that is open to its own machine needs a token; None where it does not.

        Then it came by this machine's name, says no other page's origin, and by no proxy: none says that it
        forwards it, nor is it in HTTP/1.0, which nginx spoke by default up to 1.29.6.
        """
        if scope.get("http_version") == "1.0":
            return "it is in HTTP/1.0, as some proxies forward"
        if forwarded := next((name for name in FORWARDED if name in headers), None):
            return f"a proxy forwards it ({forwarded})"
        host = headers.get("host", "").lower()
        if headers.get("origin", f"http://{host}").partition("://")[2] != host:
            return f"a page of {headers['origin']} sends it"
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        return None if name in (*LOCAL_NAMES, self._settings.host) else f"it is for {host or 'no host'}"


class AccessControl:
    """Lets a request through when its token has the scope: `read` to look, `write` for the rest.

    GraphQL's POST needs `read`; what a query needs beyond is judged when it has been parsed
    (`api.limits.QueryLimits`). A WebSocket may say who it is in its first message.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket") or _is_open(scope):
            await self._app(scope, receive, send)
            return
        try:
            caller = exchange_of(scope).caller = await self._access.caller(scope)
            if scope["type"] == "http":
                require(caller, _needed(scope))
        except CellkinError as error:
            refused = WebSocketClose(1008) if scope["type"] == "websocket" else refusal(scope, error)
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)


def require(caller: Caller | None, needed: Scope) -> None:
    """See that a caller has a scope.

    Raises:
        UnauthenticatedError: it is nobody.
        ForbiddenError: it has less.
    """
    if caller is None:
        raise UnauthenticatedError("this needs a token", remedy=REMEDY)
    if caller.scope < needed:
        raise forbidden(needed, caller.scope)


def needs(scope: Scope) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks the endpoint of a route that needs more: `Route(path, decorated)` after `needs(Scope.ADMIN)`."""

    def decorate(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        async def guarded(request: Request) -> Any:  # noqa: ANN401 - as the endpoint has it
            require(exchange_of(request.scope).caller, scope)
            return await endpoint(request)

        return guarded if isinstance(endpoint, partial) else wraps(endpoint)(guarded)

    return decorate


def _is_open(scope: ASGIScope) -> bool:
    path = scope["path"]
    page = path in OPEN or path.startswith("/static/") or path == "/graphql"
    return bool(page and scope.get("method") in ("GET", "HEAD"))


def _needed(scope: ASGIScope) -> Scope:
    reads = scope["method"] in READING or (scope["method"] == "POST" and scope["path"] == "/graphql")
    return Scope.READ if reads else Scope.WRITE


class _Remembered:
    """Tokens as they were a moment ago, so that not every request asks the database. Knows hashes only."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._lock = Lock()
        self._found: OrderedDict[bytes, tuple[float, TokenRecord | None]] = OrderedDict()

    def check(self, secret: str) -> TokenRecord | None:
        """The valid token of this secret."""
        key = sha256(secret.encode()).digest()
        with self._lock:
            until, record = self._found.get(key, (0.0, None))
        if time.monotonic() >= until:
            try:
                record = self._tokens.check(secret)
            except StoreError:
                if record is None or time.monotonic() > until + TRUSTED_S:
                    raise
                return record if record.is_valid() else None
            with self._lock:
                self._found[key] = (time.monotonic() + REMEMBERED_S, record)
                self._found.move_to_end(key)
                while len(self._found) > REMEMBERED:
                    self._found.popitem(last=False)
        return record if record is not None and record.is_valid() else None
