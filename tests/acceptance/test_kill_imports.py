"""`kill -9` at any step of an import of calls: the runs after it finish the same job, and every call is there once."""

import os
import random
import signal
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.execution import Trigger
from supersync_core.domain.historical_sync import JobStatus, Span
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.historical_jobs import find_active, find_recent, select_failed
from supersync_core.services.configuration import Configuration, load_configuration
from supersync_core.services.configuration.apply import apply_configuration
from supersync_core.services.historical_sync.jobs import JobRequest, insert_job
from supersync_core.services.pipelines import get_pipeline
from supersync_core.services.run import run_pipeline
from tests.acceptance.step_and_die import step_and_die
from tests.core.engines.tables import query
from tests.dagster.api.historical_sync.apis import csv_of

AGENCY = uuid.UUID("7a0c0000-0000-0000-0000-000000000001")
JANUARY = Span(datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 2, 1, tzinfo=timezone.utc))
CONFIG = """
connections:
  files: {type: call_files, path: "${CALLS}"}
  lake: {type: postgres, dsn: "${TARGET}"}
pipelines:
  - name: calls
    kind: historical_sync
    source: {connection: files}
    target: {connection: lake}
    agency: 7a0c0000-0000-0000-0000-000000000001
    workers: 2
"""
FILES, CALLS, BROKEN = 3, 100, 7
STEPS = 90
"""An import of that has about so many."""


@pytest.fixture
def config(ledger: Ledger, database_url: str, target_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.csv").write_text(csv_of(CALLS, f"c{number}-") + "broken\n" * BROKEN)
    # Two files have a call in common.
    (folder / "9.csv").write_text(csv_of(1, "c0-"))
    variables = {"CALLS": str(folder), "TARGET": target_dsn, "SUPERSYNC_DATABASE_URL": database_url}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "supersync.yaml"
    path.write_text(CONFIG)
    return path


def begun(ledger: Ledger, config: Path) -> tuple[Configuration, uuid.UUID]:
    """The configuration, written into the ledger, and a new job."""
    configuration = load_configuration(config)
    apply_configuration(ledger, configuration, utcnow())
    with ledger.begin() as session:
        pipeline = get_pipeline(session, "calls")
        job = insert_job(session, pipeline, JobRequest(JANUARY), agency_id=AGENCY, at=utcnow())
        assert job is not None
        return configuration, job.id


def counts(job: Any) -> tuple[int | None, int, int, int, int]:
    return (job.total_calls, job.processed_calls, job.imported_calls, job.skipped_calls, job.failed_calls)


def check_all_is_there(ledger: Ledger, target: str, job_id: uuid.UUID) -> None:
    with ledger.begin() as session:
        job = find_recent(session, AGENCY)
        assert job is not None
        assert (job.id, job.status) == (job_id, JobStatus.COMPLETED)
        total = FILES * (CALLS + BROKEN) + 1
        assert counts(job) == (total, total, FILES * CALLS, 1, FILES * BROKEN)
        failed = {(one.window, one.ref) for one in select_failed(session, job_id)}
    assert len(failed) == FILES * BROKEN
    assert query(target, "select count(*), count(distinct call_id) from calls") == [(FILES * CALLS, FILES * CALLS)]
    assert query(target, "select count(*) from _supersync_call_windows") == [(0,)]


def test_an_import_that_is_killed_again_and_again_is_finished_as_one(
    ledger: Ledger, config: Path, target_dsn: str
) -> None:
    configuration, job_id = begun(ledger, config)
    before = 0
    chance = random.Random(7)
    for _ in range(4):
        assert step_and_die(config, "calls", chance.randrange(8, 30)) == -signal.SIGKILL
        with ledger.begin() as session:
            job = find_active(session, AGENCY)
            assert job is not None
            assert job.id == job_id
            assert before <= job.processed_calls == job.imported_calls + job.skipped_calls + job.failed_calls
            before = job.processed_calls
    assert before > 0
    run_pipeline(ledger, configuration.connections, "calls", trigger=Trigger.MANUAL)
    check_all_is_there(ledger, target_dsn, job_id)


def test_an_import_that_is_killed_once_at_any_step_is_gone_on_with(
    ledger: Ledger, config: Path, target_dsn: str, rounds: int = int(os.environ.get("SUPERSYNC_KILL_ROUNDS", "3"))
) -> None:
    chance = random.Random(os.environ.get("SUPERSYNC_KILL_SEED", "3"))
    for _ in range(rounds):
        query(target_dsn, "drop table if exists calls, _supersync_call_windows")
        configuration, job_id = begun(ledger, config)
        step_and_die(config, "calls", chance.randrange(STEPS))
        with ledger.begin() as session:
            ended = find_active(session, AGENCY) is None
        if not ended:
            run_pipeline(ledger, configuration.connections, "calls", trigger=Trigger.MANUAL)
        check_all_is_there(ledger, target_dsn, job_id)
