"""What somebody asks of the imports of their agency: how they stand, start, cancel, what failed and again."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import event
from sqlalchemy.orm import Session

from supersync_core.domain.execution import Trigger
from supersync_core.domain.historical_sync import Span
from supersync_core.domain.pipeline import dagster_key
from supersync_core.errors import Conflict, NotFound
from supersync_core.ledger import historical_jobs as rows
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.historical_tables import FailedCall, HistoricalSyncJob
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.cancels import tell_after_commit
from supersync_core.services.executions import open_execution, request_cancel
from supersync_core.services.historical_sync.agencies import pipeline_of_agency
from supersync_core.services.historical_sync.jobs import JobRequest, insert_job
from supersync_core.services.launcher import Launcher
from supersync_core.services.triggers import require_daemon

__all__ = ["FailedCall", "HistoricalSyncJob", "InProgress", "Standing"]

CANCEL_S = 2.0
"""An import that somebody cancels ends within this time."""
LOOK_S = 0.05
MAX_FAILED = 1000


class InProgress(Conflict):
    """The agency has an active job already: `job`."""

    def __init__(self, job: HistoricalSyncJob) -> None:
        """Keep the job."""
        super().__init__("A sync is already in progress")
        self.job = job


@dataclass(frozen=True)
class Standing:
    """The agency's active job, or else the newest that has ended; None where there never was one."""

    active: HistoricalSyncJob | None
    recent: HistoricalSyncJob | None = None


def read_standing(session: Session, agency_id: uuid.UUID) -> Standing:
    """How the agency's imports stand."""
    active = rows.find_active(session, agency_id)
    return Standing(active) if active is not None else Standing(None, rows.find_recent(session, agency_id))


def start_import(
    session: Session, launcher: Launcher, agency_id: uuid.UUID, request: JobRequest, *, at: datetime
) -> HistoricalSyncJob:
    """Queue an import, launched in the background once the transaction is committed.

    Raises NotFound where none is set up for the agency, InProgress while one is active, Unavailable with nothing queued
    when nobody would start it.
    """
    pipeline, is_new = pipeline_of_agency(session, agency_id, provider=request.provider, at=at)
    require_daemon(launcher)
    provider = request.provider or str(pipeline.spec["source"]["connection"])
    wanted = JobRequest(request.span, provider, request.retry_of)
    job = insert_job(session, pipeline, wanted, agency_id=agency_id, at=at)
    if job is None:
        active = rows.find_active(session, agency_id)
        raise InProgress(active) if active is not None else Conflict("a sync has just ended: ask again")
    execution = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=at)
    job.execution_id = execution.id
    session.flush()
    if is_new:
        event.listen(session, "after_commit", lambda _: launcher.reload(), once=True)
    key, execution_id = dagster_key(pipeline.name), execution.id
    event.listen(session, "after_commit", lambda _: launcher.launch_soon(key, execution_id), once=True)
    return job


def retry_failed(
    session: Session, launcher: Launcher, agency_id: uuid.UUID, job_id: uuid.UUID | None, *, at: datetime
) -> HistoricalSyncJob:
    """Queue another try of the records that failed in a job, None: in the newest. Raises NotFound, and as a start."""
    before = _ended_job(session, agency_id, job_id)
    if not rows.count_failed(session, before.id):
        raise NotFound("the job has no failed calls left")
    span = Span(before.date_from, before.date_to)
    return start_import(session, launcher, agency_id, JobRequest(span, before.provider, before.id), at=at)


def cancel_import(
    ledger: Ledger, launcher: Launcher, agency_id: uuid.UUID, job_id: uuid.UUID | None, *, at: datetime
) -> HistoricalSyncJob:
    """End the agency's active job, and wait for its end, which comes within two seconds; the job, as it is then.

    What is imported stays. Raises NotFound where none is active, or `job_id` is another.
    """
    with ledger.begin() as session:
        job = rows.find_active(session, agency_id)
        if job is None or job_id not in (None, job.id):
            raise NotFound("no sync is in progress")
        if job.execution_id is None:
            rows.end_waiting(session, job, at=at)
        else:
            tell_after_commit(session, launcher, request_cancel(session, job.execution_id, at=at))
        wanted = job.id
    deadline = time.monotonic() + CANCEL_S
    while True:
        with ledger.begin() as session:
            found = rows.find_job(session, agency_id, wanted)
        if found is None or not found.status.is_active or time.monotonic() > deadline:
            return found or job
        time.sleep(LOOK_S)


def list_failed(
    session: Session, agency_id: uuid.UUID, job_id: uuid.UUID | None, *, limit: int
) -> tuple[HistoricalSyncJob, Sequence[FailedCall]]:
    """A job, None: the newest, and records that failed in it. Raises NotFound."""
    job = rows.find_job(session, agency_id, job_id) if job_id else None
    if job_id is None:
        standing = read_standing(session, agency_id)
        job = standing.active or standing.recent
    if job is None:
        raise NotFound("there is no such job")
    return job, rows.select_failed(session, job.id, limit=limit)


def list_jobs(session: Session, pipeline_id: int, *, limit: int) -> Sequence[HistoricalSyncJob]:
    """Jobs of a pipeline, the newest first."""
    return rows.select_jobs(session, pipeline_id, limit=limit)


def pipeline_name(session: Session, job: HistoricalSyncJob) -> str:
    """Of the pipeline that does it."""
    return session.get_one(Pipeline, job.pipeline_id).name


def _ended_job(session: Session, agency_id: uuid.UUID, job_id: uuid.UUID | None) -> HistoricalSyncJob:
    job = rows.find_job(session, agency_id, job_id) if job_id else rows.find_recent(session, agency_id)
    if job is None or job.status.is_active:
        raise NotFound("there is no such job that has ended")
    return job
