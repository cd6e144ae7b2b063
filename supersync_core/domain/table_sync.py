"""What a table sync is told to do, and the stages it goes through."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.execution import Counts
from supersync_core.domain.table import TableName
from supersync_core.errors import ConfigError


class Mode(str, Enum):
    """How much of the source a run reads.

    `full`: every row. `incremental`: the rows that are new since the checkpoint. `window`: the rows whose cursor lies
    within the last `window`, each time.
    """

    FULL = "full"
    INCREMENTAL = "incremental"
    WINDOW = "window"


class Deletes(str, Enum):
    """What a full run does with rows that are gone at the source: `mark` sets the column `_supersync_deleted_at`."""

    KEEP = "keep"
    DELETE = "delete"
    MARK = "mark"


DELETED_AT = "_supersync_deleted_at"
"""Column of a target with `deletes: mark`: timestamptz, null while the row is there."""


class Stage(str, Enum):
    """The stages of a table sync, in order. A kill between any two of them loses and doubles nothing."""

    OPEN = "open"  # the execution is in the ledger
    CONNECT = "connect"  # source and target are about to be connected
    LOCK = "lock"  # the target's table is ours, its checkpoint read
    DESCRIBE = "describe"  # both schemas are known
    PREPARE = "prepare"  # the target is created or altered
    COPY = "copy"  # rows flow
    MERGE = "merge"  # staged rows go into the target
    DELETE = "delete"  # rows that are gone are deleted or marked
    CHECKPOINT = "checkpoint"  # the checkpoint is about to be written
    COMMIT = "commit"  # all is written and nothing committed
    COMMITTED = "committed"  # the target has it, the ledger does not know yet
    CLOSE = "close"  # the execution is about to be closed


@dataclass(frozen=True)
class Relation:
    """What to read: a table, a built-in query of the connector by its name, or SQL. Exactly one is set."""

    table: TableName | None = None
    query: str | None = None
    sql: str | None = None

    def __post_init__(self) -> None:
        """Refuse none and several."""
        if sum(x is not None for x in (self.table, self.query, self.sql)) != 1:
            raise ConfigError("a source names one of: table, query, sql")

    def __str__(self) -> str:
        """The table or query name; SQL is just `sql`, for it may be long."""
        return str(self.table or self.query or "sql")


@dataclass(frozen=True)
class Reading:
    """How much to read. `window` only with mode window; `lookback` allows for rows that commit late (None: the source's
    own way where it has an exact one, else one hour)."""  # noqa: D205

    mode: Mode = Mode.FULL
    cursor: str | None = None
    window: timedelta | None = None
    lookback: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse an incremental run without a cursor, and a window run without cursor or window."""
        if self.mode is not Mode.FULL and self.cursor is None:
            raise ConfigError(f"mode {self.mode.value} needs a cursor: the column that grows when a row changes")
        if (self.mode is Mode.WINDOW) != (self.window is not None):
            raise ConfigError("mode window and the key window go together")


@dataclass(frozen=True)
class TableSync:
    """One table sync. `key` names its checkpoint in the target; an empty `primary_key` means the source's own."""

    key: str
    source: Relation
    target: TableName
    primary_key: tuple[str, ...] = ()
    reading: Reading = field(default_factory=Reading)
    deletes: Deletes = Deletes.KEEP

    def __post_init__(self) -> None:
        """Refuse deletes outside full mode: a part of the rows cannot show which are gone."""
        if self.deletes is not Deletes.KEEP and self.reading.mode is not Mode.FULL:
            raise ConfigError(f"deletes: {self.deletes.value} needs mode full, not {self.reading.mode.value}")


@dataclass(frozen=True)
class TableSyncResult:
    """What a run did. `bytes`: COPY bytes moved. `complete`: whether every row of the source was read."""

    counts: Counts
    bytes: int
    seconds: float
    complete: bool
    before: TableCheckpoint | None
    after: TableCheckpoint
