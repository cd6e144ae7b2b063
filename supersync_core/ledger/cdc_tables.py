"""What CDC pipelines leave beside executions and checkpoints: dead letters, schemas, what was sensed, how it goes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.ledger.base import Base, belongs_to, key

_PLACE = ("tenant", "database_name", "schema_name", "table_name")


class DeadLetterRow(Base):
    """An event that a sink can never take, in its native form. `seq` grows, and may have gaps.

    `payload_truncated`: the rows in it were too large to keep. `position`: where the source was. `wire`: what else its
    delivery needs. `replay_at`: since when somebody wants it to be delivered again.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index("ix_dead_letters_pipeline", "pipeline_id", "seq"),
        Index("ix_dead_letters_replay", "pipeline_id", "seq", postgresql_where=text("replay_at IS NOT NULL")),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    pipeline_id: Mapped[int] = belongs_to("pipelines")
    sink_id: Mapped[str]
    error_kind: Mapped[str]
    error_message: Mapped[str]
    event_id: Mapped[str]
    event: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    payload_truncated: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    position: Mapped[dict[str, Any] | None]
    wire: Mapped[dict[str, Any] | None]
    replay_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SchemaVersion(Base):
    """A form that a table of a source has had. `version` grows by one with each new fingerprint of the table.

    `columns`: name, type, nullable, default, extra of each, in order. `position`: from where in the log it held. Kept
    by tenant and not by pipeline, so that two pipelines over one database agree.
    """

    __tablename__ = "schema_versions"
    __table_args__ = (
        UniqueConstraint(*_PLACE, "version", name="uq_schema_versions_version"),
        UniqueConstraint(*_PLACE, "fingerprint", name="uq_schema_versions_fingerprint"),
    )

    id: Mapped[int] = key()
    tenant: Mapped[str]
    database_name: Mapped[str]
    schema_name: Mapped[str]
    table_name: Mapped[str]
    version: Mapped[int]
    fingerprint: Mapped[str]
    columns: Mapped[list[str]] = mapped_column(JSONB)
    primary_key: Mapped[list[str]]
    position: Mapped[dict[str, Any] | None]
    registered_at: Mapped[datetime]


class TrackedTable(Base):
    """The form that a table has now for a pipeline, and what was sensed of it and of its JSON columns.

    `name` is the table's, or `table:column` for what was sensed of a column; `schema_id` None for these.
    """

    __tablename__ = "tracked_tables"

    pipeline_id: Mapped[int] = belongs_to("pipelines", primary_key=True)
    database_name: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    schema_id: Mapped[int | None] = belongs_to("schema_versions", on_delete="CASCADE")
    sensed: Mapped[dict[str, Any] | None]
    drift: Mapped[dict[str, Any] | None]
    updated_at: Mapped[datetime]


class PipelineStatus(Base):
    """How a pipeline that runs for long goes at the moment; the last word of its run counts.

    `started_at`: of the present run. `status`: `sink_errors`, `last_ts_ms`, `lag_seconds` and what else it says.
    `current_at`: up to when the sinks are known to have everything. `counters`: what all of its runs have done
    together; they only grow. `retained_bytes`: log that the source's server keeps for it, as of `retained_at`.
    """

    __tablename__ = "pipeline_status"

    pipeline_id: Mapped[int] = belongs_to("pipelines", primary_key=True)
    execution_id: Mapped[int | None] = belongs_to("executions", on_delete="SET NULL", index=True)
    status: Mapped[dict[str, Any]]
    current_at: Mapped[datetime | None]
    counters: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    retained_bytes: Mapped[int | None] = mapped_column(BigInteger)
    retained_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime]
