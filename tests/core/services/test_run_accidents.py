"""What no accident can do to a run: an outage of the ledger, a kill, a freeze, two runs at once."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.table_sync import Stage
from supersync_core.errors import Conflict, LeaseLost, Unavailable
from supersync_core.ledger.database import Ledger, open_ledger
from supersync_core.ledger.locks import PipelineLock
from supersync_core.services.reaper import reap
from tests.core.services.conftest import Scene, eventually
from tests.core.services.test_run import at, run

ROOT = Path(__file__).parents[3]
RUN = """
import json, os, signal, sys
from supersync_core.connectors.postgres.config import Config
from supersync_core.domain.execution import Trigger
from supersync_core.ledger.database import open_ledger
from supersync_core.services.run import run_pipeline
url, dsns, stop_at, signal_name = json.loads(sys.argv[1])
def on_stage(stage):
    if stage.value == stop_at:
        print(stage.value, flush=True)
        os.kill(os.getpid(), getattr(signal, signal_name))
connections = {name: Config(type="postgres", dsn=dsn) for name, dsn in dsns.items()}
try:
    run_pipeline(open_ledger(url), connections, "orders", trigger=Trigger.MANUAL, on_stage=on_stage)
except Exception as error:
    print(type(error).__name__, flush=True)
"""


def start_process(scene: Scene, *, stop_at: Stage, how: str) -> subprocess.Popen[str]:
    """Another process that runs the pipeline and gets the signal `how` at that stage; returns once it is there."""
    dsns = {"source": scene.source.dsn, "target": scene.target.dsn}
    argument = json.dumps([scene.ledger.url, dsns, stop_at.value, how])
    process = subprocess.Popen([sys.executable, "-c", RUN, argument], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == stop_at.value
    if how == "SIGSTOP":
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)  # until then it may still renew its lease
    return process


def expire_leases(ledger: Ledger) -> None:
    """Let 20 s of silence have passed."""
    with ledger.begin() as session:
        session.execute(text("UPDATE supersync.executions SET lease_expires_at = now() - interval '1 s'"))


class Outage:
    """The ledger's database refuses connections for a moment; source and target go on."""

    def __init__(self, ledger: Ledger, server_url: str, seconds: float = 1.5) -> None:
        self._ledger, self._server, self._seconds = ledger, server_url, seconds
        self._name = ledger.engine.url.database

    def __call__(self) -> None:
        self._say(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        self._say(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")
        threading.Timer(self._seconds, self._say, [f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true"]).start()

    def _say(self, statement: str) -> None:
        administrator = open_ledger(self._server)
        with administrator.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        administrator.dispose()


@pytest.mark.parametrize("stage", [Stage.COPY, Stage.COMMIT, Stage.COMMITTED, Stage.CLOSE])
def test_a_ledger_that_is_away_for_a_moment_loses_no_run(scene: Scene, server_url: str, stage: Stage) -> None:
    scene.declare()
    run(scene, on_stage=at(stage, Outage(scene.ledger, server_url)))
    (row,) = scene.history()
    assert (row.state, row.rows_inserted, scene.target_rows()) == (ExecutionState.SUCCEEDED, 100, 100)


def test_a_run_whose_execution_was_closed_commits_nothing(scene: Scene) -> None:
    scene.declare()

    def take_over() -> None:
        expire_leases(scene.ledger)
        reap(scene.ledger, at=utcnow())

    with pytest.raises(LeaseLost):
        run(scene, on_stage=at(Stage.COMMIT, take_over))
    (row,) = scene.history()
    assert (row.state, row.error and row.error["type"]) == (ExecutionState.FAILED, "OwnerDied")
    assert scene.target_rows() is None


def test_a_run_that_was_silent_for_too_long_and_not_missed_goes_on(scene: Scene) -> None:
    scene.declare()
    run(scene, on_stage=at(Stage.COMMIT, lambda: expire_leases(scene.ledger)))
    assert scene.target_rows() == 100


def test_a_process_that_was_frozen_while_its_lease_ran_out_cannot_commit(scene: Scene) -> None:
    pipeline = scene.declare()
    frozen = start_process(scene, stop_at=Stage.COMMIT, how="SIGSTOP")
    expire_leases(scene.ledger)
    (reaped,) = reap(scene.ledger, at=utcnow())
    with PipelineLock(scene.ledger, pipeline.id, "other") as lock:
        assert eventually(lock.hold), "the lock of a frozen process is free once its execution is closed"
    os.kill(frozen.pid, signal.SIGCONT)
    assert frozen.communicate()[0].strip() == "LeaseLost"
    assert scene.target_rows() is None
    assert run(scene).counts.inserted == 100
    assert [row.state for row in scene.history()] == [ExecutionState.FAILED, ExecutionState.SUCCEEDED]
    assert reaped.state is ExecutionState.FAILED


@pytest.mark.parametrize("stage", [Stage.OPEN, Stage.COPY, Stage.COMMITTED, Stage.CLOSE])
def test_a_new_run_takes_over_from_a_killed_one_at_once(scene: Scene, stage: Stage) -> None:
    scene.declare()
    start_process(scene, stop_at=stage, how="SIGKILL").communicate()
    with PipelineLock(scene.ledger, 1, "probe") as lock:
        assert eventually(lock.hold), "the server notices soon, not at once, that a process is gone"
    report = run(scene)
    assert (scene.target_rows(), report.counts.extracted) == (100, 100)
    states = [(row.state, row.error and row.error["type"]) for row in scene.history()]
    assert states == [(ExecutionState.FAILED, "OwnerDied"), (ExecutionState.SUCCEEDED, None)]


def test_of_many_that_start_at_once_one_runs(scene: Scene) -> None:
    scene.declare()
    outcomes: list[str] = []
    held = threading.Barrier(8)

    def start() -> None:
        held.wait()
        try:
            run(scene, on_stage=at(Stage.OPEN, lambda: all_refused.wait(30)))
            outcomes.append("ran")
        except Conflict:
            outcomes.append("refused")
            if outcomes.count("refused") == 7:
                all_refused.set()

    all_refused = threading.Event()
    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ran"] + ["refused"] * 7
    assert len(scene.history()) == 1


def test_an_answer_that_gets_lost_after_it_was_written_makes_no_failure(scene: Scene) -> None:
    scene.declare()
    lost: list[Session] = []

    def lose(session: Session) -> None:
        if not lost:
            lost.append(session)
            raise Unavailable("the answer was lost")

    run(scene, on_stage=at(Stage.CLOSE, lambda: event.listen(Session, "after_commit", lose)))
    event.remove(Session, "after_commit", lose)
    assert lost
    assert [row.state for row in scene.history()] == [ExecutionState.SUCCEEDED]
