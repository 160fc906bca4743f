"""What every answer says to a browser, and which pages elsewhere may ask."""

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    # GraphiQL's editor writes style elements; nothing here is loaded from another host.
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
SENT_HEADERS = (
    *("authorization", "content-type", "x-request-id"),
    *("range", "if-range", "if-match", "if-none-match"),  # downloads
    *("content-range", "repr-digest"),  # uploads
    "last-event-id",  # the events of a job
)
"""Headers that pages elsewhere may send."""
READ_HEADERS = (
    *("x-request-id", "retry-after"),
    *("etag", "accept-ranges", "content-range", "content-disposition"),
    *("upload-offset", "upload-length", "upload-complete", "upload-limit", "repr-digest"),
)
"""Headers of answers that pages elsewhere may read."""


class SecurityHeaders:
    """Adds `SECURITY_HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def cross_origin(origins: tuple[str, ...]) -> list[Middleware]:
    """Lets the pages of these origins ask, with a token as anybody else; none where there are none."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=SENT_HEADERS,
            expose_headers=READ_HEADERS,
        )
    ]
