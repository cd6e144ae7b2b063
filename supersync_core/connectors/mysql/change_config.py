"""How a MySQL change source is declared (DeltaForge: `spec.source.config` of type `mysql`)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _pattern(text: str) -> str:
    if not text or text.startswith(".") or text.endswith("."):
        raise ValueError("write database.table, a bare name, *, or a prefix that ends in * or %")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class _Block(BaseModel):
    # The document's rule: unknown keys are ignored everywhere.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Outbox(_Block):
    """Tables whose rows are messages; the step `outbox` unpacks them. Their patterns."""

    tables: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class SnapshotConfig(_Block):
    """What is read before the log. A block without `mode` is `initial`; no block at all is `never`.

    One table is read after the other, in chunks: the three fields of parallelism are kept and change nothing.
    """

    mode: Literal["initial", "always", "never"] = "initial"
    max_parallel_tables: int = Field(default=8, ge=1)
    chunk_size: int = Field(default=10_000, ge=1, description="rows")
    intra_table_parallel: bool = False
    max_parallel_chunks: int = Field(default=4, ge=1)


class ChangeSourceConfig(_Block):
    """A server of MySQL (8.0.14 on) or MariaDB (10.5 on) whose binary log is read.

    `tables`: patterns, see `domain.table_patterns`; none mean all. Those without a dot are of the DSN's database where
    it names one, else of any.
    """

    id: str = Field(min_length=1)
    dsn: SecretStr = Field(description="mysql://user:password@host:port/database")
    tables: tuple[Pattern, ...]
    outbox: Outbox | None = None
    snapshot: SnapshotConfig | None = None
    on_schema_drift: Literal["adapt", "halt"] = "adapt"
