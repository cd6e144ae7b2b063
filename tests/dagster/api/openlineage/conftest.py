"""The intake behind the guard, over a real ledger, in a real web server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

from supersync_core.ledger.database import Ledger
from supersync_core.services.audit import AuditFilter, list_audit
from supersync_core.services.settings import Settings
from supersync_dagster.api import openlineage
from supersync_dagster.api.app import ApiContext
from supersync_dagster.api.guard import wrap
from tests.dagster.api.applications import reused
from tests.dagster.api.table_sync.apis import served
from tests.launcher import NotingLauncher


@dataclass
class Intake:
    """Where it is, what is behind it, and how often Dagster was asked to read the pipelines again."""

    url: str
    ledger: Ledger
    launcher: NotingLauncher

    def post(self, body: Any, path: str = "", **options: Any) -> httpx.Response:
        """Send JSON below /api/v1/lineage."""
        return httpx.post(f"{self.url}/api/v1/lineage{path}", json=body, timeout=30, **options)

    def read(self, look: Callable[[Session], Any]) -> Any:
        """Look into the ledger."""
        with self.ledger.begin() as session:
            return look(session)

    def audit(self) -> list[tuple[str, str, int | None]]:
        """Action, target and result, the oldest first."""
        entries, _ = self.read(lambda session: list_audit(session, AuditFilter(), 500))
        return [(entry.action, entry.target, entry.result) for entry in reversed(entries)]


@pytest.fixture
def opened(ledger: Ledger) -> Iterator[Callable[..., Intake]]:
    """Serve the intake, with settings."""
    with ExitStack() as stack:

        def open_(behind: Ledger = ledger, **settings: Any) -> Intake:
            launcher = NotingLauncher()
            context = ApiContext(behind, launcher, Settings(**settings), lambda: None)
            (app,) = stack.enter_context(reused(openlineage.create_app(context)))
            url = stack.enter_context(served(wrap(app, context, host="127.0.0.1")))
            return Intake(url, behind, launcher)

        yield open_


@pytest.fixture
def intake(opened: Callable[..., Intake]) -> Intake:
    """The intake, open to all on this machine."""
    return opened()
