"""Tables in memory, read as COPY text. New rows: see `by_cursor.py`."""

import threading
from fnmatch import fnmatchcase
from types import TracebackType
from typing import BinaryIO

from supersync_core.connectors.base import CopyFormat, ReadPlan
from supersync_core.connectors.by_cursor import Range, Snapshot, plan_by_cursor
from supersync_core.connectors.copy_text import CopyTextWriter, Field, batches, text
from supersync_core.connectors.memory.database import MemoryDatabase, MemoryTable
from supersync_core.connectors.memory.values import ordered, printed
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableName, TableSchema
from supersync_core.domain.table_sync import Reading, Relation
from supersync_core.errors import Cancelled, NotFound


class MemoryTableSource:
    """A database in memory whose tables can be read."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Read from `database`."""
        self._database = database

    def open(self) -> "MemorySourceSession":
        """Take the snapshot."""
        return MemorySourceSession(self._database)


class MemorySourceSession:
    """The tables as they were when it was opened."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Take the snapshot."""
        self._origin = f"memory {id(database)}"
        self._now, self._tables = database.snapshot()
        self._cancelled = threading.Event()

    def __enter__(self) -> "MemorySourceSession":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget the snapshot."""
        self._tables = {}

    def cancel(self) -> None:
        """End a copy, and every later call."""
        self._cancelled.set()

    def tables(self, pattern: str) -> list[TableName]:
        """Match `schema.name` with `*`, `?` and `[...]`."""
        self._raise_if_cancelled()
        wanted = TableName.parse(pattern)
        names = sorted(self._tables)
        return [t for t in names if fnmatchcase(t.schema, wanted.schema) and fnmatchcase(t.name, wanted.name)]

    def describe(self, relation: Relation) -> TableSchema:
        """The table's schema; memory holds no queries."""
        return self._table(relation).schema

    def formats(self, schema: TableSchema) -> tuple[CopyFormat, ...]:
        """Text only."""
        return (CopyFormat.TEXT,)

    def plan(
        self, relation: Relation, schema: TableSchema, reading: Reading, since: TableCheckpoint | None
    ) -> ReadPlan:
        """By cursor."""
        table = self._table(relation)
        snapshot = Snapshot(f"{self._origin} {relation}", self._now, lambda cursor: _largest(table, cursor))
        return plan_by_cursor(relation, schema, reading, since, snapshot)

    def copy(self, plan: ReadPlan, copy_format: CopyFormat, out: BinaryIO) -> None:
        """Write the rows as text."""
        table = self._table(plan.relation)
        places = [table.schema.names.index(name) for name in plan.schema.names]
        rows = ([printed(row[place]) for place in places] for row in table.rows if _wanted(table, row, plan.where))
        names = plan.schema.names
        writer = CopyTextWriter(out, names, [text] * len(names), plan.schema.primary_key)
        for batch in batches(rows):
            self._raise_if_cancelled()
            writer.write(batch)

    def _table(self, relation: Relation) -> MemoryTable:
        self._raise_if_cancelled()
        if relation.table is None or relation.table not in self._tables:
            raise NotFound(f"there is no table {relation} in memory")
        return self._tables[relation.table]

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("cancelled on request")


def _cell(table: MemoryTable, row: tuple[object, ...], column: str) -> Field:
    return printed(row[table.schema.names.index(column)])


def _largest(table: MemoryTable, cursor: str) -> str | None:
    fields = [field for row in table.rows if (field := _cell(table, row, cursor)) is not None]
    type_name = table.schema[cursor].type
    return max(fields, key=lambda field: ordered(field, type_name)).decode() if fields else None


def _wanted(table: MemoryTable, row: tuple[object, ...], where: Range | None) -> bool:
    if where is None:
        return True
    field, type_name = _cell(table, row, where.cursor), table.schema[where.cursor].type
    if field is None:
        return where.nulls
    ours = ordered(field, type_name)
    bounds = [(ordered(bound.value.encode(), type_name), bound.inclusive) for bound in where.bounds]
    return any(ours > value or (inclusive and ours == value) for value, inclusive in bounds)
