"""Read and write imports of call histories. A job follows the execution that does it: see `follow_execution`."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Uuid, column, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.historical_sync import CallCounts, FailedRecord, JobStatus
from supersync_core.ledger.base import SCHEMA
from supersync_core.ledger.historical_tables import ACTIVE, FailedCall, HistoricalSyncJob, User
from supersync_core.ledger.tables import Execution

ACTIVE_STATUSES = tuple(status for status in JobStatus if status.is_active)
MAX_ATTEMPTS = 10
"""Runs in a row that have got a job no further; the last of them fails it."""
MAX_WAIT_S = 60

_ENDED = {
    ExecutionState.SUCCEEDED: JobStatus.COMPLETED,
    ExecutionState.FAILED: JobStatus.FAILED,
    ExecutionState.CANCELLED: JobStatus.CANCELLED,
}


def insert_unless_active(session: Session, **values: Any) -> HistoricalSyncJob | None:
    """A new job, or None when its agency has an active one. Of many at once exactly one gets a row."""
    new = insert(HistoricalSyncJob).values(values)
    new = new.on_conflict_do_nothing(index_elements=[HistoricalSyncJob.agency_id], index_where=text(ACTIVE))
    return session.scalar(new.returning(HistoricalSyncJob))


def find_active(session: Session, agency_id: uuid.UUID) -> HistoricalSyncJob | None:
    """The agency's active job, as `get_active_sync_job` of the database gives it."""
    active = getattr(func, SCHEMA).get_active_sync_job(agency_id).table_valued(column("id", Uuid))
    return session.scalar(select(HistoricalSyncJob).join(active, active.c.id == HistoricalSyncJob.id))


def find_recent(session: Session, agency_id: uuid.UUID) -> HistoricalSyncJob | None:
    """The agency's newest job that has ended."""
    ended = select(HistoricalSyncJob).where(
        HistoricalSyncJob.agency_id == agency_id, HistoricalSyncJob.status.not_in(ACTIVE_STATUSES)
    )
    newest = ended.order_by(HistoricalSyncJob.created_at.desc(), HistoricalSyncJob.id).limit(1)
    return session.scalar(newest)


def find_job(session: Session, agency_id: uuid.UUID, job_id: uuid.UUID) -> HistoricalSyncJob | None:
    """The job of that id, where it is the agency's."""
    mine = HistoricalSyncJob.agency_id == agency_id
    return session.scalar(select(HistoricalSyncJob).where(HistoricalSyncJob.id == job_id, mine))


def select_jobs(session: Session, pipeline_id: int, *, limit: int) -> Sequence[HistoricalSyncJob]:
    """Jobs of a pipeline, the newest first."""
    mine = select(HistoricalSyncJob).where(HistoricalSyncJob.pipeline_id == pipeline_id)
    newest = mine.order_by(HistoricalSyncJob.created_at.desc(), HistoricalSyncJob.id)
    return session.scalars(newest.limit(limit)).all()


def lock_active(session: Session, agency_id: uuid.UUID) -> HistoricalSyncJob | None:
    """The agency's active job as it is now, locked for this transaction."""
    active = select(HistoricalSyncJob).where(
        HistoricalSyncJob.agency_id == agency_id, HistoricalSyncJob.status.in_(ACTIVE_STATUSES)
    )
    return session.scalar(active.with_for_update().execution_options(populate_existing=True))


def lock_waiting(session: Session, *, at: datetime) -> Sequence[HistoricalSyncJob]:
    """Active jobs that have lost their run and may have another one by now, locked."""
    waiting = select(HistoricalSyncJob).where(
        HistoricalSyncJob.status.in_(ACTIVE_STATUSES),
        HistoricalSyncJob.execution_id.is_(None),
        func.coalesce(HistoricalSyncJob.next_attempt_at, at) <= at,
    )
    return session.scalars(waiting.with_for_update(skip_locked=True)).all()


