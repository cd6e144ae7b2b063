"""What a connector must do: Protocols with their contracts in prose.

A connector moves rows as *bytes in PostgreSQL's COPY formats*: a source writes them, a sink reads them, and nobody in
between decodes a value. Every source can write `text`; one that can also write `binary` says so.

Errors: RetryError when the same call may succeed later (connection lost, lock not granted), AbortError when it never
will; nothing else leaves a connector. `cancel` is the only method that another thread may call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, BinaryIO, Protocol

from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import TableName, TableSchema
from supersync_core.domain.table_sync import Deletes, Reading, Relation, Stage

OnStage = Callable[[Stage], None]
"""Called when a stage begins. May raise (Cancelled, LeaseLost): the caller then rolls back and nothing is written."""


class CopyFormat(str, Enum):
    """How rows look on the way: PostgreSQL's COPY formats (https://www.postgresql.org/docs/current/sql-copy.html)."""

    BINARY = "binary"
    TEXT = "text"


@dataclass(frozen=True)
class ReadPlan:
    """What a source will read. `where` is its own business.

    `complete`: every row of the relation is read. `checkpoint`: what to store once the rows are.
    """

    relation: Relation
    schema: TableSchema
    complete: bool
    checkpoint: TableCheckpoint
    where: Any = None


class SourceSession(Protocol):
    """One connection with one consistent, read-only snapshot: every read sees the same moment."""

    def tables(self, pattern: str) -> list[TableName]:
        """Tables and views whose `schema.name` matches a shell pattern such as `sales.*`, sorted; [] if none does."""

    def describe(self, relation: Relation) -> TableSchema:
        """Columns and primary key. Raises NotFound."""

    def formats(self, schema: TableSchema) -> tuple[CopyFormat, ...]:
        """The formats in which it can write these columns, the best first; `text` is always among them."""

    def plan(
        self, relation: Relation, schema: TableSchema, reading: Reading, since: TableCheckpoint | None
    ) -> ReadPlan:
        """Decide what to read. `since` is the last stored checkpoint; one of another origin or schema is ignored.

        No row that was invisible to the snapshot of `since` and is visible to this one may be left out, however old its
        cursor value; a source that cannot know says in its docstring how late a row may be.
        """

    def copy(self, plan: ReadPlan, copy_format: CopyFormat, out: BinaryIO) -> None:
        """Write the rows of `plan` to `out` in the order of `plan.schema.columns`, holding a bounded number of them."""

    def cancel(self) -> None:
        """Make a running call end within a second with Cancelled. From any thread, at any time, any number of times."""

    def __enter__(self) -> "SourceSession":
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""


class TableSource(Protocol):
    """A system whose tables can be read."""

    def open(self) -> SourceSession:
        """Connect and take the snapshot. Raises Unavailable or AccessDenied."""


@dataclass(frozen=True)
class Held:
    """A target table that is locked for this session: its schema and checkpoint.

    Both are None when there is no such table: the checkpoint of a table that was dropped says nothing.
    """

    schema: TableSchema | None
    checkpoint: TableCheckpoint | None


@dataclass(frozen=True)
class Write:
    """What a sink shall do with the rows that come.

    `columns` of the rows that come, in order, with their types at the source. `primary_key`: columns that identify a
    row. `complete`: every row of the source comes, so rows that do not come are gone (see `deletes`).
    """

    table: TableName
    columns: TableSchema
    primary_key: tuple[str, ...]
    copy_format: CopyFormat
    complete: bool
    deletes: Deletes = Deletes.KEEP


class SinkSession(Protocol):
    """One connection. From `lock` to `commit` is one transaction per table; leaving without `commit` undoes it."""

    def lock(self, table: TableName, key: str) -> Held:
        """Begin a transaction and shut out every other sync of `table` until it ends; read the checkpoint of `key`.

        Raises Contention when another sync holds the table for longer than the sink's patience.
        """

    def write(self, write: Write, rows: BinaryIO, on_stage: OnStage) -> Counts:
        """Create or alter the table as needed, take all `rows`, merge them. Unchanged rows are left alone.

        A new column is added, a wider type widens, a column that is gone stays and takes nulls. Calls `on_stage` with
        PREPARE, COPY, MERGE and DELETE, each only if there is such work. Raises SchemaMismatch, BadData.
        """

    def commit(self, table: TableName, key: str, checkpoint: TableCheckpoint, on_stage: OnStage) -> None:
        """Store the checkpoint and commit it together with the rows. Calls `on_stage` with CHECKPOINT and COMMIT."""

    def copied(self) -> int | None:
        """Rows that the running COPY has taken so far, or None where that cannot be known. From any thread."""

    def cancel(self) -> None:
        """Make a running call end within a second with Cancelled. From any thread, at any time, any number of times."""

    def __enter__(self) -> "SinkSession":
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what is not committed and close the connection."""


class TableSink(Protocol):
    """A system that can hold tables."""

    def open(self) -> SinkSession:
        """Connect. Raises Unavailable or AccessDenied."""
