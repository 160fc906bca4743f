"""The process: what it bounds before the application hears of it."""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from api import report, serve
from api.settings import Settings
from graph.server import ServerAddress
from graph.store import LineageStore
from ingest.errors import InputError
from tests.api.service import app_of, listening

pytestmark = pytest.mark.neo4j


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=20) as client:
        yield client


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("127.0.0.1", "another program listens there; end that program, or choose another port: --port"),
        ("192.0.2.7", "nothing can listen there: .*; choose another address: --host and --port"),
        ("nowhere.invalid", "nothing can listen there"),
    ],
)
def test_an_address_that_is_not_to_be_had_is_told_of_before_anything_starts(host: str, problem: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"^port {port} of {host}: {problem}"):
            serve.require_free_address(Settings(host=host, port=port))
    serve.require_free_address(Settings(host="127.0.0.1", port=port))


def test_a_head_that_comes_too_slowly_is_not_waited_for(
    store: LineageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "HEADER_SECONDS", 0.5)
    with listening(app_of(store, tmp_path)) as address, connected(address) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        begun = time.monotonic()
        assert slow.recv(100) == b""
        assert time.monotonic() - begun < 5


def test_a_slow_answer_is_waited_for(
    store: LineageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(store, "movies", lambda: threading.Event().wait(1.0) or [])
    with listening(app_of(store, tmp_path)) as address, httpx2.Client(base_url=address) as client:
        for _ in range(2):
            assert client.post("/graphql", json={"query": "{ movies { id } }"}).status_code == 200
            time.sleep(0.5)


@pytest.mark.parametrize(
    "head",
    [f"GET /{'x' * 70_000} HTTP/1.1\r\nHost: localhost", f"GET / HTTP/1.1\r\nX: {'y' * 70_000}", "NONSENSE"],
)
def test_a_head_that_is_too_long_or_none_is_refused(store: LineageStore, tmp_path: Path, head: str) -> None:
    with listening(app_of(store, tmp_path)) as address, connected(address) as client:
        client.sendall(f"{head}\r\n\r\n".encode())
        assert client.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 431")


def test_beyond_this_machine_it_says_how_to_make_a_token() -> None:
    everywhere = Settings(host="0.0.0.0")  # noqa: S104
    rows = dict(report.addresses(everywhere, None, tokens=False).rows)
    assert "cellkin token create" in rows["tokens"]
    assert dict(report.addresses(everywhere, None, tokens=True).rows)["tokens"] == "required"
    with_admin = Settings(host="0.0.0.0", admin_token="a" * 32)  # noqa: S104
    assert dict(report.addresses(with_admin, None, tokens=False).rows)["tokens"] == "required"
    assert "tokens" not in dict(report.addresses(Settings(), None, tokens=False).rows)


def test_the_command_serves_beyond_loopback_with_tokens_only(
    store: LineageStore, neo4j_server: ServerAddress, tmp_path: Path
) -> None:
    environment = {
        "CELLKIN_NEO4J_URI": neo4j_server.uri,
        "CELLKIN_NEO4J_PASSWORD": neo4j_server.password,
        "CELLKIN_DATA_FOLDER": str(tmp_path),
        "CELLKIN_ADMIN_TOKEN": "0123456789abcdef" * 2,
        "CELLKIN_LOG_FORMAT": "json",
        "PATH": "",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from api.cli import main; main()",
        "serve",
        "--host",
        "0.0.0.0",  # noqa: S104
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        address = f"http://127.0.0.1:{port}"
        with httpx2.Client(transport=httpx2.HTTPTransport(retries=0), base_url=address) as client:
            until = time.monotonic() + 120
            while time.monotonic() < until:
                try:
                    client.get("/healthz")
                    break
                except httpx2.ConnectError:
                    time.sleep(0.2)
            query = {"query": "query Q { movies { id } }"}
            assert client.post("/graphql", json=query).status_code == 401
            headers = {"authorization": f"Bearer {environment['CELLKIN_ADMIN_TOKEN']}"}
            assert client.post("/graphql", json=query, headers=headers).json() == {"data": {"movies": []}}
    finally:
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert re.search(r"tokens +required\n", out)
    assert '"operation": "query Q"' in err
    assert "0123456789abcdef" not in out + err
    assert "Traceback" not in err