def find_agency(session: Session, user_id: uuid.UUID) -> uuid.UUID | None:
    """The agency of a user of the ledger's own table; None for nobody, and for somebody of none."""
    return session.scalar(select(User.agency_id).where(User.id == user_id))


def note_total(session: Session, job_id: uuid.UUID, total: int | None) -> None:
    """How many calls there will be."""
    session.execute(_of(job_id).values(total_calls=total))


def note_counts(session: Session, job_id: uuid.UUID, counts: CallCounts, *, at: datetime) -> None:
    """How far the job is. A total that was too small grows with it; a job that moves has all its attempts again."""
    moved = {
        "processed_calls": counts.processed,
        "imported_calls": counts.imported,
        "skipped_calls": counts.skipped,
        "failed_calls": counts.failed,
        # `greatest` leaves nulls out: a total that nobody knows stays unknown.
        "total_calls": HistoricalSyncJob.total_calls
        + func.greatest(counts.processed - HistoricalSyncJob.total_calls, 0),
        "last_activity_at": at,
        "attempts": 0,
    }
    session.execute(_of(job_id).values(moved))


def insert_failed(
    session: Session, job_id: uuid.UUID, window: str, failed: Sequence[FailedRecord], *, at: datetime
) -> None:
    """Keep records that are no calls; those that are kept already stay."""
    rows = [{"job_id": job_id, "window": window, "created_at": at, **one._asdict()} for one in failed]
    if rows:
        session.execute(insert(FailedCall).values(rows).on_conflict_do_nothing())


def select_failed(
    session: Session, job_id: uuid.UUID, *, after: int = 0, limit: int | None = None
) -> Sequence[FailedCall]:
    """Records of the job that failed, in the order in which they came."""
    query = select(FailedCall).where(FailedCall.job_id == job_id, FailedCall.id > after).order_by(FailedCall.id)
    return session.scalars(query.limit(limit)).all()


def count_failed(session: Session, job_id: uuid.UUID) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(FailedCall).where(FailedCall.job_id == job_id)) or 0


def delete_failed(session: Session, job_id: uuid.UUID) -> None:
    """Forget the records of the job that failed."""
    session.execute(delete(FailedCall).where(FailedCall.job_id == job_id))


def follow_execution(session: Session, execution: Execution) -> None:
    """Let the job say what its execution, which has just started or ended, means for it.

    One that failed in a way that may pass leaves the job active, for the next run to go on with.
    """
    job = session.scalar(
        select(HistoricalSyncJob)
        .where(HistoricalSyncJob.execution_id == execution.id, HistoricalSyncJob.status.in_(ACTIVE_STATUSES))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if job is None:
        return
    if execution.ended_at is None:
        job.status = JobStatus.IN_PROGRESS
        job.started_at = job.started_at or execution.started_at
        job.last_activity_at = execution.started_at
    elif _may_pass(execution) and job.attempts + 1 < MAX_ATTEMPTS:
        job.attempts, job.execution_id = job.attempts + 1, None
        job.next_attempt_at = execution.ended_at + timedelta(seconds=_wait_s(job.attempts))
    else:
        job.status, job.completed_at, job.error = _ENDED[execution.state], execution.ended_at, execution.error
        if job.status is JobStatus.COMPLETED:
            job.total_calls = job.processed_calls
    session.flush()


def end_waiting(session: Session, job: HistoricalSyncJob, *, at: datetime) -> None:
    """Cancel a job that waits for a run."""
    job.status, job.completed_at = JobStatus.CANCELLED, at
    session.flush()


def _of(job_id: uuid.UUID) -> Any:
    return update(HistoricalSyncJob).where(HistoricalSyncJob.id == job_id)


def _may_pass(execution: Execution) -> bool:
    return execution.state is ExecutionState.FAILED and bool((execution.error or {}).get("retryable"))


def _wait_s(attempts: int) -> int:
    """None after the first: a process that has died is no reason to wait."""
    return 0 if attempts < 2 else int(min(MAX_WAIT_S, 2**attempts))
