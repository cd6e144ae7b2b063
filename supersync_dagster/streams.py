"""Pipelines that stream: the job for those that are not loaded yet, and runs for those that should have one.

No `from __future__ import annotations` here: Dagster reads the annotations of `context` and of resources as objects.
"""

from collections.abc import Mapping
from datetime import datetime

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.domain.pipeline import dagster_key
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.dead_letters import expire
from supersync_core.services.cdc.retention import Retention
from supersync_core.services.cdc.supervision import queue_missing_runs
from supersync_core.services.cdc.vault import open_vault
from supersync_core.services.historical_sync.jobs import queue_waiting_jobs
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.runs import PREVIEW, is_preview
from supersync_dagster.translator import EXECUTION, PIPELINE

STREAM_JOB = "supersync_stream"
RETENTION = "supersync_retention"
RETENTION_S = 60


def build_stream_job() -> dg.JobDefinition:
    """A job for any pipeline: one that was registered a moment ago runs before its asset is loaded."""

    @dg.op(name="run_pipeline", description="Run the pipeline that the run's tag names.")
    def run_pipeline(context: dg.OpExecutionContext, supersync: SupersyncResource) -> None:
        supersync.stream(context)

    @dg.job(
        name=STREAM_JOB,
        executor_def=dg.in_process_executor,
        description="Runs a pipeline that was registered after these definitions were loaded. Supersync launches it.",
    )
    def stream() -> None:
        run_pipeline()

    return stream


def requests_for_streams(ledger: Ledger, jobs: Mapping[str, str], *, at: datetime) -> list[dg.RunRequest]:
    """A run for each stream that somebody wants, and each import of calls that goes on, where they have none.

    `jobs` has the job's name by the pipeline's.
    """
    with ledger.begin() as session:
        missing = [*queue_missing_runs(session, at=at), *queue_waiting_jobs(session, at=at)]
    return [
        dg.RunRequest(
            run_key=str(execution.public_id),
            job_name=jobs.get(pipeline.name, STREAM_JOB),
            tags={PIPELINE: dagster_key(pipeline.name), EXECUTION: str(execution.id)},
        )
        for pipeline, execution in missing
    ]


def retention_sensor() -> dg.SensorDefinition:
    """Ask the servers of sources how much log they keep because of us, also for pipelines that are stopped.

    And let dead letters go that are older than they are kept.
    """

    @dg.sensor(
        name=RETENTION,
        minimum_interval_seconds=RETENTION_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks how much log the servers of CDC pipelines keep because of them, and tells of too much.",
    )
    def retention(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SkipReason:
        if is_preview(context):
            return dg.SkipReason(PREVIEW)
        settings = supersync.settings()
        level = settings.retained_warning_bytes
        with supersync.ledger().begin() as session:
            expire(session, at=utcnow())
        found = Retention(supersync.ledger(), open_vault(settings), warning_bytes=level, clock=utcnow).measure()
        many = [name for name, size in found.items() if size > level]
        return dg.SkipReason(f"{len(found)} servers have answered; too much is kept for: {', '.join(many) or 'none'}")

    return retention
