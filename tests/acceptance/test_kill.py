"""`kill -9` at every stage of a sync: the next run makes everything good, and nothing of the dead one is left."""

import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.table_sync import Stage
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.configuration import Configuration, load_configuration
from supersync_core.services.configuration.apply import apply_configuration
from supersync_core.services.run import run_pipeline
from tests.acceptance.run_and_die import run_and_die
from tests.core.engines.tables import Pair, query

CONFIG = """
connections:
  shop: {type: postgres, dsn: "${SOURCE}"}
  lake: {type: postgres, dsn: "${TARGET}"}
pipelines:
  - name: orders
    kind: table_sync
    source: {connection: shop, table: public.t}
    target: {connection: lake, table: public.t}
    deletes: delete
"""


@pytest.fixture
def pair(source_dsn: str, target_dsn: str) -> Pair:
    query(
        source_dsn,
        "create table t (id int primary key, v text); insert into t select g, repeat('x', 100) from"
        " generate_series(1, 20000) g",
    )
    return Pair(source_dsn, target_dsn)


@pytest.fixture
def environment(pair: Pair, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SOURCE": pair.source, "TARGET": pair.target, "SUPERSYNC_DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def configuration(environment: None, ledger: Ledger, tmp_path: Path) -> Configuration:
    (tmp_path / "supersync.yaml").write_text(CONFIG)
    configuration = load_configuration(tmp_path / "supersync.yaml")
    apply_configuration(ledger, configuration, utcnow())
    return configuration


def live(ledger: Ledger) -> int:
    with ledger.begin() as session:
        running = Execution.state.in_([ExecutionState.QUEUED, ExecutionState.RUNNING])
        return session.scalar(select(func.count()).select_from(Execution).where(running)) or 0


def until_backends_are_gone(pair: Pair) -> None:
    """The servers notice a dead client by themselves; that takes a moment."""
    deadline = time.monotonic() + 20
    ours = (
        "select count(*) from pg_stat_activity"
        " where application_name like 'supersync %' and datname = current_database()"
    )
    while query(pair.source, ours) != [(0,)] or query(pair.target, ours) != [(0,)]:
        assert time.monotonic() < deadline, "the server still works for a dead client"
        time.sleep(0.05)


@pytest.mark.parametrize("stage", list(Stage))
def test_the_run_after_a_kill_makes_everything_good(
    pair: Pair, ledger: Ledger, configuration: Configuration, tmp_path: Path, stage: Stage
) -> None:
    if stage is not Stage.PREPARE:  # that one is killed while the target is created, the others while it is merged
        run_pipeline(ledger, configuration.connections, "orders", trigger=Trigger.MANUAL)
    query(
        pair.source, "update t set v = 'new' where id % 3 = 0; delete from t where id % 7 = 0; insert into t values (0)"
    )
    # A stage that is never reached lets the process end by itself, with 0.
    assert run_and_die(tmp_path / "supersync.yaml", "orders", stage) == -signal.SIGKILL
    report = run_pipeline(ledger, configuration.connections, "orders", trigger=Trigger.MANUAL)
    until_backends_are_gone(pair)
    stages = "select count(*) from pg_class where relname like '%supersync_stage%'"
    assert pair.texts()[0] == pair.texts()[1]
    assert (report.state, live(ledger), query(pair.target, stages)) == (ExecutionState.SUCCEEDED, 0, [(0,)])


@pytest.mark.parametrize("stage", [Stage.LOCK, Stage.MERGE, Stage.COMMIT])
def test_before_the_commit_a_killed_run_has_written_nothing(
    pair: Pair, ledger: Ledger, configuration: Configuration, tmp_path: Path, stage: Stage
) -> None:
    run_pipeline(ledger, configuration.connections, "orders", trigger=Trigger.MANUAL)
    before = pair.texts()[1]
    query(pair.source, "update t set v = 'new'")
    assert run_and_die(tmp_path / "supersync.yaml", "orders", stage) == -signal.SIGKILL
    assert pair.texts()[1] == before
