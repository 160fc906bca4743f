"""The service: GraphQL with GraphiQL, tables by URL and a start page, built from its arguments."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.endpoint import error_document
from api.job_desk import JobDesk
from api.job_events import job_routes
from api.job_follower import JobFollower
from api.lifespan import Companion, lifespan_of
from api.limits import Limits
from api.schema import build_schema
from api.settings import Settings
from api.tables import TableFiles
from api.upload_routes import upload_routes
from api.uploads import UploadFolder
from api.websocket import LiveEndpoint
from graph.store import LineageStore
from ingest.errors import CellkinError

STATIC = Path(__file__).parent / "static"
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
MEDIA_TYPES = {".parquet": "application/vnd.apache.parquet", ".csv": "text/csv; charset=utf-8"}
HTTP_STATUS = {
    "BAD_REQUEST": 400,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "WRONG_OFFSET": 409,
    "TOO_LARGE": 413,
    "STORE_UNAVAILABLE": 503,
    "TOO_MANY_LISTENERS": 503,
    "NO_ROOM": 507,
}
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
MAX_TABLES_AT_ONCE = 4


def create_app(
    settings: Settings,
    store: LineageStore,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    companions: Sequence[Companion] = (),
) -> Starlette:
    """The service over one store, which the caller opens and closes.

    Args:
        settings: the data folder, where tables are kept, and the names that the service answers to.
        store: what is asked.
        limits: the most that one request may ask for.
        companions: what runs beside the requests, such as workers.
    """
    uploads, follower = UploadFolder.of(settings), JobFollower(store.jobs.jobs_by_id)
    desk = JobDesk(store, uploads, follower, settings.queue)
    tables = partial(
        time_series, TableFiles(store, settings.data_folder / "tables"), CapacityLimiter(MAX_TABLES_AT_ONCE)
    )
    graphql = LiveEndpoint(build_schema(limits), store, limits, STATIC / "graphiql.html", desk)
    app = Starlette(
        routes=[
            Route("/", partial(page, STATIC / "index.html")),
            Route("/graphql", graphql, max_body_size=limits.body),
            WebSocketRoute("/graphql", graphql),
            *upload_routes(uploads, store.jobs.uploads_in_use),
            *job_routes(follower),
            Route("/trackings/{tracking}/timeseries.{form}", tables),
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
        lifespan=lifespan_of(companions),
    )
    app.state.follower = follower
    return app


async def page(file: Path, request: Request) -> Response:
    """A page of the package."""
    return FileResponse(file, headers={"cache-control": "no-cache"})


async def health(request: Request) -> Response:
    """The service runs."""
    return JSONResponse({"status": "ok"})


async def time_series(files: TableFiles, at_once: CapacityLimiter, request: Request) -> Response:
    """The table of a tracking as a file, whole or by `Range`.

    Raises:
        NotFoundError: there is no such tracking.
    """
    suffix = f".{request.path_params['form']}"
    if suffix not in MEDIA_TYPES:
        raise HTTPException(404, f"no table is served as {suffix}; ask for {' or '.join(MEDIA_TYPES)}")
    tracking = request.path_params["tracking"]
    path = await to_thread.run_sync(files.path, tracking, suffix, limiter=at_once)
    response = FileResponse(
        path,
        media_type=MEDIA_TYPES[suffix],
        filename=f"{tracking}{suffix}",
        headers={"cache-control": "no-cache"},
        stat_result=path.stat(),
    )
    etag = response.headers["etag"]
    known = request.headers.get("if-none-match", "")
    return Response(status_code=304, headers={"etag": etag}) if etag in known else response


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
