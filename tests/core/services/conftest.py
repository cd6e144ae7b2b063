"""A pipeline that is ready to run: two real databases, one table, one declaration."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import psycopg2
import pytest

from supersync_core.connectors.postgres.config import Config
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.configuration import TableSyncConfig
from supersync_core.services.executions import list_executions
from supersync_core.services.pipelines import register_pipeline

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def eventually(claim: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether the claim holds before the time is over."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@dataclass
class Scene:
    """A ledger, a source with a table `orders` of 100 rows, an empty target."""

    ledger: Ledger
    source: Any
    target: Any

    @property
    def connections(self) -> dict[str, Config]:
        return {name: Config(type="postgres", dsn=getattr(self, name).dsn) for name in ("source", "target")}

    def declare(self, name: str = "orders", **changes: Any) -> Pipeline:
        """Register a table sync of `orders`; `source=` changes what is read."""
        source = {"connection": "source", "table": "orders"} | changes.pop("source", {})
        target = {"connection": "target", "table": "orders", "primary_key": ["id"]}
        text = {"name": name, "kind": "table_sync", "source": source, "target": target} | changes
        with self.ledger.begin() as session:
            return register_pipeline(session, TableSyncConfig.model_validate(text).declaration(), at=NOON)

    def declare_slow(self, seconds_per_row: float = 0.02) -> Pipeline:
        """Register a sync that would take hours."""
        wide = f"repeat('x', 20000) || pg_sleep({seconds_per_row})::text AS note"
        sql = f"SELECT i AS id, {wide} FROM generate_series(1, 1000000) i"
        return self.declare(source={"table": None, "sql": sql})

    def history(self) -> list[Execution]:
        """Every execution, the oldest first."""
        with self.ledger.begin() as session:
            return list(list_executions(session, HistoryFilter())[0])[::-1]

    def target_rows(self) -> int | None:
        """Rows in the target's table; None where there is no such table."""
        cursor = self.target.cursor()
        cursor.execute("SELECT to_regclass('orders')")
        if cursor.fetchone()[0] is None:
            return None
        cursor.execute("SELECT count(*) FROM orders")
        return int(cursor.fetchone()[0])


@pytest.fixture
def scene(ledger: Ledger, source_dsn: str, target_dsn: str) -> Iterator[Scene]:
    """Everything a run needs save the declaration."""
    connections = [psycopg2.connect(dsn) for dsn in (source_dsn, target_dsn)]
    for connection in connections:
        connection.autocommit = True
    connections[0].cursor().execute(
        "CREATE TABLE orders (id int PRIMARY KEY, changed timestamptz NOT NULL, note text);"
        "INSERT INTO orders SELECT i, timestamptz '2026-11-22 12:00Z' + i * interval '1 s', 'x'"
        " FROM generate_series(1, 100) i"
    )
    yield Scene(ledger, *connections)
    for connection in connections:
        connection.close()
