"""Which names the service answers to: others are refused, with what to do about it."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as ASGIScope

from api.refusals import refusal
from ingest.errors import CellkinError

KNOWN = "cellkin.known_host"
"""Key of a request's scope that starlette has let through."""


class UnknownHostError(CellkinError):
    """A request to a name that is none of the service's."""

    code = "UNKNOWN_HOST"


class KnownHosts:
    """Lets a request through whose `Host` is one of ours, by starlette's own comparison.

    A page elsewhere that points its own name at this address is not let in (DNS rebinding).

    Args:
        app: what comes next.
        names: of hosts; `*.example.org` for all below it.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._hosts = TrustedHostMiddleware(self._known, list(names), www_redirect=False)

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""

        async def unless_refused(message: Message) -> None:
            if KNOWN in scope:
                await send(message)

        await self._hosts(scope, receive, unless_refused)
        if KNOWN not in scope:
            host = Headers(scope=scope).get("host", "")
            error = UnknownHostError(
                f"the service does not answer to the name {host[:100]!r}",
                place="Host",
                remedy="name this machine as `cellkin serve` prints it, or set CELLKIN_ALLOWED_HOSTS",
            )
            await refusal(scope, error)(scope, receive, send)

    async def _known(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        scope[KNOWN] = True
        await self._app(scope, receive, send)
