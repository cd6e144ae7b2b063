"""Closing what dead owners leave behind."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.domain.table_sync import Stage
from supersync_core.ledger.database import Ledger, migrate, open_ledger
from supersync_core.ledger.embedded import embedded_server
from supersync_core.ledger.locks import PipelineLock
from supersync_core.ledger.pipelines import get_or_create_pipeline
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import LEASE, open_execution, start_execution
from supersync_core.services.reaper import INTERVAL_S, reap
from tests.core.services.conftest import NOON, Scene, eventually
from tests.core.services.test_run_accidents import start_process


def running(ledger: Ledger, name: str, ttl: timedelta) -> Execution:
    with ledger.begin() as session:
        pipeline = get_or_create_pipeline(session, name, PipelineKind.TABLE_SYNC, at=NOON)
        row = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON)
        return start_execution(session, row.id, owner=f"owner of {name}", at=NOON, ttl=ttl)


def test_a_dead_owner_is_noticed_within_thirty_seconds_of_its_last_sign() -> None:
    assert LEASE + timedelta(seconds=INTERVAL_S) <= timedelta(seconds=30)


def test_only_leases_that_ran_out_are_reaped(ledger: Ledger) -> None:
    dead = running(ledger, "dead", timedelta(seconds=-1))
    running(ledger, "alive", LEASE)
    (reaped,) = reap(ledger, at=NOON + timedelta(minutes=1))
    assert (reaped.id, reaped.state, reaped.seconds) == (dead.id, ExecutionState.FAILED, 60.0)
    assert reaped.error == {
        "type": "OwnerDied",
        "message": "its owner has died: owner of dead",
        "retryable": True,
    }


def test_an_owner_whose_lock_is_free_is_dead_and_one_that_holds_it_is_not(ledger: Ledger) -> None:
    dead = running(ledger, "dead", LEASE - timedelta(seconds=5))
    silent = running(ledger, "silent", LEASE - timedelta(seconds=5))
    with PipelineLock(ledger, silent.pipeline_id, "owner of silent") as lock:
        assert lock.hold()
        (reaped,) = reap(ledger, at=NOON)
    assert (reaped.id, reaped.state) == (dead.id, ExecutionState.FAILED)


def test_after_a_restart_of_the_server_owners_get_the_time_to_renew(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with embedded_server(data_dir) as url:
        migrate(url)
        ledger = open_ledger(url)
        running(ledger, "cut off", timedelta(seconds=-1))
        ledger.dispose()
    with embedded_server(data_dir) as url:
        ledger = open_ledger(url)
        assert reap(ledger, at=NOON) == []
        assert eventually(lambda: len(reap(ledger, at=NOON)) == 1)
        ledger.dispose()


def test_an_execution_is_reaped_once(ledger: Ledger) -> None:
    running(ledger, "dead", timedelta(seconds=-1))
    assert [len(reap(ledger, at=NOON)) for _ in range(2)] == [1, 0]


def test_one_that_somebody_is_just_renewing_is_left_alone(ledger: Ledger) -> None:
    running(ledger, "slow", timedelta(seconds=-1))
    with ledger.begin() as session:
        session.execute(text("SELECT 1 FROM supersync.executions FOR UPDATE"))
        assert reap(ledger, at=NOON) == []


@pytest.mark.parametrize("state", ["running", "queued"])
def test_what_others_run_is_never_reaped(ledger: Ledger, state: str) -> None:
    with ledger.begin() as session:
        pipeline = get_or_create_pipeline(session, "theirs", PipelineKind.EXTERNAL, at=NOON)
        started = NOON if state == "running" else None
        row = {"state": ExecutionState(state), "managed": False, "queued_at": NOON, "started_at": started}
        session.add(Execution(pipeline_id=pipeline.id, **row))
    assert reap(ledger, at=NOON) == []


@pytest.mark.long
@pytest.mark.timeout(90)
def test_the_execution_of_a_killed_process_is_closed_within_thirty_seconds(scene: Scene) -> None:
    scene.declare()
    start_process(scene, stop_at=Stage.COPY, how="SIGKILL").communicate()
    killed_at = utcnow()
    assert eventually(lambda: bool(reap(scene.ledger, at=utcnow())), seconds=40)
    (row,) = scene.history()
    assert row.ended_at is not None and row.ended_at - killed_at < timedelta(seconds=30)


def test_the_execution_of_a_frozen_process_is_closed_too(scene: Scene) -> None:
    scene.declare()
    frozen = start_process(scene, stop_at=Stage.COPY, how="SIGSTOP")
    with scene.ledger.begin() as session:
        session.execute(text("UPDATE supersync.executions SET lease_expires_at = now() - interval '1 s'"))
    assert len(reap(scene.ledger, at=utcnow())) == 1
    os.kill(frozen.pid, signal.SIGCONT)
    assert frozen.communicate()[0].strip() == "LeaseLost"
