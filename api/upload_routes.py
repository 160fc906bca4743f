"""Uploads over HTTP: `PUT /uploads/{id}`, whole or in parts, and what is there of it.

A part is a partial PUT (RFC 9110, section 14.5): `Content-Range: bytes 1000-2999/5000`. HEAD says where to
go on, in the words of the draft on resumable uploads (draft-ietf-httpbis-resumable-upload): `Upload-Offset`,
`Upload-Length`, `Upload-Complete`. `Repr-Digest` (RFC 9530) states a checksum of the whole.
"""

import base64
import binascii
import re
import sys
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from anyio import CancelScope, fail_after, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.upload_errors import UnclearRequestError, WrongOffsetError
from api.upload_home import Upload
from api.uploads import UploadFolder, UploadWriter
from ingest.errors import ConflictError

T = TypeVar("T")
InUse = Callable[[], Collection[str]]

RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")
CHUNK = 2**20
IDLE_S = 60.0
"""A sender of which nothing has come for so long is gone; what it sent stays."""
SENDING = {"cache-control": "no-store"}


@dataclass(frozen=True)
class Span:
    """Which bytes of an upload a request brings.

    Attributes:
        offset: of the first.
        length: of all bytes of the upload, not only these; None where it is not known yet.
        end: after the last of these; None where only the end of the request tells.
        last: whether the upload ends where the request does.
    """

    offset: int
    length: int | None
    end: int | None
    last: bool


COUNTS_ITSELF = sys.maxsize


def upload_routes(uploads: UploadFolder, in_use: InUse, idle_s: float = IDLE_S) -> list[Route]:
    """The addresses of uploads.

    Args:
        uploads: where they go.
        in_use: ids of those that jobs still need; it blocks.
        idle_s: how long a sender may be silent, seconds.
    """
    one = "/uploads/{upload}"
    return [
        Route("/uploads", partial(_list, uploads), methods=["GET"]),
        Route(one, partial(_show, uploads), methods=["GET"]),
        Route(one, partial(_take, uploads, idle_s), methods=["PUT"], max_body_size=COUNTS_ITSELF),
        Route(one, partial(_delete, uploads, in_use), methods=["DELETE"]),
    ]


async def _list(uploads: UploadFolder, request: Request) -> Response:
    """All uploads."""
    found = await to_thread.run_sync(uploads.every)
    return JSONResponse({"uploads": [_document(uploads, one) for one in found]}, headers=SENDING)


async def _show(uploads: UploadFolder, request: Request) -> Response:
    """What is there of one, and where to go on."""
    found = await to_thread.run_sync(uploads.find, request.path_params["upload"])
    return _answer(uploads, found, 200)


async def _take(uploads: UploadFolder, idle_s: float, request: Request) -> Response:
    """Bytes of one: all of them, or those of a `Content-Range`."""
    span, sha256 = span_of(request), sha256_of(request)
    upload = request.path_params["upload"]
    try:
        async with _in_thread(uploads.writing(upload, span.offset, span.length)) as writer:
            await _receive(request, writer, span, idle_s)
            if span.last or writer.offset == writer.length:
                done = await _undisturbed(partial(writer.finish, sha256))
                return _answer(uploads, done, 201)
    except WrongOffsetError as error:
        headers = {**SENDING, "upload-offset": str(error.offset), "upload-complete": "?0"}
        return JSONResponse({"error": error.as_dict()}, 409, headers)
    except ClientDisconnect:
        return Response("the request broke off; what came of it is kept", 400)
    except TimeoutError:
        return Response(f"nothing came for {idle_s:g} s; what did is kept", 408, {"connection": "close"})
    return _answer(uploads, await to_thread.run_sync(uploads.find, upload), 202)


async def _delete(uploads: UploadFolder, in_use: InUse, request: Request) -> Response:
    """Remove one, unless a job needs it."""
    upload = request.path_params["upload"]
    if upload in await to_thread.run_sync(in_use):
        raise ConflictError(
            "a job that has not ended needs it",
            place=f"upload {upload}",
            remedy="wait for its end, or cancel it: { jobs(states: [QUEUED, RUNNING]) { nodes { id } } }",
        )
    await to_thread.run_sync(uploads.delete, upload)
    return Response(status_code=204)


