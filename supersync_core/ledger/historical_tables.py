"""Imports of call histories: jobs in the words of their document, records that failed, and who belongs to an agency.

The document names two tables and a function, which clients of such databases read as well: `users`,
`historical_sync_jobs` and `get_active_sync_job(agency uuid)`.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.domain.historical_sync import JobStatus
from supersync_core.ledger.base import SCHEMA, Base, belongs_to, key
from supersync_core.ledger.types import words

ACTIVE = "status IN ('pending', 'in_progress')"


def _count() -> Any:
    return mapped_column(BigInteger, server_default="0", default=0)


class User(Base):
    """Somebody who may ask for an agency's imports, by the id that Supabase gives; `agency_id` None: of none."""

    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    agency_id: Mapped[uuid.UUID | None] = mapped_column(Uuid, index=True)


class HistoricalSyncJob(Base):
    """An import of the calls of an agency that began within `[date_from, date_to)`.

    It outlives the run that does it: while it is active and `execution_id` is None it waits for the next one, from
    `next_attempt_at` on. `attempts`: runs that have ended without getting it any further. `retry_of`: the job whose
    failed records it tries again. `total_calls` None: nobody knows.
    """

    __tablename__ = "historical_sync_jobs"
    __table_args__ = (
        CheckConstraint("processed_calls = imported_calls + skipped_calls + failed_calls", name="counts"),
        CheckConstraint("least(imported_calls, skipped_calls, failed_calls, total_calls) >= 0", name="counters"),
        CheckConstraint("date_from < date_to", name="range"),
        CheckConstraint(f"({ACTIVE}) = (completed_at IS NULL)", name="ended"),
        Index("uq_historical_sync_jobs_active", "agency_id", unique=True, postgresql_where=text(ACTIVE)),
        Index("ix_historical_sync_jobs_recent", "agency_id", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(
        Uuid, primary_key=True, default=uuid.uuid4, server_default=func.gen_random_uuid()
    )
    agency_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    pipeline_id: Mapped[int] = belongs_to("pipelines", index=True)
    execution_id: Mapped[int | None] = belongs_to("executions", index=True, on_delete="SET NULL")
    retry_of: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey(f"{SCHEMA}.historical_sync_jobs.id", ondelete="SET NULL"), index=True
    )
    status: Mapped[JobStatus] = mapped_column(words(JobStatus))
    date_from: Mapped[datetime]
    date_to: Mapped[datetime]
    total_calls: Mapped[int | None] = mapped_column(BigInteger)
    processed_calls: Mapped[int] = _count()
    imported_calls: Mapped[int] = _count()
    skipped_calls: Mapped[int] = _count()
    failed_calls: Mapped[int] = _count()
    provider: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    next_attempt_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    last_activity_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class FailedCall(Base):
    """A record that is no call: `record` as it came, and why. `ref` names it within its source."""

    __tablename__ = "historical_sync_failed_calls"
    __table_args__ = (UniqueConstraint("job_id", "window", "ref"),)

    id: Mapped[int] = key()
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(f"{SCHEMA}.historical_sync_jobs.id", ondelete="CASCADE"))
    window: Mapped[str]
    ref: Mapped[str]
    record: Mapped[str]
    error: Mapped[str]
    created_at: Mapped[datetime]
