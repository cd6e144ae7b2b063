"""An import while it goes on: what is told of it, its end on demand, and what becomes of it when its run dies."""

import time
from typing import Any

import pytest
from sqlalchemy import select

from supersync_core.clock import utcnow
from supersync_core.connectors.call_files import source
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import Outcome, error_record, finish_execution, start_execution
from supersync_core.services.historical_sync.jobs import queue_waiting_jobs
from supersync_dagster.api.times import first_moment
from tests.acceptance.console import until
from tests.dagster.api.historical_sync.apis import Api, csv_of


@pytest.fixture
def slow(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A call a page, and more of them than anybody waits for."""
    monkeypatch.setattr(source, "PAGE", 1)
    for number in range(4):
        api.write(f"{number}.csv", csv_of(3000, f"c{number}-") + "broken\n")
    api.start()
    until(lambda: api.status()["job"]["processed_calls"] > 3, 30)
    return api


def counts(job: Any) -> list[int]:
    return [job[f"{name}_calls"] for name in ("processed", "imported", "skipped", "failed")]


def test_the_counts_fit_at_every_moment_and_never_fall(slow: Api) -> None:
    before = slow.status()["job"]
    assert (before["status"], before["total_calls"]) == ("in_progress", 12_004)
    for _ in range(20):
        now = slow.status()["job"]
        processed, *parts = counts(now)
        assert processed == sum(parts)
        assert counts(before) <= counts(now)
        # Not as texts: "10:00:32Z" is before "10:00:32.013Z", and has no place among them.
        assert first_moment(before["last_activity_at"]) <= first_moment(now["last_activity_at"])
        before = now
    slow.call("POST", "cancel-historical-sync")


def test_a_running_import_is_cancelled_within_two_seconds_and_keeps_what_it_has(slow: Api) -> None:
    begun = time.monotonic()
    answer = slow.call("POST", "cancel-historical-sync")
    assert time.monotonic() - begun < 3
    job = answer.json()["job"]
    assert (answer.status_code, job["status"]) == (200, "cancelled"), answer.text
    assert slow.status()["recent_job"] == {name: job[name] for name in slow.status()["recent_job"]}
    assert len(slow.imported()) == job["imported_calls"] > 0


def ended(api: Api, state: ExecutionState, error: dict[str, Any] | None) -> None:
    """Let the run of the job, which nobody does, end so."""
    with api.ledger.begin() as session:
        live = session.scalars(select(Execution).where(Execution.ended_at.is_(None))).one()
        start_execution(session, live.id, owner="somebody", at=utcnow())
        finish_execution(session, live.id, Outcome(state, error=error), at=utcnow())


DIED = {"type": "OwnerDied", "message": "its owner has died", "retryable": True}


def test_a_job_whose_run_has_died_is_active_and_gets_another(api: Api) -> None:
    api.write("a.csv", csv_of(10))
    api.launcher.held = True
    job = api.start()
    ended(api, ExecutionState.FAILED, DIED)
    assert (api.status()["active"], api.status()["job"]["status"]) == (True, "in_progress")
    assert (
        api.call("POST", "start-historical-sync", json={"date_from": "2025-01-01", "date_to": "2025-02-01"}).status_code
        == 409
    )
    with api.ledger.begin() as session:
        (queued,) = queue_waiting_jobs(session, at=utcnow())
        key, execution_id = queued[0].name, queued[1].id
        assert queue_waiting_jobs(session, at=utcnow()) == []
    api.launcher.held = False
    api.launcher.launch_soon(key, execution_id)
    done = api.ended()
    assert (done["id"], done["status"], done["imported_calls"]) == (job["id"], "completed", 10)


def test_a_job_whose_runs_die_again_and_again_has_failed(api: Api) -> None:
    api.launcher.held = True
    api.start()
    runs = 0
    while api.status()["active"]:
        ended(api, ExecutionState.FAILED, DIED)
        runs += 1
        with api.ledger.begin() as session:
            # As long as it may have to wait.
            at = utcnow().replace(year=utcnow().year + runs)
            queue_waiting_jobs(session, at=at)
    assert (runs, api.status()["recent_job"]["status"]) == (10, "failed")


def test_a_job_that_waits_for_another_run_can_be_cancelled(api: Api) -> None:
    api.launcher.held = True
    api.start()
    ended(api, ExecutionState.FAILED, DIED)
    assert api.call("POST", "cancel-historical-sync").json()["job"]["status"] == "cancelled"


def test_what_no_repetition_mends_fails_at_once(api: Api) -> None:
    api.launcher.held = True
    api.start()
    ended(api, ExecutionState.FAILED, error_record(ValueError("wrong")))
    assert api.status()["recent_job"]["status"] == "failed"
