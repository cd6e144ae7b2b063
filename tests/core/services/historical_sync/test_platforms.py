"""Imports of calls from CallRail and Twilio, which are fakes on this machine: from a job to the rows of its target."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from supersync_core.clock import utcnow
from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.execution import Trigger
from supersync_core.domain.historical_sync import JobStatus, Span
from supersync_core.errors import AccessDenied
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.historical_jobs import find_recent
from supersync_core.services.configuration import HistoricalSyncConfig
from supersync_core.services.historical_sync.jobs import JobRequest, insert_job
from supersync_core.services.pipelines import get_pipeline, register_pipeline
from supersync_core.services.run import run_pipeline
from tests.core.connectors.call_platforms import ACCOUNT, SID, START, Platforms, platforms
from tests.core.engines.tables import query

AGENCY = uuid.UUID("7a0c0000-0000-0000-0000-000000000001")
DAYS, CALLS = 4, 200
SPAN = Span(START + timedelta(days=1), START + timedelta(days=1 + DAYS))
WANTED = 24 * DAYS
REFUSED = (401, {"error": "the key was revoked"}, {})
BUSY = (429, {}, {"Retry-After": "0"})


@pytest.fixture
def fake() -> Iterator[Platforms]:
    with platforms(CALLS) as fake:
        yield fake


def connections(name: str, fake: Platforms, target: str) -> dict[str, ConnectorConfig]:
    who = {"account": ACCOUNT, "api_key": "key"}
    if name == "twilio":
        who = {"account_sid": SID, "auth_token": "secret"}
    usual: dict[str, Any] = {"type": name, "base_url": fake.url, "page_size": 7, "requests_per_minute": 6000}
    return {
        "calls": load_connector(name).Config.model_validate({**usual, **who}),
        "lake": load_connector("postgres").Config.model_validate({"type": "postgres", "dsn": target}),
    }


@pytest.fixture
def job(ledger: Ledger) -> uuid.UUID:
    """A new one, of a pipeline `calls`."""
    text = {
        "name": "calls",
        "kind": "historical_sync",
        "source": {"connection": "calls"},
        "target": {"connection": "lake"},
        "agency": str(AGENCY),
        "workers": 2,
    }
    with ledger.begin() as session:
        register_pipeline(session, HistoricalSyncConfig.model_validate(text).declaration(), at=utcnow())
        made = insert_job(session, get_pipeline(session, "calls"), JobRequest(SPAN), agency_id=AGENCY, at=utcnow())
    assert made is not None
    return made.id


def outcome(ledger: Ledger) -> tuple[uuid.UUID, JobStatus, int, int, int]:
    with ledger.begin() as session:
        found = find_recent(session, AGENCY)
    assert found is not None
    return (found.id, found.status, found.processed_calls, found.imported_calls, found.failed_calls)


NAMES = pytest.mark.parametrize("name", ["callrail", "twilio"])


@NAMES
def test_the_calls_of_a_platform_arrive_in_the_target(
    ledger: Ledger, target_dsn: str, fake: Platforms, job: uuid.UUID, name: str
) -> None:
    fake.replies = [BUSY]
    run_pipeline(ledger, connections(name, fake, target_dsn), "calls", trigger=Trigger.MANUAL)
    assert outcome(ledger) == (job, JobStatus.COMPLETED, WANTED, WANTED, 0)
    rows = "select provider, count(distinct call_id), min(started_at), max(started_at) from calls group by 1"
    hour = timedelta(hours=1)
    assert query(target_dsn, rows) == [(name, WANTED, SPAN.start, SPAN.end - hour)]


@NAMES
def test_a_key_that_was_revoked_ends_the_job(
    ledger: Ledger, target_dsn: str, fake: Platforms, job: uuid.UUID, name: str
) -> None:
    fake.replies = [REFUSED] * 100
    with pytest.raises(AccessDenied):
        run_pipeline(ledger, connections(name, fake, target_dsn), "calls", trigger=Trigger.MANUAL)
    assert outcome(ledger) == (job, JobStatus.FAILED, 0, 0, 0)
