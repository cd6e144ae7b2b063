"""Tables in this process: rows are tuples of Python values, checkpoints lie beside them."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from supersync_core.clock import Clock, utcnow
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableName, TableSchema

Row = tuple[Any, ...]


@dataclass
class MemoryTable:
    """A schema, and rows in the order of its columns."""

    schema: TableSchema
    rows: list[Row] = field(default_factory=list)


class MemoryDatabase:
    """Named tables, and the checkpoints of the syncs into them."""

    def __init__(self, clock: Clock = utcnow) -> None:
        """Empty. `clock` dates the snapshots that are taken of it."""
        self.tables: dict[TableName, MemoryTable] = {}
        self.checkpoints: dict[tuple[TableName, str], TableCheckpoint] = {}
        self._clock = clock
        self._mutex = threading.Lock()
        self._locks: dict[TableName, threading.Lock] = {}

    def create(self, name: str, schema: TableSchema, rows: Iterable[Row] = ()) -> MemoryTable:
        """Make the table `name` (as TableName.parse reads it), in place of one that is there."""
        table = self.tables[TableName.parse(name)] = MemoryTable(schema, list(rows))
        return table

    def rows(self, name: str) -> list[Row]:
        """The rows of the table `name`."""
        return self.tables[TableName.parse(name)].rows

    def snapshot(self) -> tuple[datetime, dict[TableName, MemoryTable]]:
        """All tables as they are at one moment, and that moment."""
        with self._mutex:
            now = self._clock()
            return now, {name: MemoryTable(table.schema, list(table.rows)) for name, table in self.tables.items()}

    def put(self, name: TableName, table: MemoryTable, key: str, checkpoint: TableCheckpoint) -> None:
        """Set a table and its checkpoint so that no snapshot sees one without the other."""
        with self._mutex:
            self.tables[name] = table
            self.checkpoints[name, key] = checkpoint

    def now(self) -> datetime:
        """The time by this database's clock."""
        return self._clock()

    def lock_of(self, name: TableName) -> threading.Lock:
        """The lock that shuts out other syncs of a table, which need not exist yet."""
        with self._mutex:
            return self._locks.setdefault(name, threading.Lock())


_NAMED: dict[str, MemoryDatabase] = {}


def named_database(name: str) -> MemoryDatabase:
    """The database of that name in this process, made at first use."""
    return _NAMED.setdefault(name, MemoryDatabase())
