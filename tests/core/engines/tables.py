"""Two databases and a sync between them, for the tests of the engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from supersync_core.connectors.base import OnStage
from supersync_core.connectors.postgres import PostgresTableSink, PostgresTableSource
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Relation, TableSync, TableSyncResult
from supersync_core.engines.table_sync import TableSyncer
from tests.kept import transaction


def query(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    """Run statements in a transaction of their own; rows of the last one, if it has any."""
    with transaction(dsn) as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Pair:
    """A source and a target database."""

    source: str
    target: str

    def syncer(self, on_stage: OnStage = lambda stage: None) -> TableSyncer:
        """A syncer from one to the other."""
        return TableSyncer(PostgresTableSource(self.source), PostgresTableSink(self.target), on_stage)

    def sync(self, table: str = "public.t", key: Sequence[str] = (), **options: Any) -> TableSyncResult:
        """Sync one table under its own name, over new connections."""
        name = TableName.parse(table)
        sync = TableSync(str(name), options.pop("relation", None) or Relation(name), name, tuple(key), **options)
        with self.syncer() as syncer:
            return syncer.sync(sync)

    def texts(self, table: str = "t") -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """The rows of both sides as their servers print them, sorted."""
        statement = (
            f"set intervalstyle = iso_8601; set extra_float_digits = 3; select t::text from {table} t order by 1"
        )
        return query(self.source, statement), query(self.target, statement)
