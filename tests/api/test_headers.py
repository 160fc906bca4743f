"""What pages on other origins may send and read: enough to resume uploads and downloads."""

from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.headers import cross_origin
from api.refusals import refuse
from api.upload_routes import upload_routes
from api.uploads import UploadFolder
from ingest.errors import CellkinError
from tests.api.test_uploads import LIMITS

ORIGIN = "https://lab.example.org"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """Uploads alone, open to one origin."""
    app = Starlette(
        routes=upload_routes(UploadFolder(tmp_path / "uploads", LIMITS), set),
        middleware=cross_origin((ORIGIN,)),
        exception_handlers={CellkinError: refuse},
    )
    return TestClient(app, base_url="http://localhost")


def preflight(client: TestClient, method: str, headers: str, origin: str = ORIGIN) -> int:
    """Status of what a browser asks before a page's request."""
    asked = {"access-control-request-method": method, "access-control-request-headers": headers}
    return client.options("/uploads/a", headers={"origin": origin, **asked}).status_code


def exposed(answer: httpx2.Response) -> dict[str, str]:
    """The headers that a browser shows to the page."""
    named = answer.headers["access-control-expose-headers"].split(", ")
    return {name: answer.headers[name] for name in named if name in answer.headers}


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", "authorization,content-range,content-type,repr-digest"),
        ("HEAD", "authorization"),
        ("DELETE", "authorization,x-request-id"),
        ("GET", "authorization,if-range,range"),
        ("GET", "if-match"),
        ("GET", "if-none-match"),
        ("GET", "last-event-id"),
    ],
)
def test_a_page_may_send_what_clients_send(client: TestClient, method: str, headers: str) -> None:
    assert preflight(client, method, headers) == 200
    assert preflight(client, method, headers, "https://evil.example") == 400


def test_other_headers_and_methods_are_not_asked_for(client: TestClient) -> None:
    assert preflight(client, "PUT", "content-range,x-forwarded-for") == 400
    assert preflight(client, "PATCH", "content-type") == 400


def test_a_page_can_resume_an_upload(client: TestClient, stack: bytes) -> None:
    size, headers = len(stack), {"origin": ORIGIN, "content-range": f"bytes 0-699/{len(stack)}"}
    assert client.put("/uploads/a", content=stack[:700], headers=headers).status_code == 202
    there = exposed(client.head("/uploads/a", headers={"origin": ORIGIN}))
    assert (there["upload-offset"], there["upload-length"]) == ("700", str(size))
    assert (there["upload-complete"], there["upload-limit"]) == ("?0", "max-size=9000")
    wrong = client.put(
        "/uploads/a", content=b"x", headers=headers | {"content-range": f"bytes 9-9/{len(stack)}"}
    )
    assert (wrong.status_code, exposed(wrong)["upload-offset"]) == (409, "700")
    rest = headers | {"content-range": f"bytes 700-{size - 1}/{size}"}
    done = client.put("/uploads/a", content=stack[700:], headers=rest)
    assert (done.status_code, exposed(done)["upload-complete"]) == (201, "?1")
    assert exposed(done)["repr-digest"].startswith("sha-256=:")


def test_nobody_elsewhere_may_ask_unless_origins_are_named() -> None:
    assert cross_origin(()) == []
