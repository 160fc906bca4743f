"""Who gets in by WebSocket: a browser can set no header there, and says who it is in its first message."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from graph.store import LineageStore
from graph.tokens import Scope
from tests.api.service import app_of

pytestmark = pytest.mark.neo4j

PROTOCOL = ["graphql-transport-ws"]
SUBSCRIPTION = 'subscription { jobProgress(id: "j0") { state } }'


def client_of(store: LineageStore, folder: Path, auth: str) -> TestClient:
    return TestClient(app_of(store, folder, auth=auth), base_url="http://localhost")


@pytest.fixture
def closed(store: LineageStore, tmp_path: Path) -> TestClient:
    return client_of(store, tmp_path, "required")


def greeted(session: WebSocketTestSession, payload: dict[str, Any] | None) -> str:
    session.send_json({"type": "connection_init"} | ({"payload": payload} if payload is not None else {}))
    return str(said(session)["type"])


def answer(session: WebSocketTestSession, query: str) -> Any:
    session.send_json({"id": "1", "type": "subscribe", "payload": {"query": query}})
    return said(session)


def said(session: WebSocketTestSession) -> Any:
    """The next message, as text or as bytes."""
    message = session.receive()
    if message["type"] == "websocket.close":
        raise WebSocketDisconnect(message["code"])
    return json.loads(message.get("text") or message["bytes"])


def test_a_token_in_the_first_message_or_a_header_opens(closed: TestClient, store: LineageStore) -> None:
    _, secret = store.tokens.create(Scope.READ)
    bearer = f"Bearer {secret}"
    for headers, payload in (({}, {"authorization": bearer}), ({"authorization": bearer}, None)):
        with closed.websocket_connect("ws://localhost/graphql", PROTOCOL, headers=headers) as session:
            assert greeted(session, payload) == "connection_ack"
            (error,) = answer(session, SUBSCRIPTION)["payload"]["errors"]
            assert error["extensions"]["code"] == "NOT_FOUND"  # it is let in, and there is no such job


@pytest.mark.parametrize("payload", [None, {}, {"authorization": "Bearer x"}, {"authorization": 7}])
def test_without_a_token_it_is_closed(closed: TestClient, payload: dict[str, Any] | None) -> None:
    with closed.websocket_connect("ws://localhost/graphql", PROTOCOL) as session:
        with pytest.raises(WebSocketDisconnect) as ended:
            greeted(session, payload)
        assert ended.value.code == 4403


def test_a_bad_header_is_refused_before_anything_is_said(closed: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        closed.websocket_connect("ws://localhost/graphql", PROTOCOL, headers={"authorization": "Bearer x"}),
    ):
        pass


def test_on_loopback_nothing_is_asked(store: LineageStore, tmp_path: Path) -> None:
    client = client_of(store, tmp_path, "loopback-open")
    with client.websocket_connect("ws://localhost/graphql", PROTOCOL) as session:
        assert greeted(session, None) == "connection_ack"
        (error,) = answer(session, SUBSCRIPTION)["payload"]["errors"]
        assert error["extensions"]["code"] == "NOT_FOUND"


def test_a_page_elsewhere_is_refused(store: LineageStore, tmp_path: Path) -> None:
    client = client_of(store, tmp_path, "loopback-open")
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(
            "ws://localhost/graphql", PROTOCOL, headers={"origin": "https://evil.example"}
        ),
    ):
        pass
