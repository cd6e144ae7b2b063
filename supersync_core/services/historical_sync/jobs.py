"""Jobs and their runs: which job a run does, and runs for jobs that have lost theirs."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.execution import Trigger
from supersync_core.domain.historical_sync import ANY_AGENCY, JobStatus, Span
from supersync_core.errors import ConfigError, Conflict
from supersync_core.ledger import historical_jobs as rows
from supersync_core.ledger.historical_tables import HistoricalSyncJob
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.configuration import HistoricalSyncConfig
from supersync_core.services.launches import queue_execution


@dataclass(frozen=True)
class JobRequest:
    """What is to be imported. `retry_of`: the failed records of that job instead of the source's."""

    span: Span
    provider: str | None = None
    retry_of: uuid.UUID | None = None


def insert_job(
    session: Session, pipeline: Pipeline, request: JobRequest, *, agency_id: uuid.UUID, at: datetime
) -> HistoricalSyncJob | None:
    """A job that waits for its run; None when the agency has an active one."""
    return rows.insert_unless_active(
        session,
        agency_id=agency_id,
        pipeline_id=pipeline.id,
        retry_of=request.retry_of,
        status=JobStatus.PENDING,
        date_from=request.span.start,
        date_to=request.span.end,
        provider=request.provider,
        created_at=at,
    )


def adopt_job(
    session: Session, pipeline: Pipeline, declared: HistoricalSyncConfig, execution: Execution, *, at: datetime
) -> HistoricalSyncJob:
    """The job that the execution, which runs, is to do: the agency's active one, or a new one of the last days.

    Raises ConfigError for a pipeline that stands for any agency, and Conflict when another one imports its calls.
    """
    if declared.agency == ANY_AGENCY or not isinstance(declared.agency, uuid.UUID):
        raise ConfigError(f"{pipeline.name} stands for any agency: start an import for one")
    job = rows.lock_active(session, declared.agency)
    if job is None:
        span = Span(at - timedelta(days=declared.days), at)
        request = JobRequest(span, declared.source.connection)
        job = insert_job(session, pipeline, request, agency_id=declared.agency, at=at)
    if job is None or job.pipeline_id != pipeline.id or job.execution_id not in (None, execution.id):
        raise Conflict(f"another run imports the calls of the agency {declared.agency}")
    if job.execution_id is None:
        job.execution_id = execution.id
        session.flush()
        rows.follow_execution(session, execution)
    return job


def queue_waiting_jobs(session: Session, *, at: datetime) -> list[tuple[Pipeline, Execution]]:
    """Queue a run for each job that has lost its own; the caller launches them at once."""
    queued = []
    for job in rows.lock_waiting(session, at=at):
        pipeline = session.get_one(Pipeline, job.pipeline_id)
        if pipeline.retired_at is not None:
            rows.end_waiting(session, job, at=at)
            continue
        try:
            execution = queue_execution(session, pipeline, trigger=Trigger.SCHEDULE, at=at)
        except Conflict:
            continue  # that run will see the job
        job.execution_id = execution.id
        queued.append((pipeline, execution))
    session.flush()
    return queued
