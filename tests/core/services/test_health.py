"""What doctor and status show."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.errors import ConfigError
from supersync_core.ledger.database import Ledger, SchemaState, open_ledger
from supersync_core.services.executions import Outcome, finish_execution, open_execution
from supersync_core.services.health import ledger_health, pipeline_statuses
from supersync_core.services.pipelines import register_pipeline
from tests.conftest import TEMPLATE
from tests.core.services.conftest import NOON


def test_a_ledger_that_is_well_has_no_problem(database_url: str) -> None:
    health = ledger_health(database_url)
    assert (health.problem, health.schema) == (None, SchemaState.CURRENT)
    assert health.server_version is not None and health.server_version.startswith("18.")
    assert health.seconds is not None and 0 < health.seconds < 5


def test_a_ledger_without_a_schema_says_what_to_do(empty_database_url: str) -> None:
    assert ledger_health(empty_database_url).problem == "the ledger's schema is missing: run supersync migrate"


def test_a_ledger_that_does_not_answer_is_a_problem_not_an_error(tmp_path: Path) -> None:
    health = ledger_health(f"postgresql://u:canary@/d?host={tmp_path}")
    assert health.problem is not None and "cannot be reached" in health.problem and "canary" not in health.problem


def test_a_url_that_names_no_ledger_is_an_error() -> None:
    with pytest.raises(ConfigError):
        ledger_health("mysql://h/d")


def test_each_pipeline_is_shown_with_its_newest_execution(ledger: Ledger) -> None:
    with ledger.begin() as session:
        for name in ("never", "runs"):
            pipeline = register_pipeline(session, PipelineDeclaration(name, PipelineKind.TABLE_SYNC), at=NOON)
        for minutes in (1, 2):
            row = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON + timedelta(minutes=minutes))
            finish_execution(session, row.id, Outcome(ExecutionState.CANCELLED), at=row.queued_at)
    with ledger.begin() as session:
        statuses = pipeline_statuses(session)
    assert [(status.pipeline.name, status.latest and status.latest.id) for status in statuses] == [
        ("never", None),
        ("runs", row.id),
    ]


def test_a_ledger_is_left_without_connections(new_database: Callable[[str], str]) -> None:
    database_url = new_database(TEMPLATE)
    ledger_health(database_url)
    ledger = open_ledger(database_url)
    with ledger.engine.connect() as connection:
        others = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).scalar()
    ledger.dispose()
    assert others == 0
