"""The storage of schedules and sensors."""

from dagster._core.storage.schedules.migration import SCHEDULE_JOBS_SELECTOR_ID
from dagster_postgres import PostgresScheduleStorage
from sqlalchemy import event

from supersync_dagster.storage import ScheduleStorage


def test_it_is_asked_once_whether_its_tables_are_there(database_url: str) -> None:
    storage = ScheduleStorage.from_config_value(None, {"postgres_url": database_url})
    assert list(storage.all_instigator_state()) == []
    statements = list[str]()
    event.listen(storage._engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    assert list(storage.all_instigator_state()) == []
    (statement,) = statements
    assert "FROM instigators" in statement


def test_before_a_migration_it_asks_until_it_has_been(empty_database_url: str) -> None:
    storage = ScheduleStorage.from_config_value(
        None, {"postgres_url": empty_database_url, "should_autocreate_tables": False}
    )
    assert not storage.has_instigators_table() and not storage.has_built_index(SCHEDULE_JOBS_SELECTOR_ID)
    PostgresScheduleStorage(empty_database_url)
    assert storage.has_instigators_table() and storage.has_built_index(SCHEDULE_JOBS_SELECTOR_ID)
