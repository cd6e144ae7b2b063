"""The pages over a real ledger, behind the guard, in a real web server, with a launcher that only notes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
from starlette.applications import Starlette

from supersync_core.clock import utcnow
from supersync_core.domain.access import Identity, Role
from supersync_core.domain.check import Freshness
from supersync_core.domain.execution import Counts, ExecutionState, Progress, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.ledger.database import Ledger
from supersync_core.services.audit import Caller
from supersync_core.services.configuration import Configuration
from supersync_core.services.executions import (
    Outcome,
    finish_execution,
    open_execution,
    renew_lease,
    start_execution,
)
from supersync_core.services.pipelines import get_pipeline, register_pipeline
from supersync_core.services.settings import Settings
from supersync_core.services.tokens import create_token
from supersync_dagster.api.app import ApiContext, create_apps
from supersync_dagster.api.guard import wrap
from supersync_dagster.webserver import HostedApps
from tests.dagster.api.applications import reused
from tests.dagster.api.table_sync.apis import served
from tests.launcher import NotingLauncher

ADMIN = Caller(Identity("me", Role.ADMIN, "cli"))


@dataclass
class Pages:
    """The pages, and what is behind them."""

    ledger: Ledger
    context: ApiContext
    launcher: NotingLauncher
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def declare(self, name: str, **more: Any) -> None:
        """Register a pipeline."""
        kind = more.pop("kind", PipelineKind.TABLE_SYNC)
        spec = {"source": {"connection": "shop", "table": name}, "target": {"connection": "lake", "table": name}}
        declaration = PipelineDeclaration(name, kind, **({"spec": spec, "cadence": Cadence(every_s=300)} | more))
        with self.ledger.begin() as session:
            register_pipeline(session, declaration, at=utcnow())

    def ran(self, name: str, *, ago: float = 60, seconds: float = 2, error: str | None = None, rows: int = 7) -> int:
        """Write a run that ended `ago` seconds before now; its id."""
        end = utcnow() - timedelta(seconds=ago)
        running = self.started(name, at=end - timedelta(seconds=seconds))
        state = ExecutionState.FAILED if error else ExecutionState.SUCCEEDED
        record = {"type": "Unavailable", "message": error, "retryable": True} if error else None
        outcome = Outcome(state, Counts(rows + 3, rows, 0, 3), rows * 120, error=record, watermark_after=str(end))
        with self.ledger.begin() as session:
            finish_execution(session, running, outcome, at=end)
        return running

    def started(self, name: str, *, at: datetime | None = None, progress: Progress | None = None) -> int:
        """Write a run that goes on; its id."""
        at = at or utcnow()
        with self.ledger.begin() as session:
            queued = open_execution(session, get_pipeline(session, name), trigger=Trigger.SCHEDULE, at=at)
            queued.dagster_run_id = f"{queued.id:08x}-0000-4000-8000-000000000000"
            running = start_execution(session, queued.id, owner="a test", at=at)
        if progress is not None:
            with self.ledger.begin() as session:
                renew_lease(session, running.id, owner="a test", progress=progress)
        return running.id

    def token(self, role: Role) -> str:
        """A new token; from the first one on everybody needs one."""
        with self.ledger.begin() as session:
            made = create_token(session, role.word, role, lifetime=timedelta(days=1), caller=ADMIN, at=utcnow())
        return made[1].text

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A GET."""
        return httpx.get(self.url + path, headers=self.headers | options.pop("headers", {}), timeout=30, **options)

    def client(self) -> httpx.Client:
        """A client that keeps cookies, as a browser does."""
        return httpx.Client(base_url=self.url, timeout=30)

    def act(self, key: str, action: str, *, script: bool = True, **fields: str) -> httpx.Response:
        """What a button does."""
        headers = {"origin": self.url} | ({"hx-request": "true"} if script else {}) | self.headers
        address = f"{self.url}/supersync/pipelines/{key}/actions"
        return httpx.post(address, data={"action": action, **fields}, headers=headers, timeout=30)


@contextmanager
def running_pages(ledger: Ledger, *, ui_path: str = "", **settings: Any) -> Iterator[Pages]:
    """All applications over a ledger."""
    launcher = NotingLauncher()
    context = ApiContext(ledger, launcher, Settings(**settings), Configuration, ui_path=ui_path)
    with reused(*create_apps(context)) as apps:
        app = Starlette(routes=[HostedApps(apps)])
        with served(wrap(app, context, host="127.0.0.1", path_prefix=ui_path)) as url:
            yield Pages(ledger, context, launcher, url)


def fill(pages: Pages) -> None:
    """One pipeline in each state."""
    hour = Freshness(1, "hour")  # type: ignore[arg-type]
    titles = {"table_stats_sync": "Table Statistics Sync", "query_history_sync": "Query History Sync (7d)"}
    for name, title in titles.items():
        pages.declare(name, title=title, group="redshift", freshness=hour, owners=("data@example.com",))
        for number in range(24):
            error = "connection to server at 10.0.0.7, port 5439 failed: timeout expired" if number == 9 else None
            pages.ran(name, ago=7200 - number * 300, seconds=2 + (number * 7 % 5), error=error, rows=1200 + number * 3)
    for name, error in (("orders", None), ("customers", 'column "price" of the source is now text; add it by hand')):
        pages.declare(name, group="shop", freshness=hour)
        for number in range(8):
            pages.ran(name, ago=9000 - number * 600, seconds=1 + number / 2)
        pages.ran(name, ago=40, seconds=12, error=error, rows=184_220)
    pages.declare("archive_of_everything_with_a_rather_long_name", cadence=None)
    pages.declare("invoices", title="Invoices", cadence=Cadence(cron="0 3 * * *", timezone="Europe/Berlin"))
    pages.ran("invoices", ago=90_000, seconds=83)
    pages.started("query_history_sync", progress=Progress("copy", 48_213, 9_120_000))
    with pages.ledger.begin() as session:
        get_pipeline(session, "invoices").desired_state = "paused"  # type: ignore[assignment]


def is_a_file_of_ours(script: dict[str, str | None]) -> bool:
    """Whether a script is a file and nothing else, and only the one that others need holds the page up."""
    at_once = set(script) == {"src"} and str(script["src"]).endswith("/vendor/htmx.min.js")
    return (set(script) == {"src", "defer"} or at_once) and "supersync/static/" in str(script["src"])


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parse(html: str) -> _Texts:
    """Its tags with their attributes, and its texts."""
    parser = _Texts()
    parser.feed(html)
    return parser
