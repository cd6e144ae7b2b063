"""Dagster's storage of schedules and sensors in PostgreSQL, which asks once whether it has been migrated.

Dagster's own asks that before almost every question, and each time over a connection of its own. With sensors that tick
all the time these were 8 of 20 new connections a second, in a site where nothing happens.
"""

from typing import Any

from dagster_postgres import PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import Connection


class ScheduleStorage(PostgresScheduleStorage):
    """As `PostgresScheduleStorage`, with its configuration. What has been migrated is never undone."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """See `PostgresScheduleStorage`."""
        self._has_instigators, self._built = False, set[str]()
        super().__init__(*arguments, **options)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "ScheduleStorage":
        """For Dagster, which reads dagster.yaml."""
        autocreate = config_value.get("should_autocreate_tables", True)
        return cls(pg_url_from_config(config_value), autocreate, inst_data)

    def has_instigators_table(self) -> bool:
        """Whether the table is there."""
        return self._has_instigators or super().has_instigators_table()

    def _has_instigators_table(self, conn: Connection) -> bool:
        self._has_instigators = self._has_instigators or super()._has_instigators_table(conn)
        return self._has_instigators

    def has_built_index(self, migration_name: str) -> bool:
        """Whether the data have been migrated, too."""
        if migration_name not in self._built and super().has_built_index(migration_name):
            self._built.add(migration_name)
        return migration_name in self._built
