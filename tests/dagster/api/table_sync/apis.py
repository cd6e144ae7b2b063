"""The dialect over a real ledger, in a real web server, with a launcher that only notes."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import create_engine, event, text
from starlette.types import ASGIApp, Receive, Scope, Send

from supersync_core.domain.access import Identity, Role
from supersync_core.domain.execution import Counts, ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.ledger.database import Ledger
from supersync_core.services.configuration import Configuration
from supersync_core.services.executions import Outcome, finish_execution, open_execution, start_execution
from supersync_core.services.launcher import ScheduleState
from supersync_core.services.pipelines import get_pipeline, register_pipeline
from supersync_core.services.settings import Settings
from supersync_dagster.api import system, table_sync
from supersync_dagster.api.app import ApiContext
from tests.acceptance.console import until
from tests.dagster.api.applications import reused
from tests.launcher import NotingLauncher

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
SYNC = "/api/v1/sync"


@dataclass
class Api:
    """The applications, what is behind them, and who asks."""

    ledger: Ledger
    context: ApiContext
    launcher: NotingLauncher
    identity: Identity = Identity("tester", Role.ADMIN, "local")
    url: str = ""
    now: datetime = NOON
    configuration: Configuration = field(default_factory=Configuration)
    statements: list[str] = field(default_factory=list)

    def declare(self, *names: str, every_s: int | None = 300, kind: PipelineKind = PipelineKind.TABLE_SYNC) -> None:
        """Register pipelines, with schedules that the launcher knows."""
        cadence = Cadence(every_s=every_s, timezone="US/Pacific") if every_s else None
        with self.ledger.begin() as session:
            for name in names:
                register_pipeline(
                    session, PipelineDeclaration(name, kind, title=name.title(), cadence=cadence), at=NOON
                )
                if cadence is not None:
                    tick = NOON + timedelta(seconds=300)
                    self.launcher.known[name] = ScheduleState(True, tick, cadence.as_cron or "", cadence.timezone)

    def ran(
        self, name: str, *, at: datetime = NOON, ms: int = 1000, error: str | None = None, retryable: bool = True
    ) -> int:
        """Write a run that has ended; its id."""
        started = self.started(name, at=at)
        state = ExecutionState.FAILED if error else ExecutionState.SUCCEEDED
        record = {"type": "Unavailable", "message": error, "retryable": retryable} if error else None
        outcome = Outcome(state, Counts(extracted=10, inserted=3, updated=4, unchanged=3), 1000, error=record)
        with self.ledger.begin() as session:
            finish_execution(session, started, outcome, at=at + timedelta(milliseconds=ms))
        return started

    def started(self, name: str, *, at: datetime = NOON) -> int:
        """Write a run that goes on; its id."""
        with self.ledger.begin() as session:
            queued = open_execution(session, get_pipeline(session, name), trigger=Trigger.SCHEDULE, at=at)
            return start_execution(session, queued.id, owner="a test", at=at).id

    def queued(self, name: str, *, at: datetime = NOON) -> int:
        """Write a run that waits; its id."""
        with self.ledger.begin() as session:
            return open_execution(session, get_pipeline(session, name), trigger=Trigger.MANUAL, at=at).id

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """A GET below the dialect's prefix."""
        return httpx.get(self.url + SYNC + path, params=parameters, timeout=30)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A POST below the dialect's prefix, with JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + SYNC + path, json=body, headers=named, timeout=30)

    def delete(self, path: str, **parameters: Any) -> httpx.Response:
        """A DELETE below the dialect's prefix."""
        return httpx.delete(self.url + SYNC + path, params=parameters, timeout=30)


class Front:
    """Asks the applications in turn, as the web server does, for somebody who is known."""

    def __init__(self, apps: Sequence[FastAPI], api: Api) -> None:
        self.apps, self.api = apps, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        scope["supersync.identity"] = self.api.identity
        ours = scope["path"].startswith((SYNC, "/api/openapi/table_sync"))
        app: ASGIApp = self.apps[0] if ours else self.apps[1]
        await app(scope, receive, send)


class _Server(uvicorn.Server):
    """Uvicorn that ends at once: each test waits for that."""

    async def main_loop(self) -> None:
        """Look whether to end every 10 ms, not ten times a second."""
        while not self.should_exit:
            await self.on_tick(0)
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: object = None) -> None:
        """End connections; what is being answered has a second."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        end = time.monotonic() + 1
        while (self.server_state.connections or self.server_state.tasks) and time.monotonic() < end:
            await asyncio.sleep(0.005)
        for task in self.server_state.tasks:
            task.cancel()


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address at which uvicorn serves the application."""
    server = _Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def running_api(ledger: Ledger) -> Iterator[Api]:
    """The API over a ledger."""
    launcher = NotingLauncher()
    settings = Settings(database_url=ledger.url)  # type: ignore[arg-type]
    context = ApiContext(ledger, launcher, settings, lambda: api.configuration, lambda: api.now)
    api = Api(ledger, context, launcher)
    event.listen(ledger.engine, "before_cursor_execute", lambda *a: api.statements.append(a[2]))
    with reused(table_sync.create_app(context), system.create_app(context)) as apps, served(Front(apps, api)) as url:
        api.url = url
        yield api


def take_away(ledger: Ledger, server_url: str) -> None:
    """Let nobody connect to the ledger any more, and end its connections."""
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        name = ledger.engine.url.database
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
    admin.dispose()
