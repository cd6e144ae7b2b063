"""The dialect over a real ledger, in a real web server, with a launcher that runs what it is asked for in a thread."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from supersync_core.connectors.memory.chat import MemoryChat, named_chat
from supersync_core.connectors.memory.config import Config
from supersync_core.domain.access import Identity, Role
from supersync_core.domain.execution import Trigger
from supersync_core.domain.message import Channel
from supersync_core.errors import SupersyncError
from supersync_core.ledger.database import Ledger
from supersync_core.services.configuration import Configuration
from supersync_core.services.launches import pipeline_of
from supersync_core.services.run import run_pipeline
from supersync_core.services.settings import Settings
from supersync_dagster.api import channel_sync
from supersync_dagster.api.app import ApiContext
from tests.acceptance.console import until
from tests.dagster.api.applications import reused
from tests.dagster.api.table_sync.apis import served
from tests.launcher import NotingLauncher


@dataclass
class RunningLauncher(NotingLauncher):
    """Runs what is launched, unless it is `held`."""

    ledger: Ledger | None = None
    connections: dict[str, Config] = field(default_factory=dict)
    held: bool = False
    threads: list[threading.Thread] = field(default_factory=list)

    def launch_soon(self, pipeline_key: str, execution_id: int) -> None:
        super().launch_soon(pipeline_key, execution_id)
        if not self.held:
            self.threads.append(threading.Thread(target=self._run, args=(execution_id,), daemon=True))
            self.threads[-1].start()

    def _run(self, execution_id: int) -> None:
        assert self.ledger is not None
        with self.ledger.begin() as session:
            name = pipeline_of(session, execution_id).name
        with suppress(SupersyncError):
            run_pipeline(self.ledger, self.connections, name, trigger=Trigger.MANUAL, execution_id=execution_id)


@dataclass
class Api:
    """The application, the chat behind it, and a client of it."""

    ledger: Ledger
    launcher: RunningLauncher
    chat: MemoryChat
    context: ApiContext
    client: httpx.Client = field(default_factory=httpx.Client)

    def get(self, path: str, **parameters: Any) -> Any:
        """The body of a GET that succeeds."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> httpx.Response:
        """A POST of a JSON object."""
        return self.client.post(path, json=body)

    def start(self, channel_id: str = "C1", **body: Any) -> str:
        """Start a sync; its job."""
        answer = self.post("/api/sync", channel_id=channel_id, **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    def status(self, channel_id: str = "C1", **parameters: Any) -> Any:
        """How the channel stands."""
        return self.get("/api/sync/status", channel_id=channel_id, **parameters)

    def sync(self, channel_id: str = "C1", **body: Any) -> Any:
        """Start a sync; how it stands once it has ended."""
        job = self.start(channel_id, **body)
        return until(lambda: self._if_ended(channel_id, job), 30)

    def _if_ended(self, channel_id: str, job: str) -> Any:
        found = self.status(channel_id, job_id=job)
        return found if found["status"] in ("completed", "failed", "cancelled") else None


@contextmanager
def running_api(ledger: Ledger) -> Iterator[Api]:
    """The API over a ledger, with one connection that knows the channel C1."""
    name = uuid.uuid4().hex
    chat = named_chat(name)
    chat.channels.append(Channel("memory", "C1", "general"))
    connections = {"chat": Config(database=name)}
    launcher = RunningLauncher(ledger=ledger, connections=connections)
    settings = Settings(database_url=ledger.url)  # type: ignore[arg-type]
    configuration = Configuration(connections=connections)
    context = ApiContext(ledger, launcher, settings, lambda: configuration)

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        scope["supersync.identity"] = Identity("tester", Role.ADMIN, "local")
        await app(scope, receive, send)

    with (
        reused(channel_sync.create_app(context)) as (app,),
        served(known) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield Api(ledger, launcher, chat, context, client)
        for thread in launcher.threads:
            thread.join(20)
