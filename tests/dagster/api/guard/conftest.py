"""A small application behind the guard, over a real ledger."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from starlette.responses import StreamingResponse
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient

from supersync_core.clock import utcnow
from supersync_core.domain.access import Identity, Role
from supersync_core.ledger.database import Ledger
from supersync_core.services.audit import AuditFilter, Caller, list_audit
from supersync_core.services.settings import Settings
from supersync_core.services.tokens import create_token, list_tokens, revoke_token
from supersync_dagster.api import audit, session
from supersync_dagster.api.app import ApiContext, new_app
from supersync_dagster.api.auth import anyone, csrf_token, require
from supersync_dagster.api.guard import wrap

ADMIN = Caller(Identity("me", Role.ADMIN, "cli"))
OWN = {"origin": "http://127.0.0.1:3000"}
"""What a browser says of our own pages."""

JSON = {"content-type": "application/json"}
MUTATION = {"query": "mutation Go { launchRun(executionParams: {}) { __typename } }"}
WIPE = {"query": "mutation { wipeAssets(assetPartitionRanges: []) { __typename } }"}

inner = APIRouter()
seen: list[dict[str, Any]] = []


@inner.get("/health", dependencies=[Depends(anyone)])
def health() -> dict[str, str]:
    return {"status": "healthy"}


@inner.get("/who", dependencies=[Depends(require(Role.VIEWER))])
def who(request: Request) -> dict[str, str]:
    identity = request.scope["supersync.identity"]
    return {"name": identity.name, "role": identity.role.word, "via": identity.via, "csrf": csrf_token(request)}


@inner.post("/change", dependencies=[Depends(require(Role.OPERATOR))])
async def change(request: Request) -> dict[str, int]:
    seen.append({"path": "/change"})
    return {"bytes": len(await request.body())}


@inner.post("/audited", dependencies=[Depends(require(Role.OPERATOR))])
def audited(write: audit.AuditDep, fail: bool = False) -> dict[str, bool]:
    write("thing.change", "orders")
    if fail:
        raise ZeroDivisionError
    return {"done": True}


@inner.post("/supersync/pipelines/orders/trigger", dependencies=[Depends(require(Role.OPERATOR))])
def page_action() -> dict[str, bool]:
    seen.append({"path": "/supersync/pipelines/orders/trigger"})
    return {"done": True}


@inner.api_route("/graphql", methods=["GET", "POST"])
@inner.api_route("/dagster/graphql", methods=["GET", "POST"])
async def graphql(request: Request) -> dict[str, Any]:
    """As Dagster reads it."""
    kind = request.headers.get("content-type", "")
    data = await request.json() if "application/json" in kind and request.method == "POST" else request.query_params
    seen.append({"query": data.get("query")})
    return {"data": None}


async def subscriptions(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="graphql-ws")
    async for text in websocket.iter_text():
        seen.append({"frame": json.loads(text)})
        await websocket.send_json({"type": "data"})


@inner.post("/report_asset_materialization/{key:path}")
def report(key: str) -> dict[str, str]:
    seen.append({"report": key})
    return {"reported": key}


@inner.get("/stream", dependencies=[Depends(require(Role.VIEWER))])
def stream() -> StreamingResponse:
    def events() -> Iterator[str]:
        for number in range(1000):
            stream_tick()
            yield f"data: {number}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


def stream_tick() -> None:
    """What happens between two events."""


@inner.get("/page")
def page() -> dict[str, str]:
    return {}


@dataclass
class Gate:
    """The guarded application, what reached it, and the ledger behind it."""

    ledger: Ledger
    clock: "Ticking"
    open: Callable[..., TestClient]
    tokens: dict[Role, str] = field(default_factory=dict)

    def make_token(self, role: Role, lifetime: timedelta = timedelta(days=1)) -> str:
        """A new token of the ledger."""
        with self.ledger.begin() as session:
            return create_token(session, role.word, role, lifetime=lifetime, caller=ADMIN, at=self.clock())[1].text

    def bearer(self, role: Role) -> dict[str, str]:
        """The header of a token of that role, made at first use."""
        if role not in self.tokens:
            self.tokens[role] = self.make_token(role)
        return {"authorization": f"Bearer {self.tokens[role]}"}

    def revoke_all(self) -> None:
        """End every token."""
        with self.ledger.begin() as session:
            for token in list_tokens(session):
                revoke_token(session, token.id, caller=ADMIN, at=self.clock())

    @property
    def reached(self) -> list[dict[str, Any]]:
        """What came through to the application."""
        return seen

    def audit(self) -> list[tuple[str, str, str, int | None]]:
        """Actor, action, target and result of what came over HTTP, the oldest first."""
        with self.ledger.begin() as session:
            entries, _ = list_audit(session, AuditFilter(), 500)
        return [(e.actor, e.action, e.target, e.result) for e in reversed(entries) if e.via != "cli"]


class Ticking:
    """The real time, moved on at will."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utcnow() + self.ahead


@pytest.fixture
def gate(ledger: Ledger) -> Iterator[Gate]:
    """Opens clients: `gate.open(host=..., path_prefix=..., **settings)`."""
    seen.clear()
    clock = Ticking()
    launcher = cast(Any, SimpleNamespace(read_only=False))

    def opened(*, host: str = "127.0.0.1", path_prefix: str = "", behind: Ledger = ledger, **more: Any) -> TestClient:
        context = ApiContext(behind, launcher, Settings(**more), lambda: None, clock)
        app: FastAPI = new_app(context, name="inner", title="inner", harmless=session.HARMLESS)
        for router in (inner, session.router, audit.router):
            app.include_router(router)
        app.router.routes.append(WebSocketRoute("/graphql", subscriptions))
        guarded = wrap(app, context, host=host, path_prefix=path_prefix)
        base_url = "http://127.0.0.1:3000"
        return TestClient(
            guarded, base_url, raise_server_exceptions=False, follow_redirects=False, client=("192.0.2.7", 50_000)
        )

    yield Gate(ledger, clock, opened)


@pytest.fixture
def on(gate: Gate) -> TestClient:
    """A client of a server with authentication on."""
    return gate.open(auth="token")


@pytest.fixture
def off(gate: Gate) -> TestClient:
    """A client of a server that nobody has configured."""
    return gate.open()


def code(response: Any) -> tuple[int, str]:
    """Status and code of an answer of the guard."""
    return response.status_code, response.json().get("code", "")


def log_in(gate: Gate, client: TestClient, role: Role) -> dict[str, str]:
    """Make a session; the headers of a change by one of our pages."""
    token = gate.bearer(role)["authorization"].removeprefix("Bearer ")
    response = client.post("/supersync/login", data={"token": token, "next": "/supersync"}, headers=OWN)
    assert (response.status_code, response.headers["location"]) == (303, "/supersync")
    return {**OWN, "x-csrf-token": client.get("/who").json()["csrf"]}
