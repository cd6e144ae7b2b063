"""The dialect over a real ledger, in a real web server behind the guard, with a launcher that only notes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
from sqlalchemy import event
from starlette.applications import Starlette

from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.ledger.database import Ledger
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.settings import Settings
from supersync_dagster.api import audit, incidents, watcher
from supersync_dagster.api.app import ApiContext
from supersync_dagster.api.guard import wrap
from supersync_dagster.webserver import HostedApps
from tests.dagster.api.applications import reused
from tests.dagster.api.table_sync.apis import served
from tests.launcher import NotingLauncher

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


@dataclass
class Api:
    """The application, what is behind it, and a client of it."""

    ledger: Ledger
    launcher: NotingLauncher
    client: httpx.Client = field(default_factory=httpx.Client)
    now: datetime = NOON
    statements: list[str] = field(default_factory=list)

    def get(self, path: str, **parameters: Any) -> Any:
        """The body of a GET that succeeds."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> httpx.Response:
        """A POST of a JSON object."""
        return self.client.post(path, json=body)

    def patch(self, path: str, **body: Any) -> httpx.Response:
        """A PATCH of a JSON object."""
        return self.client.patch(path, json=body)

    def pipeline(self, name: str = "orders", **given: Any) -> int:
        """Report a pipeline; its id."""
        answer = self.post("/pipeline", name=name, pipeline_type_name="extraction", **given)
        assert answer.status_code in (200, 201), answer.text
        return int(answer.json()["id"])

    def started(self, pipeline_id: int, **given: Any) -> int:
        """Start an execution; its id."""
        answer = self.post("/start_pipeline_execution", pipeline_id=pipeline_id, **given)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def ended(self, execution_id: int, *, seconds: float = 60, **given: Any) -> None:
        """End an execution, with success if nothing else is said."""
        ending = {"end_date": (self.now + timedelta(seconds=seconds)).isoformat(), "completed_successfully": True}
        answer = self.post("/end_pipeline_execution", id=execution_id, **{**ending, **given})
        assert answer.status_code == 204, answer.text

    def declared(self, name: str = "Ours") -> int:
        """A pipeline that supersync runs; its id."""
        with self.ledger.begin() as session:
            return register_pipeline(session, PipelineDeclaration(name, PipelineKind.TABLE_SYNC), at=NOON).id


@contextmanager
def running_api(ledger: Ledger, **settings_given: Any) -> Iterator[Api]:
    """The API over a ledger."""
    launcher = NotingLauncher()
    settings = Settings(database_url=ledger.url, **settings_given)  # type: ignore[arg-type]
    context = ApiContext(ledger, launcher, settings, lambda: None, lambda: api.now)
    api = Api(ledger, launcher)
    event.listen(ledger.engine, "before_cursor_execute", lambda *a: api.statements.append(a[2]))
    with reused(*(module.create_app(context) for module in (watcher, incidents, audit))) as apps:
        app = wrap(Starlette(routes=[HostedApps(apps)]), context, host="127.0.0.1")
        with served(app) as url, httpx.Client(base_url=url, timeout=30) as client:
            api.client = client
            yield api
