"""The service: GraphQL with GraphiQL, tables by URL and a start page, built from its arguments."""

from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.downloads import download_routes
from api.endpoint import GraphQLEndpoint, error_document
from api.limits import Limits
from api.schema import build_schema
from api.settings import Settings
from api.table_files import TableFiles
from graph.store import LineageStore
from ingest.errors import CellkinError

STATIC = Path(__file__).parent / "static"
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
HTTP_STATUS = {"NOT_FOUND": 404, "CONFLICT": 409, "STORE_UNAVAILABLE": 503}
"""Status of the error codes that have one of their own; 422 for the others."""
SECURITY_HEADERS = {
    # GraphiQL's editor writes style elements; nothing here is loaded from another host.
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def create_app(settings: Settings, store: LineageStore, limits: Limits = Limits()) -> Starlette:  # noqa: B008 - frozen
    """The service over one store, which the caller opens and closes.

    Args:
        settings: the data folder, where tables are kept, and the names that the service answers to.
        store: what is asked.
        limits: the most that one request may ask for.
    """
    tables = TableFiles(store, settings.data_folder / "tables", settings.tables_limit)
    graphql = GraphQLEndpoint(build_schema(limits), store, limits, STATIC / "graphiql.html")
    return Starlette(
        routes=[
            Route("/", partial(page, STATIC / "index.html")),
            Route("/graphql", graphql),
            *download_routes(tables),
            Route("/healthz", health),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            # A page elsewhere that points its own name at this address is not let in (DNS rebinding).
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=[*LOCAL_NAMES, settings.host, *settings.allowed_hosts],
                www_redirect=False,
            ),
        ],
        exception_handlers={CellkinError: refuse},
        max_body_size=limits.body,
    )


async def page(file: Path, request: Request) -> Response:
    """A page of the package."""
    return FileResponse(file, headers={"cache-control": "no-cache"})


async def health(request: Request) -> Response:
    """The service runs."""
    return JSONResponse({"status": "ok"})


async def refuse(request: Request, error: Exception) -> Response:
    """What a user can mend, as JSON with the code, the problem, the place and the remedy."""
    assert isinstance(error, CellkinError)
    status = HTTP_STATUS.get(error.code, 422)
    headers = {"retry-after": "5"} if status == 503 else None
    return JSONResponse({"error": error_document(error)}, status, headers)


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
