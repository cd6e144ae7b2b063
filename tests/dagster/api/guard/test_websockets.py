"""WebSockets to Dagster."""

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from supersync_core.domain.access import Role
from tests.dagster.api.guard.conftest import OWN, Gate

PATH = "ws://127.0.0.1:3000/graphql"


def test_websockets_of_strangers_are_refused(gate: Gate, off: TestClient) -> None:
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"host": "evil.example"}):
        with pytest.raises(WebSocketDisconnect), off.websocket_connect(PATH, headers=headers):
            pass
    assert gate.reached == []


def test_a_websocket_needs_a_token(gate: Gate, on: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), on.websocket_connect(PATH):
        pass
    with on.websocket_connect(PATH, headers=gate.bearer(Role.VIEWER)) as socket:
        socket.send_json({"type": "start", "id": "1", "payload": {"query": "subscription { capturedLogs }"}})
        assert socket.receive_json() == {"type": "data"}


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "start", "id": "1", "payload": {"query": "mutation { launchRun }"}}',
        '{"type": "subscribe", "payload": {"query": "query Q {a} mutation M {wipeAssets}", "operation_name": "Q"}}',
        '{"type": "start", "payload": {"query": ["mutation { launchRun }"]}}',
        "[]",
        "nonsense",
    ],
)
def test_nothing_is_changed_over_a_websocket(gate: Gate, off: TestClient, text: str) -> None:
    with off.websocket_connect(PATH, headers=OWN) as socket:
        socket.send_text(text)
        message = socket.receive()
    assert (message["type"], message["code"]) == ("websocket.close", 1008)
    assert gate.reached == []


def test_a_socket_ends_soon_after_its_token(gate: Gate, on: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supersync_dagster.api.guard.streams.RECHECK_S", 0)
    monkeypatch.setattr("supersync_core.services.authentication.FRESH_S", 0)
    with on.websocket_connect(PATH, headers=gate.bearer(Role.VIEWER)) as socket:
        socket.send_json({"type": "start", "payload": {"query": "subscription { capturedLogs }"}})
        assert socket.receive_json() == {"type": "data"}
        gate.revoke_all()
        socket.send_json({"type": "start", "payload": {"query": "subscription { capturedLogs }"}})
        assert socket.receive() == {"type": "websocket.close", "code": 1008, "reason": "UNAUTHENTICATED"}
