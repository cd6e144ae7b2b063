"""Pipelines and what belongs to one: executions, checkpoints, schedules. The rules of the model are constraints."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from supersync_core.domain.check import DatePart
from supersync_core.domain.execution import Counts, ExecutionState, Trigger
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.ledger.base import Base, belongs_to, key
from supersync_core.ledger.check_tables import CheckRule
from supersync_core.ledger.types import words

LIVE = "state IN ('queued', 'running')"
FINAL = "state IN ('succeeded', 'failed', 'cancelled')"
UNJUDGED = "judged_at IS NULL AND state = 'succeeded'"
"""Executions that wait for the checks: only successes are judged."""
UNMATERIALISED = "NOT managed AND materialised_at IS NULL AND state = 'succeeded'"
"""Executions of others that Dagster has not been told of."""
UNEMITTED = "managed AND emitted_at IS NULL AND ended_at IS NOT NULL"
"""Executions of ours whose end no receiver of OpenLineage events has been told."""
START_HOUR = "EXTRACT(hour FROM (started_at AT TIME ZONE 'UTC'::text))"
"""The hour of the day at which an execution started, in UTC: its baseline are those of the same hour (Watcher)."""


def _count() -> Any:
    return mapped_column(BigInteger, server_default="0", default=0)


def _second_datepart() -> Any:
    # The check of a table's first one has the name of the enum.
    return mapped_column(words(DatePart, "timeliness_datepart"))


def _no() -> Any:
    return mapped_column(server_default=text("false"), default=False)


class PipelineType(Base):
    """What several pipelines have in common (Watcher): expectations for those that have none of their own, and mutes.

    Unique without regard to case. Pipelines that supersync runs have the type of their kind's name.
    """

    __tablename__ = "pipeline_types"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 150", name="name_length"),
        CheckConstraint("least(freshness_number, timeliness_number) > 0", name="numbers"),
    )

    id: Mapped[int] = key()
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    freshness_number: Mapped[int | None]
    freshness_datepart: Mapped[DatePart | None]
    mute_freshness: Mapped[bool] = _no()
    timeliness_number: Mapped[int | None]
    timeliness_datepart: Mapped[DatePart | None] = _second_datepart()
    mute_timeliness: Mapped[bool] = _no()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Pipeline(Base):
    """Something that moves data. `name_key` is `fold_name(name)`: names are unique without regard to case.

    `declared_hash` is the content hash of the last declaration that was written here; None: nobody declared it, it
    came with its first use. `reported_hash`: the same of what somebody else last reported over the Watcher dialect.
    `retired_at`: no longer declared, so nothing runs it; its history stays. `watermark`: how far the last success came;
    `next_watermark`: where the next one will end, as its reporter says. `last_*_at`: the end of the last success that
    inserted, updated or deleted rows. `load_lineage`: whether reported lineage is taken. `extra`: any JSON object.
    """

    __tablename__ = "pipelines"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 150", name="name_length"),
        CheckConstraint("freshness_number > 0", name="freshness_number"),
        CheckConstraint("timeliness_number > 0", name="timeliness_number"),
    )

    id: Mapped[int] = key()
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str | None]
    kind: Mapped[PipelineKind]
    type_id: Mapped[int | None] = belongs_to("pipeline_types", index=True, on_delete="RESTRICT")
    desired_state: Mapped[DesiredState] = mapped_column(
        server_default=DesiredState.RUNNING.value, default=DesiredState.RUNNING
    )
    spec: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    group_name: Mapped[str | None]
    owners: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    tags: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    extra: Mapped[dict[str, Any] | None]
    freshness_number: Mapped[int | None]
    freshness_datepart: Mapped[DatePart | None]
    mute_freshness: Mapped[bool] = _no()
    timeliness_number: Mapped[int | None]
    timeliness_datepart: Mapped[DatePart | None] = _second_datepart()
    mute_timeliness: Mapped[bool] = _no()
    load_lineage: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    watermark: Mapped[str | None]
    next_watermark: Mapped[str | None]
    last_inserted_at: Mapped[datetime | None]
    last_updated_at: Mapped[datetime | None]
    last_deleted_at: Mapped[datetime | None]
    declared_hash: Mapped[str | None]
    reported_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    schedule: Mapped["Schedule | None"] = relationship(lazy="selectin", passive_deletes="all")
    rules: Mapped[list[CheckRule]] = relationship(lazy="selectin", passive_deletes="all", order_by=CheckRule.id)


class Execution(Base):
    """One run of a pipeline. Times: queued, started, ended; a final state and `ended_at` come together.

    `managed`: supersync runs it, so while it runs it holds a lease that its owner renews; else somebody else reports
    it, and a count that was not reported is None. `trigger` None: nobody told us. `error`: `{type, message}` and what
    its kind adds. `launch_claimed_until`: somebody is launching its run, and has until then. `extra`: any JSON object.
    `judged_at`: when the checks have looked at it. `anomaly_flags`: by metric, whether it was found unusual; one that
    was taken back is false. `bands`: by metric, the bounds it was held to, `[low, mean, high]`. `materialised_at`: when
    Dagster was told of it. `emitted_at`: when a receiver of OpenLineage events was told of its end.
    """

    __tablename__ = "executions"
    __table_args__ = (
        CheckConstraint(f"({FINAL}) = (ended_at IS NOT NULL)", name="final_has_end"),
        CheckConstraint("state <> 'queued' OR started_at IS NULL", name="queued_not_started"),
        CheckConstraint("state NOT IN ('running', 'succeeded') OR started_at IS NOT NULL", name="ran_has_start"),
        CheckConstraint("ended_at >= started_at", name="end_after_start"),
        CheckConstraint("(lease_owner IS NULL) = (lease_expires_at IS NULL)", name="lease_whole"),
        CheckConstraint("(lease_owner IS NOT NULL) = (managed AND state = 'running')", name="lease_while_running"),
        CheckConstraint("error IS NULL OR state IN ('failed', 'cancelled')", name="error_when_bad"),
        CheckConstraint("judged_at IS NULL OR ended_at IS NOT NULL", name="judged_when_final"),
        CheckConstraint("parent_id <> id", name="not_own_parent"),
        CheckConstraint(
            "least(rows_extracted, rows_inserted, rows_updated, rows_unchanged, rows_deleted, bytes,"
            " progress_rows, progress_bytes) >= 0",
            name="counters",
        ),
        Index(
            "uq_executions_live_root",
            "pipeline_id",
            unique=True,
            postgresql_where=text(f"managed AND parent_id IS NULL AND {LIVE}"),
        ),
        Index("ix_executions_live", "pipeline_id", postgresql_where=text(LIVE)),
        Index("ix_executions_unjudged", "ended_at", postgresql_where=text(UNJUDGED)),
        Index("ix_executions_unmaterialised", "ended_at", postgresql_where=text(UNMATERIALISED)),
        Index("ix_executions_unemitted", "ended_at", postgresql_where=text(UNEMITTED)),
        Index("ix_executions_history", "pipeline_id", "queued_at", "id"),
        Index("ix_executions_time", "queued_at", "id"),
        Index("ix_executions_ended_at", "pipeline_id", "ended_at"),
        Index(
            "ix_executions_baseline",
            "pipeline_id",
            text(START_HOUR),
            "ended_at",
            postgresql_where=text("state = 'succeeded'"),
        ),
    )

    id: Mapped[int] = key()
    public_id: Mapped[uuid.UUID] = mapped_column(
        unique=True, default=uuid.uuid4, server_default=text("gen_random_uuid()")
    )
    pipeline_id: Mapped[int] = belongs_to("pipelines")
    parent_id: Mapped[int | None] = belongs_to("executions", index=True)
    managed: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    state: Mapped[ExecutionState]
    trigger: Mapped[Trigger | None]
    stage: Mapped[str | None]
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    rows_extracted: Mapped[int | None] = _count()
    rows_inserted: Mapped[int | None] = _count()
    rows_updated: Mapped[int | None] = _count()
    rows_unchanged: Mapped[int] = _count()
    rows_deleted: Mapped[int | None] = _count()
    bytes: Mapped[int] = _count()
    progress_rows: Mapped[int] = _count()
    progress_bytes: Mapped[int] = _count()
    watermark_before: Mapped[str | None]
    watermark_after: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    extra: Mapped[dict[str, Any] | None]
    dagster_run_id: Mapped[str | None] = mapped_column(index=True)
    launch_claimed_until: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = _no()
    judged_at: Mapped[datetime | None]
    anomaly_flags: Mapped[dict[str, Any] | None]
    bands: Mapped[dict[str, Any] | None]
    materialised_at: Mapped[datetime | None]
    emitted_at: Mapped[datetime | None]

    @property
    def counts(self) -> Counts:
        """The five row counters as one value; what was not reported counts as none."""
        return Counts(
            self.rows_extracted or 0,
            self.rows_inserted or 0,
            self.rows_updated or 0,
            self.rows_unchanged,
            self.rows_deleted or 0,
        )

    @property
    def seconds(self) -> float | None:
        """From start to end; None while either is unknown."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


class Checkpoint(Base):
    """How far a pipeline has come. `part` tells several of one pipeline apart: a sink, a channel; else it is empty."""

    __tablename__ = "checkpoints"

    pipeline_id: Mapped[int] = belongs_to("pipelines", primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True, server_default="", default="")
    position: Mapped[dict[str, Any]]
    execution_id: Mapped[int | None] = belongs_to("executions", index=True, on_delete="SET NULL")
    updated_at: Mapped[datetime]


class Schedule(Base):
    """When a pipeline runs: `cron` or every `every_s` seconds, in `timezone`.

    `next_due_at` is set only for an interval that no cron can say: those that can are Dagster's.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        CheckConstraint("(cron IS NULL) <> (every_s IS NULL)", name="cron_or_interval"),
        CheckConstraint("every_s >= 1", name="interval"),
        Index("ix_schedules_due", "next_due_at", postgresql_where=text("enabled AND next_due_at IS NOT NULL")),
    )

    pipeline_id: Mapped[int] = belongs_to("pipelines", primary_key=True)
    cron: Mapped[str | None]
    every_s: Mapped[int | None]
    timezone: Mapped[str] = mapped_column(server_default="UTC", default="UTC")
    enabled: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    next_due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
