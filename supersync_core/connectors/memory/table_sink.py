"""Tables in memory, written from COPY text. Rows and checkpoint appear together, at `commit`."""

import threading
import time
from types import TracebackType
from typing import BinaryIO

from supersync_core.connectors.base import Held, OnStage, Write
from supersync_core.connectors.copy_text import read_rows
from supersync_core.connectors.memory.database import MemoryDatabase, MemoryTable
from supersync_core.connectors.memory.merge import evolve, merge
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Stage
from supersync_core.errors import Cancelled, ConfigError, Contention, SchemaMismatch

PATIENCE_S = 10.0
"""How long to wait for another sync of the table before Contention."""


class MemoryTableSink:
    """A database in memory that takes tables."""

    def __init__(self, database: MemoryDatabase, patience_s: float = PATIENCE_S) -> None:
        """Write to `database`."""
        self._database = database
        self._patience_s = patience_s

    def open(self) -> "MemorySinkSession":
        """A session with nothing locked."""
        return MemorySinkSession(self._database, self._patience_s)


class MemorySinkSession:
    """At most one locked table, and what is to take its place."""

    def __init__(self, database: MemoryDatabase, patience_s: float) -> None:
        """Hold nothing yet."""
        self._database = database
        self._patience_s = patience_s
        self._cancelled = threading.Event()
        self._held: threading.Lock | None = None
        self._staged: MemoryTable | None = None
        self._copied = 0

    def __enter__(self) -> "MemorySinkSession":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget what is not committed."""
        self._release()

    def cancel(self) -> None:
        """End what runs at the next row, and every later call."""
        self._cancelled.set()

    def copied(self) -> int | None:
        """Rows taken so far."""
        return self._copied

    def lock(self, table: TableName, key: str) -> Held:
        """Undo what is not committed, wait for the table, read its checkpoint."""
        self._release()
        lock = self._database.lock_of(table)
        deadline = time.monotonic() + self._patience_s
        while not lock.acquire(timeout=0.05):
            self._raise_if_cancelled()
            if time.monotonic() > deadline:
                raise Contention(f"another sync holds {table}")
        self._held = lock
        self._raise_if_cancelled()
        there = self._database.tables.get(table)
        self._staged = there
        return Held(there.schema if there else None, self._database.checkpoints.get((table, key)))

    def write(self, write: Write, rows: BinaryIO, on_stage: OnStage) -> Counts:
        """Merge the rows into a copy of the table."""
        if not write.primary_key:
            raise ConfigError(f"{write.table}: the source has no primary key; name the columns that identify a row")
        if missing := [name for name in write.primary_key if name not in write.columns]:
            raise SchemaMismatch(f"{write.table}: the source has no key column {', '.join(missing)}")
        on_stage(Stage.PREPARE)
        table = evolve(write, self._staged)
        on_stage(Stage.COPY)
        self._copied = 0
        taken = []
        for row in read_rows(rows):
            self._raise_if_cancelled()
            taken.append(row)
            self._copied += 1
        on_stage(Stage.MERGE)
        merged, counts = merge(write, table, taken, on_stage, self._database.now())
        self._staged = merged
        return counts

    def commit(self, table: TableName, key: str, checkpoint: TableCheckpoint, on_stage: OnStage) -> None:
        """Put the copy in the table's place, and the checkpoint beside it."""
        on_stage(Stage.CHECKPOINT)
        on_stage(Stage.COMMIT)
        self._raise_if_cancelled()
        assert self._staged is not None, "commit follows write"
        self._database.put(table, self._staged, key, checkpoint)
        self._release()

    def _release(self) -> None:
        self._staged = None
        if self._held is not None:
            self._held.release()
            self._held = None

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("cancelled on request")
