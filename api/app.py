"""The service: GraphQL with GraphiQL, tables by URL and a start page, built from its arguments."""

from functools import partial
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api.access import Access, AccessControl
from api.endpoint import GraphQLEndpoint
from api.guard import Guard
from api.headers import SecurityHeaders, cross_origin
from api.health import Readiness, health
from api.limits import Limits
from api.logs import service_log
from api.metrics import Metrics
from api.observe import Observe
from api.refusals import refuse, refuse_http
from api.schema import build_schema
from api.settings import LOCAL_NAMES, Settings
from api.signing import Signer
from api.tables import TableFiles
from graph.store import LineageStore
from ingest.errors import CellkinError

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {".parquet": "application/vnd.apache.parquet", ".csv": "text/csv; charset=utf-8"}
MAX_TABLES_AT_ONCE = 4


def create_app(settings: Settings, store: LineageStore, limits: Limits = Limits()) -> Starlette:  # noqa: B008 - frozen
    """The service over one store, which the caller opens and closes.

    Args:
        settings: the data folder, where tables are kept, and the names that the service answers to.
        store: what is asked.
        limits: the most that one request may ask for.
    """
    tables = partial(
        time_series, TableFiles(store, settings.data_folder / "tables"), CapacityLimiter(MAX_TABLES_AT_ONCE)
    )
    signer, metrics = Signer(settings.data_folder), Metrics(lambda: store.transactions)
    access = Access(store.tokens, settings, signer)
    page_of_graphql = STATIC / "graphiql.html"
    graphql = GraphQLEndpoint(build_schema(limits), store, limits, page_of_graphql, access, signer)
    return Starlette(
        routes=[
            Route("/", partial(page, STATIC / "index.html")),
            Route("/graphql", graphql),
            Route("/trackings/{tracking}/timeseries.{form}", tables),
            Route("/healthz", health),
            Route("/readyz", Readiness(store).answer),
            Route("/metrics", partial(counted, metrics)),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Observe, service_log(), metrics),
            # A page elsewhere that points its own name at this address is not let in (DNS rebinding).
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=[*LOCAL_NAMES, settings.host, *settings.allowed_hosts],
                www_redirect=False,
            ),
            *cross_origin(settings.allowed_origins),
            Middleware(Guard, limits, store.end_transactions),
            Middleware(AccessControl, access),
            Middleware(RequestBodyLimitMiddleware, limits.body),
        ],
        exception_handlers={CellkinError: refuse, HTTPException: refuse_http},
    )


async def page(file: Path, request: Request) -> Response:
    """A page of the package."""
    return FileResponse(file, headers={"cache-control": "no-cache"})


async def counted(metrics: Metrics, request: Request) -> Response:
    """What the service has counted, for Prometheus."""
    return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


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
