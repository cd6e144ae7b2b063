"""The dialect over a real ledger, files of calls and a real target, with a launcher that runs what it is asked for."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy import text

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.historical_tables import User
from supersync_core.services.configuration import Configuration
from supersync_core.services.configuration.apply import apply_configuration
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.settings import Settings
from supersync_dagster.api.app import ApiContext
from supersync_dagster.api.guard import wrap
from supersync_dagster.api.historical_sync import create_app
from tests.acceptance.console import until
from tests.core.engines.tables import query
from tests.dagster.api.applications import reused
from tests.dagster.api.channel_sync.apis import RunningLauncher
from tests.dagster.api.table_sync.apis import served

SECRET = "a-secret-that-only-the-tests-of-tokens-share"
AGENCY, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
USER, STRANGER, HOMELESS, RIVAL = (uuid.UUID(int=number) for number in (11, 12, 13, 14))
"""One of the agency, nobody, somebody of none, one of the other agency."""
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
JANUARY = {"date_from": "2025-01-01", "date_to": "2025-02-01"}


def claims(user: uuid.UUID = USER, **more: Any) -> dict[str, Any]:
    """What a token of Supabase says; None takes a claim out."""
    now = int(time.time())
    usual = {
        "iss": "https://project.supabase.example/auth/v1",
        "sub": str(user),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": now,
        "exp": now + 3600,
        "session_id": str(uuid.uuid4()),
        "is_anonymous": False,
    }
    return {name: value for name, value in (usual | more).items() if value is not None}


def bearer(user: uuid.UUID = USER, **more: Any) -> dict[str, str]:
    """The header of a user."""
    return {"Authorization": f"Bearer {jwt.encode(claims(user, **more), SECRET, 'HS256')}"}


@dataclass
class Api:
    """The application behind the guard, what is behind it, and a client of it."""

    ledger: Ledger
    launcher: RunningLauncher
    folder: Path
    target: str
    client: httpx.Client = field(default_factory=httpx.Client)

    def call(self, method: str, name: str, user: uuid.UUID = USER, **options: Any) -> httpx.Response:
        """Ask one of the functions as a user."""
        return self.client.request(method, f"/functions/v1/{name}", **{"headers": bearer(user), **options})

    def status(self, user: uuid.UUID = USER) -> Any:
        """How the agency stands."""
        answer = self.call("GET", "get-sync-status", user)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def start(self, user: uuid.UUID = USER, **body: Any) -> Any:
        """Start an import; its job."""
        answer = self.call("POST", "start-historical-sync", user, json={**JANUARY, **body})
        assert answer.status_code == 201, answer.text
        return answer.json()["job"]

    def ended(self, user: uuid.UUID = USER) -> Any:
        """The agency's job, once it has ended."""
        return until(lambda: (found := self.status(user)) and not found["active"] and found["recent_job"], 30)

    def sync(self, user: uuid.UUID = USER, **body: Any) -> Any:
        """Start an import; the job at its end."""
        self.start(user, **body)
        return self.ended(user)

    def write(self, name: str, content: str, agency: uuid.UUID = AGENCY) -> None:
        """A file of calls of an agency."""
        path = self.folder / str(agency) / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content)

    def imported(self) -> list[tuple[Any, ...]]:
        """What the target holds."""
        there = query(self.target, "select to_regclass('public.calls') is not null")[0][0]
        return query(self.target, "select agency_id::text, call_id from calls order by 1, 2") if there else []

    def change(self, statement: str, **values: Any) -> None:
        """Change the ledger."""
        with self.ledger.begin() as session:
            session.execute(text(statement), values)


CSV = "call_id,started_at,duration,direction,from,to\n"


def csv_of(count: int, prefix: str = "c") -> str:
    """A file of so many calls in January."""
    return CSV + "".join(f"{prefix}{n},2025-01-{1 + n % 31:02}T10:00:00Z,60,inbound,+1,+2\n" for n in range(count))


@contextmanager
def running_api(
    ledger: Ledger, target: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: str
) -> Iterator[Api]:
    """The API for any agency, over an empty ledger that knows two."""
    for name, value in ({"SUPABASE_JWT_SECRET": SECRET} | environment).items():
        monkeypatch.setenv(name, value)
    configuration, problems = build_configuration(
        {
            "connections": {
                "files": {"type": "call_files", "path": f"{folder}/{{agency}}"},
                "lake": {"type": "postgres", "dsn": target},
            },
            "pipelines": [
                {
                    "name": "calls",
                    "kind": "historical_sync",
                    "source": {"connection": "files"},
                    "target": {"connection": "lake"},
                    "agency": "any",
                }
            ],
        }
    )
    assert configuration is not None, problems
    apply_configuration(ledger, configuration, utcnow())
    with ledger.begin() as session:
        session.add_all([User(id=USER, agency_id=AGENCY), User(id=HOMELESS), User(id=RIVAL, agency_id=OTHER)])
    launcher = RunningLauncher(ledger=ledger, connections=dict(configuration.connections))
    with _served(ledger, launcher, configuration) as client:
        yield Api(ledger, launcher, folder, target, client)
        for thread in launcher.threads:
            thread.join(20)


@contextmanager
def _served(ledger: Ledger, launcher: RunningLauncher, configuration: Configuration) -> Iterator[httpx.Client]:
    settings = Settings(database_url=ledger.url, auth="token")  # type: ignore[arg-type]
    context = ApiContext(ledger, launcher, settings, lambda: configuration)
    with reused(create_app(context)) as (app,):
        guarded = wrap(app, context, host="127.0.0.1")
        with served(guarded) as url, httpx.Client(base_url=url, timeout=30) as client:
            yield client
