"""Dagster's storages in PostgreSQL, which keep a connection while they are at work.

Dagster's own open one for each question: 48 for a short run, and a dozen a second in a site where nothing happens. Each
costs the server more than the question. And the one of schedules and sensors asks before almost each of them whether
it has been migrated; ours asks once.
"""

import threading
import time
from typing import Any
from weakref import WeakValueDictionary

from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import Connection, Engine, create_engine, event

from supersync_core.ledger.database import replace_lost_connections

KEPT_S = 5.0
"""A connection that nobody needs for so long is closed: a stream that runs for weeks keeps none."""

_engines: WeakValueDictionary[str, Engine] = WeakValueDictionary()
_mutex = threading.Lock()


class _Keeping:
    """Before one of dagster-postgres: with the engine that all share."""

    def __init__(self, url: str, *arguments: Any, **options: Any) -> None:
        super().__init__(url, *arguments, **options)  # type: ignore[call-arg]  # those of the class that follows
        self._engine = _engine(url)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """For Dagster, which reads dagster.yaml."""
        return cls(pg_url_from_config(config_value), config_value.get("should_autocreate_tables", True), inst_data)


class RunStorage(_Keeping, PostgresRunStorage):
    """As `PostgresRunStorage`, with its configuration."""


class EventLogStorage(_Keeping, PostgresEventLogStorage):
    """As `PostgresEventLogStorage`, with its configuration."""


class ScheduleStorage(_Keeping, PostgresScheduleStorage):
    """As `PostgresScheduleStorage`, with its configuration. What has been migrated is never undone."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """See `PostgresScheduleStorage`."""
        self._has_instigators, self._built = False, set[str]()
        super().__init__(*arguments, **options)

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


def _engine(url: str) -> Engine:
    """The engine of all storages of this process that are in the same database."""
    with _mutex:
        engine = _engines.get(url)
        if engine is None:
            # One is kept; who needs more at once gets a new one, as with Dagster's own.
            options = {"pool_size": 1, "max_overflow": -1, "use_native_hstore": False}
            engine = _engines[url] = create_engine(url, isolation_level="AUTOCOMMIT", **options)
            replace_lost_connections(engine)
            _close_when_idle(engine)
        return engine


def _close_when_idle(engine: Engine) -> None:
    used_at, mutex, watches = 0.0, threading.Lock(), False

    def note(*_: Any) -> None:
        nonlocal used_at, watches
        used_at = time.monotonic()
        with mutex:
            starts, watches = not watches, True
        if starts:
            threading.Thread(target=watch, name="idle connections", daemon=True).start()

    def watch() -> None:
        nonlocal watches
        while (left := used_at + KEPT_S - time.monotonic()) > 0:
            time.sleep(left)
        with mutex:
            watches = False
        engine.dispose()

    event.listen(engine, "checkin", note)
