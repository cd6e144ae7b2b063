"""How a PostgreSQL change source is declared (DeltaForge: `spec.source.config` of type `postgres`)."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

# Slot names: src/backend/replication/slot.c, ReplicationSlotValidateName.
_SLOT = re.compile(r"[a-z0-9_]{1,63}")
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
_NAME_BYTES = 63


def _slot(name: str) -> str:
    if not _SLOT.fullmatch(name):
        raise ValueError("a slot's name has at most 63 of: a to z, 0 to 9, _")
    return name


def _identifier(name: str) -> str:
    if not 0 < len(name.encode()) <= _NAME_BYTES or "\0" in name:
        raise ValueError("a name has 1 to 63 bytes")
    return name


def _lsn(text: str) -> str:
    if not _LSN.fullmatch(text):
        raise ValueError("an LSN looks like 0/16B3748")
    return text


def _pattern(text: str) -> str:
    if not text or text.startswith(".") or text.endswith("."):
        raise ValueError("write schema.table, a bare name, *, or a prefix that ends in * or %")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class _Block(BaseModel):
    # The document's rule: unknown keys are ignored everywhere.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class StartLsn(_Block):
    """A place in the log."""

    lsn: Annotated[str, AfterValidator(_lsn)]


class Outbox(_Block):
    """Logical messages that are read beside the tables: their prefixes, exact or ending in `*` or `%`."""

    prefixes: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class SnapshotConfig(_Block):
    """What is read before the log. A block without `mode` is `initial`; no block at all is `never`.

    One table is read after the other, in chunks: the three fields of parallelism are kept and change nothing.
    """

    mode: Literal["initial", "always", "never"] = "initial"
    max_parallel_tables: int = Field(default=8, ge=1)
    chunk_size: int = Field(default=10_000, ge=1, description="rows; fewer where rows are wide")
    intra_table_parallel: bool = False
    max_parallel_chunks: int = Field(default=4, ge=1)


class ChangeSourceConfig(_Block):
    """A PostgreSQL database whose log is read. `tables`: patterns, see `domain.table_patterns`; none mean all."""

    id: str = Field(min_length=1)
    dsn: SecretStr = Field(description="postgresql://user:password@host:port/database, or libpq keywords")
    publication: Annotated[str, AfterValidator(_identifier)]
    slot: Annotated[str, AfterValidator(_slot)]
    tables: tuple[Pattern, ...]
    start_position: Literal["earliest", "latest"] | StartLsn = "earliest"
    outbox: Outbox | None = None
    snapshot: SnapshotConfig | None = None
    on_schema_drift: Literal["adapt", "halt"] = "adapt"
