"""GraphQL over HTTP: a request in, an answer with typed errors out; GraphiQL for a browser."""

import json
from pathlib import Path
from typing import Any, NoReturn, cast

from anyio import CapacityLimiter
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.base import BaseRequestProtocol
from strawberry.schema.base import BaseSchema
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.unset import UNSET, UnsetType

from api.access import Access
from api.context import Context
from api.exchange import exchange_of
from api.job_desk import JobDesk
from api.limits import Limits
from api.refusals import answer_status, headers_for
from api.signing import Signer
from graph.store import LineageStore
from ingest.errors import CellkinError

SCORES_AT_ONCE = 1
"""A score reads all label images of two trackings, which keeps the disk and the processors busy."""


class GraphQLEndpoint(GraphQL[Context, None]):
    """Answers POST with data and GET with the page of GraphiQL.

    Args:
        schema: what can be asked.
        store: what is asked.
        limits: the most that one request may read.
        page: the HTML of GraphiQL.
        access: judges the tokens that come by WebSocket.
        signer: of links to files.
        jobs: where jobs are handed in and followed.
    """

    def __init__(
        self,
        schema: BaseSchema,
        store: LineageStore,
        limits: Limits,
        page: Path,
        access: Access,
        signer: Signer,
        jobs: JobDesk,
    ) -> None:
        super().__init__(schema, allow_queries_via_get=False)
        self._store = store
        self._jobs = jobs
        self._limits = limits
        self._page = page
        self._access = access
        self._signer = signer
        self._scoring = CapacityLimiter(SCORES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is no GraphQL request at all gets an error of the same form."""
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as error:
            exchange_of(scope).errors.append("BAD_REQUEST")
            refusal = {"message": error.reason, "extensions": {"code": "BAD_REQUEST"}}
            response = JSONResponse({"errors": [refusal]}, error.status_code)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """A fresh context, with loaders of its own."""
        exchange = exchange_of(request.scope)
        return Context(self._store, self._limits, self._scoring, exchange, self._signer, self._jobs)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Take the token of a client that can set no header: a browser sends it in its first message."""
        params = context.connection_params or {}
        presented = params.get("authorization", params.get("Authorization"))
        if context.exchange.caller is None or isinstance(presented, str):
            try:
                context.exchange.caller = await self._access.bearer(str(presented or ""))
            except CellkinError as error:
                raise ConnectionRejectionError({"code": error.code}) from error
        return cast("UnsetType", UNSET)  # nothing to say to the client

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Every GET: `?query=…` opens the query in GraphiQL and runs nothing by itself."""
        return request.method == "GET"

    async def render_graphql_ide(self, request: Request) -> Response:
        """GraphiQL, from the package."""
        return FileResponse(self._page, headers={"cache-control": "no-cache"})

    def parse_json(self, data: str | bytes) -> Any:  # noqa: ANN401 - as strawberry has it
        """One JSON object; what Python reads beyond JSON, and what it cannot read, is refused."""
        try:
            document = json.loads(data, parse_constant=_no_number)
            json.dumps(document, ensure_ascii=False).encode()
        except json.JSONDecodeError as error:
            raise HTTPException(400, f"the body is not JSON: {error}") from error
        except (ValueError, RecursionError) as error:  # 5000 digits, NaN, no Unicode; 100,000 levels
            raise HTTPException(
                422, "the body holds a number, text or nesting that is not accepted"
            ) from error
        if not isinstance(document, dict):
            raise HTTPException(422, 'the body must be one object: {"query": "{ movies { name } }"}')
        return document

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Data, and every error with its code."""
        answer = GraphQLHTTPResponse(data=result.data)
        if result.errors:
            errors = [typed_error(error) for error in result.errors]
            answer["errors"] = list[object](errors)
            exchange_of(request.scope).errors += [error["extensions"]["code"] for error in errors]
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """The answer, with status 503 and Retry-After when the store or the time did not suffice."""
        assert isinstance(response_data, dict), "lists of queries are not taken"
        errors = cast("list[dict[str, Any]]", response_data.get("errors") or [])
        codes = [error["extensions"]["code"] for error in errors]
        status, headers = answer_status(codes)
        sub_response.status_code = status
        sub_response.headers.update(headers)
        return super().create_response(response_data, sub_response)

    def encode_json(self, data: object) -> bytes:
        """JSON in UTF-8; what JSON has no number for, such as an infinite parameter, is null."""
        try:
            text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except ValueError:
            plain = json.loads(json.dumps(data), parse_constant=lambda _: None)
            text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
        return text.encode()


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)


def _retry_after(error: CellkinError) -> dict[str, int]:
    """When to ask again, seconds, of an error that passes by itself."""
    seconds = headers_for(error.code).get("retry-after")
    return {} if seconds is None else {"retryAfter": int(seconds)}


CLIENTS_FAULT = (GraphQLError, InvalidOperationTypeError)


def is_expected(error: GraphQLError) -> bool:
    """Whether it says what the client did wrong; anything else is a fault of the service and stays inside."""
    cause = error.original_error
    before_execution = error.path is None and (cause is None or isinstance(cause, CLIENTS_FAULT))
    return before_execution or isinstance(cause, CellkinError)


def typed_error(error: GraphQLError) -> dict[str, Any]:
    """An error as the client gets it: a message, a code, and where in the query."""
    cause = error.original_error
    shown: dict[str, Any] = {
        key: value for key, value in error.formatted.items() if key in ("locations", "path")
    }
    if isinstance(cause, CellkinError):
        return {
            "message": str(cause),
            **shown,
            "extensions": {**cause.as_dict(), **_retry_after(cause)},
        }
    if is_expected(error):
        return {"message": error.message, **shown, "extensions": {"code": "INVALID_QUERY"}}
    message = "the service could not answer this; its log says why"
    return {"message": message, **shown, "extensions": {"code": "INTERNAL_ERROR"}}
