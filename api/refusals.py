"""Errors as a client gets them: JSON with a code, in GraphQL's form for GraphQL, and the status that fits."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope as ASGIScope

from api.exchange import exchange_of
from graph.tokens import Scope
from ingest.errors import CellkinError, TooLargeError

HTTP_STATUS = {
    "BAD_REQUEST": 400,
    "UNKNOWN_HOST": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "WRONG_OFFSET": 409,
    "TOO_LARGE": 413,
    "HEAD_TOO_LARGE": 431,
    "INTERNAL_ERROR": 500,
    "TOO_BUSY": 503,
    "TIME_LIMIT": 503,
    "STORE_UNAVAILABLE": 503,
    "QUEUE_FULL": 503,
    "TOO_MANY_LISTENERS": 503,
    "NO_ROOM": 507,
}
"""Status of the error codes that have one of their own; 422 for the others."""
HTTP_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
IN_GRAPHQL = ("STORE_UNAVAILABLE", "TIME_LIMIT", "TOO_BUSY", "QUEUE_FULL", "UNAUTHENTICATED", "FORBIDDEN")
"""Codes that make the status of a whole GraphQL answer, the first that is there; else it is 200."""
RETRY_AFTER_S = {
    "TOO_BUSY": "2",
    "TIME_LIMIT": "10",
    "STORE_UNAVAILABLE": "5",
    "QUEUE_FULL": "60",
    "TOO_MANY_LISTENERS": "30",
}


class TooBusyError(CellkinError):
    """More requests than the service works on at once."""

    code = "TOO_BUSY"


class HeadTooLargeError(CellkinError):
    """An address or headers that are longer than any request needs."""

    code = "HEAD_TOO_LARGE"


class InvalidQueryError(CellkinError):
    """A query that cannot be run as it was sent."""

    code = "INVALID_QUERY"


class UnauthenticatedError(CellkinError):
    """A request without a valid token, where one is needed."""

    code = "UNAUTHENTICATED"


class ForbiddenError(CellkinError):
    """A token that does not allow what is asked."""

    code = "FORBIDDEN"


def forbidden(needed: Scope, has: Scope) -> ForbiddenError:
    """The error that names the scope that is missing."""
    return ForbiddenError(
        f"this needs the scope {needed}, and the token has {has}",
        remedy=f"use a token that `cellkin token create --scope {needed}` makes",
    )


def headers_for(code: str) -> dict[str, str]:
    """The headers that belong to an error."""
    if code == "UNAUTHENTICATED":
        return {"www-authenticate": 'Bearer realm="cellkin"'}
    return {"retry-after": RETRY_AFTER_S[code]} if code in RETRY_AFTER_S else {}


def answer_status(codes: Iterable[str]) -> tuple[int, dict[str, str]]:
    """Status and headers of a GraphQL answer that holds errors of these codes."""
    present = set(codes)
    deciding = next((code for code in IN_GRAPHQL if code in present), None)
    return (HTTP_STATUS[deciding], headers_for(deciding)) if deciding else (200, {})


def refusal(scope: ASGIScope, error: CellkinError) -> Response:
    """The answer to a request that was refused, in the form that its path has."""
    exchange_of(scope).errors.append(error.code)
    status, document = HTTP_STATUS.get(error.code, 422), error.as_dict()
    body: Mapping[str, Any] = {"error": document}
    if scope["path"] == "/graphql":
        body = {"data": None, "errors": [{"message": str(error), "extensions": document}]}
    return JSONResponse(body, status, headers_for(error.code))


async def refuse(request: Request, error: Exception) -> Response:
    """What a user can mend: the application's handler of `CellkinError`."""
    assert isinstance(error, CellkinError)
    return refusal(request.scope, error)


def too_large(scope: ASGIScope) -> Response:
    """The answer to a body that is larger than starlette's limit for it."""
    error = TooLargeError(
        f"a body of more than {scope[MAX_BODY_SIZE_SCOPE_KEY]:,} bytes",
        place=scope["path"][:200],
        remedy="send less, or a file by PUT /uploads/{id}",
    )
    return refusal(scope, error)


async def refuse_http(request: Request, error: Exception) -> Response:
    """What no route takes, as JSON like all errors."""
    assert isinstance(error, HTTPException)
    if error.status_code == 413:
        return too_large(request.scope)
    code = HTTP_CODES.get(error.status_code, "BAD_REQUEST")
    exchange_of(request.scope).errors.append(code)
    remedy = "the page / names what there is" if error.status_code == 404 else ""
    document = {"code": code, "problem": error.detail, "place": request.url.path[:200], "remedy": remedy}
    body: Mapping[str, Any] = {"error": document}
    if request.url.path == "/graphql":
        body = {"data": None, "errors": [{"message": error.detail, "extensions": document}]}
    return JSONResponse(body, error.status_code, error.headers)


class InternalError(CellkinError):
    """A fault of the service, of which the client gets no more than that."""

    code = "INTERNAL_ERROR"


def internal() -> InternalError:
    """What a client is told of a fault inside."""
    return InternalError("the service could not answer this", remedy="its log says why, by X-Request-ID")
