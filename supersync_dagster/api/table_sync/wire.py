"""Bodies and words of the table sync document.

| there | here |
| --- | --- |
| job, `job_id` | pipeline of kind table_sync, its name |
| `active`, `paused` | whether its schedule ticks |
| log entry, `log_id` | execution, its id |
| `running`, `success` | queued or running, succeeded |
| `rows_upserted` | rows that the target wrote: inserted and updated |
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.pipeline import MAX_NAME
from supersync_core.services.board import LastRun, Snapshot, Standing, usual_zone
from supersync_core.services.pauses import Switched
from supersync_core.services.pipelines import Pipeline
from supersync_dagster.api.errors import Problem
from supersync_dagster.api.times import Timestamp, shown_milliseconds

RunStatus = Literal["running", "success", "failed", "cancelled"]
JobStatus = Literal["active", "paused"]

STATES: Mapping[RunStatus, tuple[ExecutionState, ...]] = {
    "running": (ExecutionState.QUEUED, ExecutionState.RUNNING),
    "success": (ExecutionState.SUCCEEDED,),
    "failed": (ExecutionState.FAILED,),
    "cancelled": (ExecutionState.CANCELLED,),
}
WORDS: dict[ExecutionState, RunStatus] = {state: word for word, states in STATES.items() for state in states}


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that do not print")
    return text


JobId = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME, description="A job's id: its name in the configuration, in any case."),
    AfterValidator(_printable),
]


class LastResult(BaseModel):
    """What the last finished run did."""

    rows_extracted: int
    rows_upserted: int
    duration_ms: int
    status: RunStatus

    @classmethod
    def of(cls, run: LastRun) -> "LastResult":
        """From the board."""
        return cls(
            rows_extracted=run.counts.extracted,
            rows_upserted=run.counts.upserted,
            duration_ms=shown_milliseconds(run.started_at, run.ended_at) if run.started_at else 0,
            status=WORDS[run.state],
        )


class Job(BaseModel):
    """A job as `GET /status` shows it. `last_run`: the end of the last finished run."""

    job_id: str
    name: str
    status: JobStatus
    last_run: Timestamp | None
    next_run: Timestamp | None
    interval_seconds: int | None
    last_result: LastResult | None

    @classmethod
    def of(cls, standing: Standing) -> "Job":
        """From the board."""
        return cls(
            job_id=standing.name,
            name=standing.title,
            status=_status(standing),
            last_run=standing.last.ended_at if standing.last else None,
            next_run=standing.next_at,
            interval_seconds=standing.cadence.interval_s if standing.cadence else None,
            last_result=LastResult.of(standing.last) if standing.last else None,
        )


class SyncStatus(BaseModel):
    """`status`: the scheduler's, `stopped` while Dagster's daemon is dead. `scheduler_timezone`: of most jobs."""

    status: Literal["running", "stopped"]
    scheduler_timezone: str
    jobs: list[Job]

    @classmethod
    def of(cls, snapshot: Snapshot, standings: tuple[Standing, ...]) -> "SyncStatus":
        """From the board."""
        return cls(
            status="running" if snapshot.daemon_alive else "stopped",
            scheduler_timezone=usual_zone(standings),
            jobs=[Job.of(standing) for standing in standings],
        )


class TriggerRequest(BaseModel):
    """Which job; all of them without `job_id`."""

    # A misspelt job_id would otherwise trigger everything.
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"job_id": "table_stats_sync"}]})

    job_id: JobId | None = None


class TriggerResponse(BaseModel):
    """The jobs whose runs were queued."""

    success: Literal[True] = True
    triggered_jobs: list[str]
    message: str

    @classmethod
    def of(cls, names: list[str]) -> "TriggerResponse":
        """From the names of the pipelines."""
        message = "Sync triggered successfully" if names else "No job was triggered: there is none that is not running"
        return cls(triggered_jobs=names, message=message)


class ScheduleInfo(BaseModel):
    """When a job runs: `cron` (five fields) or every `every_seconds`, read in `timezone`."""

    cron: str | None
    every_seconds: int | None
    timezone: str


class JobInfo(BaseModel):
    """A job as `GET /jobs` shows it: its configuration, with names of connections and never a secret."""

    job_id: str
    name: str
    status: JobStatus
    interval_seconds: int | None
    next_run: Timestamp | None
    schedule: ScheduleInfo | None
    source: dict[str, Any]
    target: dict[str, Any]
    deletes: str
    group: str | None
    owners: list[str]
    tags: dict[str, str]

    @classmethod
    def of(cls, standing: Standing, pipeline: Pipeline) -> "JobInfo":
        """From the board, and from the ledger."""
        cadence = standing.cadence
        return cls(
            job_id=standing.name,
            name=standing.title,
            status=_status(standing),
            interval_seconds=cadence.interval_s if cadence else None,
            next_run=standing.next_at,
            schedule=ScheduleInfo(cron=cadence.as_cron, every_seconds=cadence.every_s, timezone=cadence.timezone)
            if cadence
            else None,
            source=pipeline.spec.get("source", {}),
            target=pipeline.spec.get("target", {}),
            deletes=pipeline.spec.get("deletes", "keep"),
            group=pipeline.group_name,
            owners=pipeline.owners,
            tags=pipeline.tags,
        )


class Jobs(BaseModel):
    """All jobs, by name."""

    jobs: list[JobInfo]
    total: int


class SwitchedJob(BaseModel):
    """A job that was paused or resumed."""

    success: Literal[True] = True
    job_id: str
    status: JobStatus
    next_run: Timestamp | None

    @classmethod
    def of(cls, switched: Switched) -> "SwitchedJob":
        """From the service."""
        status: JobStatus = "active" if switched.active else "paused"
        return cls(job_id=switched.name, status=status, next_run=switched.next_at)


class ErrorBody(BaseModel):
    """What went wrong. `code`: its kind, such as NOT_FOUND. `errors`: each mistake in what was sent."""

    success: Literal[False] = False
    code: str
    message: str
    errors: list[dict[str, str]] | None = None


def error_body(problem: Problem) -> dict[str, Any]:
    """The error body. The document gives none: it is like that of its answers, and like what the guard says."""
    errors = [dict(mistake) for mistake in problem.mistakes] or None
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", problem.kind).upper()
    return ErrorBody(code=code, message=problem.message, errors=errors).model_dump(exclude_none=True)


def _status(standing: Standing) -> JobStatus:
    return "active" if standing.active else "paused"
