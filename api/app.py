"""The service: GraphQL with GraphiQL, tables by URL and a start page, built from its arguments."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from api.access import Access, AccessControl
from api.body_limit import BodyLimit
from api.downloads import download_routes
from api.guard import Guard
from api.headers import SecurityHeaders, cross_origin
from api.health import Readiness, health
from api.job_desk import JobDesk
from api.job_events import job_routes
from api.job_follower import JobFollower
from api.known_hosts import KnownHosts
from api.lifespan import Companion, lifespan_of
from api.limits import Limits
from api.logs import service_log
from api.metrics import Metrics
from api.observe import Observe
from api.refusals import refuse, refuse_http
from api.schema import build_schema
from api.settings import LOCAL_NAMES, Settings
from api.signing import Signer
from api.table_files import TableFiles
from api.upload_routes import upload_routes
from api.uploads import UploadFolder
from api.websocket import LiveEndpoint
from graph.store import LineageStore
from ingest.errors import CellkinError

STATIC = Path(__file__).parent / "static"


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
    tables = TableFiles(store, settings.data_folder / "tables", settings.tables_limit)
    signer, metrics = Signer(settings.data_folder), Metrics(lambda: store.transactions)
    access = Access(store.tokens, settings, signer)
    uploads, follower = UploadFolder.of(settings), JobFollower(store.jobs.jobs_by_id)
    desk = JobDesk(store, uploads, follower, settings.queue)
    page_of_graphql = STATIC / "graphiql.html"
    graphql = LiveEndpoint(build_schema(limits), store, limits, page_of_graphql, access, signer, desk)
    app = Starlette(
        routes=[
            Route("/", partial(page, STATIC / "index.html")),
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            *upload_routes(uploads, store.jobs.uploads_in_use),
            *job_routes(follower),
            *download_routes(tables),
            Route("/healthz", health),
            Route("/readyz", Readiness(store).answer),
            Route("/metrics", partial(counted, metrics)),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Observe, service_log(), metrics),
            Middleware(KnownHosts, [*LOCAL_NAMES, settings.host, *settings.allowed_hosts]),
            *cross_origin(settings.allowed_origins),
            Middleware(Guard, limits, store.end_transactions),
            Middleware(AccessControl, access),
            Middleware(BodyLimit, limits.body),  # uploads have one of their own
        ],
        exception_handlers={CellkinError: refuse, HTTPException: refuse_http},
        lifespan=lifespan_of(companions),
    )
    app.state.follower = follower
    return app


async def page(file: Path, request: Request) -> Response:
    """A page of the package."""
    return FileResponse(file, headers={"cache-control": "no-cache"})


async def counted(metrics: Metrics, request: Request) -> Response:
    """What the service has counted, for Prometheus."""
    return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
