"""Bodies and words of the historical sync document.

| there | here |
| --- | --- |
| agency | a pipeline of kind historical_sync, for that agency |
| job, `id` | a row of `historical_sync_jobs`; its runs are executions of the pipeline |
| `pending`, `in_progress` | waits for its run, has one |
| `imported_calls`, `skipped_calls`, `failed_calls` | calls that are new, that were there, records that are no calls |
"""

import uuid
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from supersync_core.domain.historical_sync import percent
from supersync_core.services.historical_sync.requests import FailedCall, HistoricalSyncJob, Standing
from supersync_dagster.api.errors import Problem
from supersync_dagster.api.times import first_moment

NO_TOKEN = "Missing or invalid Authorization header"
BAD_TOKEN = "Invalid or expired token"
NO_AGENCY = "User is not associated with an agency"
_PLAIN = {"Not Found": "Not found", "Method Not Allowed": "Method not allowed"}


def iso_seconds(value: datetime) -> str:
    """UTC with Z, as in the document; with milliseconds where there are any.

    >>> iso_seconds(datetime(2025, 1, 1, tzinfo=timezone.utc))
    '2025-01-01T00:00:00Z'
    """
    form = "milliseconds" if value.microsecond >= 1000 else "seconds"
    return value.astimezone(timezone.utc).isoformat(timespec=form).replace("+00:00", "Z")


def _moment(value: Any) -> Any:
    return first_moment(value) if isinstance(value, str) else value


def _in_reach(value: datetime) -> datetime:
    if not 1900 <= value.year <= 9000:
        raise ValueError("write a year between 1900 and 9000")
    return value


Shown = Annotated[
    datetime,
    PlainSerializer(iso_seconds, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2025-01-01T00:00:00Z"]}),
]
Given = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(_in_reach),
    Field(strict=True, description="A date such as 2025-01-31, or a time such as 2025-01-31T00:00:00Z."),
]


class ErrorBody(BaseModel):
    """What went wrong."""

    error: str


def error_body(problem: Problem) -> dict[str, Any]:
    """The error body of the document. What went wrong on our side is not told."""
    if problem.status >= 500:
        return {"error": "Service unavailable" if problem.status == 503 else "Internal server error"}
    return {"error": _PLAIN.get(problem.message, problem.message)}


class Counted(BaseModel):
    """What every job says. `total_calls` null: nobody knows."""

    id: uuid.UUID
    status: Literal["pending", "in_progress", "completed", "failed", "cancelled"]
    date_from: Shown
    date_to: Shown
    total_calls: int | None
    processed_calls: int
    imported_calls: int
    skipped_calls: int
    failed_calls: int


class ActiveJob(Counted):
    """A job that goes on. `progress_percent` null: nobody knows."""

    progress_percent: int | None
    started_at: Shown | None
    last_activity_at: Shown | None

    @classmethod
    def of(cls, job: HistoricalSyncJob) -> "ActiveJob":
        """From the ledger."""
        return cls(
            **_counted(job),
            progress_percent=percent(job.processed_calls, job.total_calls),
            started_at=job.started_at,
            last_activity_at=job.last_activity_at,
        )


class RecentJob(Counted):
    """A job that has ended."""

    created_at: Shown

    @classmethod
    def of(cls, job: HistoricalSyncJob) -> "RecentJob":
        """From the ledger."""
        return cls(**_counted(job), created_at=job.created_at)


class ActiveBody(BaseModel):
    """A sync is going on."""

    active: Literal[True] = True
    job: ActiveJob


class RecentBody(BaseModel):
    """None is; `recent_job` null: there never was one."""

    active: Literal[False] = False
    recent_job: RecentJob | None


def status_body(standing: Standing) -> ActiveBody | RecentBody:
    """How an agency stands."""
    if standing.active is not None:
        return ActiveBody(job=ActiveJob.of(standing.active))
    return RecentBody(recent_job=RecentJob.of(standing.recent) if standing.recent else None)


class Job(ActiveJob):
    """A job that was started or cancelled."""

    created_at: Shown

    @classmethod
    def of(cls, job: HistoricalSyncJob) -> "Job":
        """From the ledger."""
        return cls(**ActiveJob.of(job).model_dump(), created_at=job.created_at)


class JobBody(BaseModel):
    """The job."""

    job: Job


class ConflictBody(ErrorBody):
    """Another sync is going on: `job`."""

    job: ActiveJob


class StartBody(BaseModel):
    """Import the calls that began from `date_from` on and before `date_to`. `provider`: the source, of several."""

    model_config = ConfigDict(extra="forbid")

    date_from: Given
    date_to: Given
    provider: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class JobChoice(BaseModel):
    """Which job; without one the active, or else the newest."""

    model_config = ConfigDict(extra="forbid")

    job_id: uuid.UUID | None = None


class FailedBody(BaseModel):
    """Records of a job that are no calls; at most as many as were asked for."""

    class Failed(BaseModel):
        """One of them, as it came."""

        source: str
        record: str
        error: str
        created_at: Shown

    job_id: uuid.UUID
    failed_calls: list[Failed]

    @classmethod
    def of(cls, job: HistoricalSyncJob, failed: list[FailedCall]) -> "FailedBody":
        """From the ledger."""
        rows = [
            cls.Failed(source=f"{one.window}:{one.ref}", record=one.record, error=one.error, created_at=one.created_at)
            for one in failed
        ]
        return cls(job_id=job.id, failed_calls=rows)


def _counted(job: HistoricalSyncJob) -> dict[str, Any]:
    names = [*Counted.model_fields]
    return {name: getattr(job, name) for name in names if name != "status"} | {"status": job.status.value}