def span_of(request: Request) -> Span:
    """Which bytes a request brings, by its headers.

    Raises:
        UnclearRequestError: they cannot be understood, or contradict each other.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnclearRequestError(
            "a content encoding", place="Content-Encoding", remedy="send the bytes of the file as they are"
        )
    size = request.headers.get("content-length")
    stated = request.headers.get("content-range")
    if stated is None:
        length = None if size is None else int(size)
        return Span(0, length, length, last=True)
    found = RANGE.fullmatch(stated)
    first, last = (int(found[1]), int(found[2])) if found else (0, -1)
    total = None if found is None or found[3] == "*" else int(found[3])
    if last < first or (total is not None and last >= total):
        raise UnclearRequestError(
            f"the range {stated[:80]!r}", place="Content-Range", remedy="write `bytes FIRST-LAST/LENGTH`"
        )
    if size is not None and int(size) != last - first + 1:
        raise UnclearRequestError(
            f"{int(size):,} bytes for the range {stated!r}",
            place="Content-Range",
            remedy="send just the bytes of the range",
        )
    return Span(first, total, last + 1, last=last + 1 == total)


def sha256_of(request: Request) -> str | None:
    """The checksum that the whole upload must have, in hex; None where the sender states none.

    Raises:
        UnclearRequestError: what is stated is no sha256.
    """
    stated = request.headers.get("repr-digest")
    if stated is None:
        return None
    found = DIGEST.search(stated)
    try:
        digest = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise UnclearRequestError(
            f"the digest {stated[:120]!r}",
            place="Repr-Digest",
            remedy="write `sha-256=:…:` with the base64 of `openssl dgst -sha256 -binary FILE`",
        )
    return digest.hex()


async def _receive(request: Request, writer: UploadWriter, span: Span, idle_s: float) -> None:
    """Write what comes, a mebibyte at a time: never more of it is in memory."""
    waiting = bytearray()
    try:
        async for chunk in _chunks(request, idle_s):
            _require_announced(span, writer.offset + len(waiting) + len(chunk))
            waiting += chunk
            if len(waiting) >= CHUNK:
                await _undisturbed(partial(writer.write, bytes(waiting)))
                waiting.clear()
    finally:
        await _undisturbed(partial(writer.write, bytes(waiting)))
    if span.end is not None and writer.offset != span.end:
        raise ClientDisconnect


def _require_announced(span: Span, offset: int) -> None:
    if span.end is not None and offset > span.end:
        raise UnclearRequestError(
            "more bytes than announced", place="Content-Range", remedy="send just the bytes of the range"
        )


async def _chunks(request: Request, idle_s: float) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        ClientDisconnect, TimeoutError: it breaks off.
    """
    stream = aiter(request.stream())
    while True:
        with fail_after(idle_s):
            try:
                chunk = await anext(stream)
            except StopAsyncIteration:
                return
        yield chunk


@asynccontextmanager
async def _in_thread(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A context manager that works on files, beside the event loop."""
    entered = await to_thread.run_sync(manager.__enter__)
    try:
        yield entered
    except BaseException as error:
        await _undisturbed(partial(manager.__exit__, type(error), error, error.__traceback__))
        raise
    await _undisturbed(partial(manager.__exit__, None, None, None))


async def _undisturbed(work: Callable[[], T]) -> T:
    """Run it to its end in a thread, even when the request is cancelled meanwhile."""
    with CancelScope(shield=True):
        result = await to_thread.run_sync(work)
    return result  # noqa: RET504 - a scope may suppress, as mypy sees it


def _answer(uploads: UploadFolder, upload: Upload, status: int) -> Response:
    headers = {
        **SENDING,
        "upload-offset": str(upload.offset),
        "upload-complete": "?1" if upload.complete else "?0",
        "upload-limit": f"max-size={uploads.limits.each}",
    }
    if upload.length is not None:
        headers["upload-length"] = str(upload.length)
    if upload.sha256 is not None:
        digest = base64.b64encode(bytes.fromhex(upload.sha256)).decode()
        headers["repr-digest"] = f"sha-256=:{digest}:"
    return JSONResponse(_document(uploads, upload), status, headers)


def _document(uploads: UploadFolder, upload: Upload) -> dict[str, object]:
    swept = datetime.fromtimestamp(upload.touched + uploads.limits.keep_s, UTC)
    return {
        "id": upload.id,
        "complete": upload.complete,
        "offset": upload.offset,
        "length": upload.length,
        "kind": None if upload.kind is None else upload.kind.name,
        "sha256": upload.sha256,
        "sweptAfter": swept.isoformat(timespec="seconds"),
    }
