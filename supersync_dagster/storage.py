"""Dagster's storage of schedules and sensors in PostgreSQL, which asks once whether its tables are there.

Dagster's own asks the catalogue before almost every question, over a connection of its own. With sensors that tick all
the time these were 8 of 20 new connections a second, in a site where nothing happens.
"""

from typing import Any

from dagster_postgres import PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import Connection


class ScheduleStorage(PostgresScheduleStorage):
    """As `PostgresScheduleStorage`, with its configuration; a table that was there stays there."""

    _has_seen_instigators = False

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "ScheduleStorage":
        """For Dagster, which reads dagster.yaml."""
        autocreate = config_value.get("should_autocreate_tables", True)
        return cls(pg_url_from_config(config_value), autocreate, inst_data)

    def has_instigators_table(self) -> bool:
        """Whether the database has been migrated that far."""
        return self._has_seen_instigators or super().has_instigators_table()

    def _has_instigators_table(self, conn: Connection) -> bool:
        if not self._has_seen_instigators:
            self._has_seen_instigators = super()._has_instigators_table(conn)
        return self._has_seen_instigators
