"""Writing a table the way the engine does, for the suites of table sinks, and the systems to write to."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Protocol

from supersync_core.connectors.base import CopyFormat, Held, TableSink, Write
from supersync_core.connectors.copy_text import CopyTextWriter, text
from supersync_core.connectors.memory import MemoryDatabase, MemoryTableSink
from supersync_core.connectors.memory.values import printed
from supersync_core.connectors.postgres.table_sink import PostgresTableSink
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import Column, TableName, TableSchema
from supersync_core.domain.table_sync import Deletes, Stage
from tests.kept import transaction

Row = tuple[str | None, ...]
TABLE = TableName("target", 'Größe "of" things')
ID, NAME, PRICE = Column("id", "integer", nullable=False), Column("na me", "text"), Column("price", "numeric(8,2)")
COLUMNS = TableSchema((ID, NAME, PRICE), ("id",))
ONE, TWO, THREE = ("1", "one", "1.00"), ("2", None, "2.50"), ("3", "", None)
CHECKPOINT = TableCheckpoint("3", None, "origin", COLUMNS.fingerprint, "2024-01-01T00:00:00+00:00")


class Target(Protocol):
    sink: TableSink

    def rows(self) -> list[Row] | None:
        """What is committed, sorted, as texts; None when there is no table."""


class MemoryTarget:
    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.sink = MemoryTableSink(self.database, patience_s=0.2)

    def rows(self) -> list[Row] | None:
        table = self.database.tables.get(TABLE)
        fields = [[printed(value) for value in row] for row in table.rows] if table else []
        return sorted(tuple(None if f is None else f.decode() for f in row) for row in fields) if table else None


class PostgresTarget:
    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.sink = PostgresTableSink(dsn)

    def rows(self) -> list[Row] | None:
        with transaction(self.dsn) as cursor:
            quoted = TABLE.name.replace('"', '""')
            cursor.execute("select to_regclass(%s) is not null", (f'{TABLE.schema}."{quoted}"',))
            if cursor.fetchone() != (True,):
                return None
            cursor.execute(f'select * from {TABLE.schema}."{quoted}" order by 1')
            return [tuple(None if value is None else str(value) for value in row) for row in cursor.fetchall()]


def copy_text(rows: Sequence[Row]) -> BytesIO:
    out = BytesIO()
    width = len(rows[0]) if rows else 0
    fields = [tuple(None if f is None else f.encode() for f in row) for row in rows]
    CopyTextWriter(out, [str(i) for i in range(width)], [text] * width).write(fields)
    out.seek(0)
    return out


def a_write(
    columns: TableSchema = COLUMNS, *, complete: bool = True, deletes: Deletes = Deletes.KEEP, key: str = "id"
) -> Write:
    return Write(TABLE, columns, (key,), CopyFormat.TEXT, complete=complete, deletes=deletes)


def ignore(stage: Stage) -> None:
    """Nobody wants to know."""


def sync(
    target: Target, rows: Sequence[Row], write: Write | None = None, on_stage: Callable[[Stage], None] = ignore
) -> Counts:
    """Write and commit the rows."""
    with target.sink.open() as session:
        session.lock(TABLE, "key")
        counts = session.write(write or a_write(), copy_text(rows), on_stage)
        session.commit(TABLE, "key", CHECKPOINT, on_stage)
    return counts


def held(target: Target, key: str = "key") -> Held:
    with target.sink.open() as session:
        return session.lock(TABLE, key)
