"""Uploads over HTTP: whole, in parts, broken off, and refused."""

import base64
import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.refusals import refuse
from api.upload_routes import upload_routes
from api.uploads import UploadFolder
from ingest.errors import CellkinError
from tests.api.service import listening_to
from tests.api.test_uploads import LIMITS, names


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "uploads", LIMITS)


@pytest.fixture
def app(uploads: UploadFolder) -> Starlette:
    routes = upload_routes(uploads, lambda: {"busy"}, idle_s=0.5)
    return Starlette(routes=routes, exception_handlers={CellkinError: refuse})


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app, base_url="http://localhost")


def digest_of(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def in_parts(content: bytes) -> Iterator[bytes]:
    """Without a length: in chunks."""
    for begin in range(0, len(content), 500):
        yield content[begin : begin + 500]


def code(answer: httpx2.Response) -> str:
    error = answer.json()["error"]
    assert error["remedy"]
    return str(error["code"])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_whole_upload(client: TestClient, uploads: UploadFolder, stack: bytes, chunked: bool) -> None:
    headers = {"repr-digest": digest_of(stack)}
    sent = client.put("/uploads/a.tif", content=in_parts(stack) if chunked else stack, headers=headers)
    assert sent.status_code == 201
    shown = client.get("/uploads/a.tif").json()
    assert shown == sent.json()
    assert (shown["complete"], shown["kind"], shown["offset"]) == (True, "TIFF", len(stack))
    assert client.get("/uploads").json()["uploads"] == [shown]
    head = client.head("/uploads/a.tif").headers
    assert (head["upload-complete"], head["upload-offset"]) == ("?1", str(len(stack)))
    assert head["repr-digest"] == digest_of(stack)
    assert head["upload-limit"] == "max-size=9000"
    assert head["cache-control"] == "no-store"
    assert uploads.file("a.tif").read_bytes() == stack
    assert client.delete("/uploads/a.tif").status_code == 204
    assert client.head("/uploads/a.tif").status_code == 404


def put_range(client: TestClient, content: bytes, first: int, last: int, total: int | str) -> httpx2.Response:
    headers = {"content-range": f"bytes {first}-{last}/{total}"}
    return client.put("/uploads/a", content=content[first : last + 1], headers=headers)


def test_an_upload_in_ranges(client: TestClient, uploads: UploadFolder, stack: bytes) -> None:
    size = len(stack)
    answer = put_range(client, stack, 0, 999, "*")
    assert answer.status_code == 202
    assert (answer.headers["upload-complete"], answer.headers["upload-offset"]) == ("?0", "1000")
    assert "upload-length" not in answer.headers
    assert put_range(client, stack, 1000, 1999, size).headers["upload-length"] == str(size)
    wrong = put_range(client, stack, 1500, 2499, size)
    assert (wrong.status_code, code(wrong)) == (409, "WRONG_OFFSET")
    assert wrong.headers["upload-offset"] == "2000"
    assert put_range(client, stack, 2000, size - 1, size).status_code == 201
    assert uploads.file("a").read_bytes() == stack
    assert code(put_range(client, stack, 0, size - 1, size)) == "CONFLICT"


def test_a_range_need_not_repeat_the_length(client: TestClient, uploads: UploadFolder, stack: bytes) -> None:
    size = len(stack)
    put_range(client, stack, 0, 999, size)
    assert put_range(client, stack, 1000, 1999, "*").headers["upload-length"] == str(size)
    assert client.head("/uploads/a").headers["upload-length"] == str(size)
    assert put_range(client, stack, 2000, size - 1, "*").status_code == 201
    assert uploads.file("a").read_bytes() == stack


@pytest.mark.parametrize(
    "headers",
    [
        {"content-range": "bytes 0-999"},
        {"content-range": "bytes 5-4/9"},
        {"content-range": "bytes 0-9/9"},
        {"content-range": "bytes */9"},
        {"content-range": "lines 0-3/9"},
        {"content-range": "bytes 0-7/9"},
        {"content-encoding": "gzip"},
        {"repr-digest": "md5=:AAAA:"},
        {"repr-digest": "sha-256=:AAAA:"},
        {"repr-digest": "sha-256=:===:"},
    ],
)
def test_headers_that_make_no_sense_are_refused(
    client: TestClient, uploads: UploadFolder, headers: dict[str, str]
) -> None:
    answer = client.put("/uploads/a", content=b"nine byte", headers=headers)
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
    assert not uploads.folder.exists()


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(client: TestClient, uploads: UploadFolder, chunked: bool) -> None:
    content = b"x" * 9_001
    answer = client.put("/uploads/a", content=in_parts(content) if chunked else content)
    assert (answer.status_code, code(answer)) == (413, "TOO_LARGE")
    assert not uploads.folder.exists() or names(uploads) == []


def test_no_room(client: TestClient) -> None:
    for name in "ab":
        headers = {"content-range": "bytes 0-0/9000"}
        assert client.put(f"/uploads/{name}", content=b"x", headers=headers).status_code == 202
    answer = client.put("/uploads/c", content=b"x" * 3000)
    assert (answer.status_code, code(answer)) == (507, "NO_ROOM")


def test_refused_content_leaves_nothing(client: TestClient, uploads: UploadFolder, stack: bytes) -> None:
    for content, digest in ((b"hello", b"hello"), (stack, b"other")):
        answer = client.put("/uploads/a", content=content, headers={"repr-digest": digest_of(digest)})
        assert (answer.status_code, code(answer)) == (422, "BAD_INPUT")
    assert names(uploads) == []


def test_more_in_chunks_than_the_range_is_refused(client: TestClient, stack: bytes) -> None:
    headers = {"content-range": f"bytes 0-99/{len(stack)}"}
    answer = client.put("/uploads/a", content=in_parts(stack), headers=headers)
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


def test_more_in_a_later_part_than_its_range_leaves_what_was_there(
    client: TestClient, uploads: UploadFolder, stack: bytes
) -> None:
    size = len(stack)
    assert put_range(client, stack, 0, 999, size).status_code == 202
    headers = {"content-range": f"bytes 1000-{size - 1}/{size}"}
    answer = client.put("/uploads/a", content=in_parts(stack[1000:] + b"x"), headers=headers)
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
    assert client.head("/uploads/a").headers["upload-offset"] == "1000"
    assert put_range(client, stack, 1000, size - 1, size).status_code == 201
    assert uploads.file("a").read_bytes() == stack


def test_fewer_in_chunks_than_the_range_are_kept(client: TestClient, stack: bytes) -> None:
    headers = {"content-range": f"bytes 0-2999/{len(stack)}"}
    assert client.put("/uploads/a", content=in_parts(stack[:1300]), headers=headers).status_code == 400
    assert client.head("/uploads/a").headers["upload-offset"] == "1300"


@pytest.mark.parametrize("name", ["..%2Fa", ".a", "a%20b", "%00", "a" * 101])
def test_only_plain_names(client: TestClient, uploads: UploadFolder, name: str) -> None:
    assert client.put(f"/uploads/{name}", content=b"x").status_code in (404, 422)
    assert not uploads.folder.exists()


def test_what_a_job_needs_stays(client: TestClient, stack: bytes) -> None:
    assert client.put("/uploads/busy", content=stack).status_code == 201
    answer = client.delete("/uploads/busy")
    assert (answer.status_code, code(answer)) == (409, "CONFLICT")
    assert client.get("/uploads/busy").json()["complete"]


def offset(address: str) -> int:
    return int(httpx2.head(f"{address}/uploads/a").headers["upload-offset"])


def begun(address: str, stack: bytes) -> socket.socket:
    """A connection on which an upload has begun: 1,500 bytes of it are there."""
    host, port = address.removeprefix("http://").split(":")
    head = f"PUT /uploads/a HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(stack)}\r\n\r\n"
    connection = socket.create_connection((host, int(port)))
    connection.sendall(head.encode() + stack[:1500])
    return connection


def resume(address: str, stack: bytes) -> httpx2.Response:
    """Go on where the service says, as soon as it has noticed that the first sender is gone."""
    for _ in range(100):
        begin = offset(address)
        stated = {"content-range": f"bytes {begin}-{len(stack) - 1}/{len(stack)}"}
        answer = httpx2.put(f"{address}/uploads/a", content=stack[begin:], headers=stated)
        if answer.status_code != 409:
            break
        time.sleep(0.02)
    return answer


def test_a_sender_that_falls_silent_is_let_go(app: Starlette, stack: bytes) -> None:
    with listening_to(app) as address:
        with begun(address, stack) as connection:
            assert b" 408 " in connection.recv(1000)
        assert offset(address) == 1500
        assert resume(address, stack).json()["sha256"] == hashlib.sha256(stack).hexdigest()


def test_a_connection_that_breaks_off_keeps_what_came(app: Starlette, stack: bytes) -> None:
    with listening_to(app) as address:
        with begun(address, stack) as connection:
            while httpx2.head(f"{address}/uploads/a").status_code == 404:
                time.sleep(0.02)  # until the service takes it
            connection.sendall(stack[1500:2000])
        assert resume(address, stack).json()["sha256"] == hashlib.sha256(stack).hexdigest()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_curl_sends_and_resumes_by_itself(app: Starlette, stack: bytes, tmp_path: Path) -> None:
    file, part = tmp_path / "movie.tif", tmp_path / "part"
    file.write_bytes(stack)
    part.write_bytes(stack[:700])

    def curl(*arguments: str) -> str:
        done = subprocess.run(["curl", "-sS", "-f", *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    with listening_to(app) as address:
        assert '"complete":true' in curl("-T", str(file), f"{address}/uploads/")
        stated = f"Content-Range: bytes 0-699/{len(stack)}"
        curl("-X", "PUT", "-H", stated, "--data-binary", f"@{part}", f"{address}/uploads/a")
        assert '"complete":true' in curl("-C", str(offset(address)), "-T", str(file), f"{address}/uploads/a")
