"""Dagster's storages: what they ask, and over which connections."""

from collections.abc import Iterator
from typing import Any

import pytest
from dagster._core.storage.schedules.migration import SCHEDULE_JOBS_SELECTOR_ID
from dagster_postgres import PostgresScheduleStorage
from sqlalchemy import event, text

from supersync_core.ledger.database import Ledger
from supersync_dagster import storage
from supersync_dagster.storage import EventLogStorage, RunStorage, ScheduleStorage
from tests.servers import until

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'"


@pytest.fixture
def storages(database_url: str) -> Iterator[tuple[RunStorage, EventLogStorage, ScheduleStorage]]:
    config = {"postgres_url": database_url}
    yield (
        RunStorage.from_config_value(None, config),
        EventLogStorage.from_config_value(None, config),
        ScheduleStorage.from_config_value(None, config),
    )


def ask(storages: tuple[RunStorage, EventLogStorage, ScheduleStorage]) -> None:
    """One question to each."""
    runs, events, schedules = storages
    assert runs.get_runs_count() == 0
    assert events.get_records_for_run("nobody").records == []
    assert list(schedules.all_instigator_state()) == []


def connections(ledger: Ledger) -> int:
    with ledger.begin() as session:
        return int(session.scalar(text(f"SELECT count(*) {OTHERS}")) or 0)


def test_questions_one_after_the_other_go_over_one_connection_of_all_storages(storages: Any) -> None:
    made = list[object]()
    ask(storages)
    event.listen(storages[0]._engine, "connect", lambda connection, _: made.append(connection))
    for _ in range(3):
        ask(storages)
    assert made == []


def test_a_connection_that_the_server_has_ended_is_replaced(storages: Any, ledger: Ledger) -> None:
    ask(storages)
    until(lambda: connections(ledger) == 1)  # those with which tables were made may just be ending
    with ledger.begin() as session:
        ended = session.scalar(text(f"SELECT count(pg_terminate_backend(pid, 2000)) {OTHERS}"))
    assert ended == 1
    ask(storages)


def test_a_connection_that_nobody_needs_is_closed(
    storages: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "KEPT_S", 0.5)
    for _ in range(2):
        ask(storages)
        until(lambda: connections(ledger) == 1)
        until(lambda: connections(ledger) == 0)


def test_it_is_asked_once_whether_its_tables_are_there(database_url: str) -> None:
    schedules = ScheduleStorage.from_config_value(None, {"postgres_url": database_url})
    assert list(schedules.all_instigator_state()) == []
    statements = list[str]()
    event.listen(schedules._engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    assert list(schedules.all_instigator_state()) == []
    (statement,) = statements
    assert "FROM instigators" in statement


def test_before_a_migration_it_asks_until_it_has_been(empty_database_url: str) -> None:
    schedules = ScheduleStorage.from_config_value(
        None, {"postgres_url": empty_database_url, "should_autocreate_tables": False}
    )
    assert not schedules.has_instigators_table() and not schedules.has_built_index(SCHEDULE_JOBS_SELECTOR_ID)
    PostgresScheduleStorage(empty_database_url)
    assert schedules.has_instigators_table() and schedules.has_built_index(SCHEDULE_JOBS_SELECTOR_ID)
