"""Bodies and words of the channel sync document.

| there | here |
| --- | --- |
| channel, `channel_id` | what a pipeline of kind channel_sync syncs |
| job, `job_id` | execution: `sync_` and its id |
| `completed` | succeeded |
| `current_stage` | stage |
| `error.code` | type of the error |
"""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from supersync_core.domain.channel_sync import ChannelStage
from supersync_core.domain.execution import ExecutionState
from supersync_core.services.channel_sync.jobs import Job, Scheduled
from supersync_core.services.channel_sync.requests import Started
from supersync_dagster.api.channel_sync.error_wire import Error

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
Stage = Literal["fetching_messages", "extracting_facts", "building_graph", "generating_wiki"]

STATES: Mapping[ExecutionState, Status] = {
    ExecutionState.QUEUED: "queued",
    ExecutionState.RUNNING: "running",
    ExecutionState.SUCCEEDED: "completed",
    ExecutionState.FAILED: "failed",
    ExecutionState.CANCELLED: "cancelled",
}
STAGES: Mapping[ChannelStage, Stage] = {
    ChannelStage.FETCH: "fetching_messages",
    ChannelStage.EXTRACT: "extracting_facts",
    ChannelStage.GRAPH: "building_graph",
    ChannelStage.WIKI: "generating_wiki",
}
_JOB = re.compile(r"sync_([1-9][0-9]{0,17})")


def _moment(value: datetime) -> str:
    """UTC to the second, as in the document."""
    return value.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    PlainSerializer(_moment, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-04-13T10:30:00Z"]}),
]


def printable(text: str) -> str:
    """The text. Raises ValueError for one that no database holds or no page shows."""
    if not text.isprintable():
        raise ValueError("holds characters that do not print")
    return text


ChannelId = Annotated[
    str, Field(min_length=1, max_length=150, description="Channel identifier"), AfterValidator(printable)
]
JobId = Annotated[str, Field(min_length=1, max_length=100, description="Sync job ID", examples=["sync_123"])]


def job_number(text: str) -> int:
    """The execution that a job is; 0, which none is, for what names no job."""
    found = _JOB.fullmatch(text)
    return int(found[1]) if found else 0


def job_name(execution_id: int) -> str:
    """The name of a job."""
    return f"sync_{execution_id}"


class StartBody(BaseModel):
    """Which channel, and whether all of it is read again."""

    model_config = ConfigDict(extra="forbid")

    channel_id: ChannelId
    force: bool = Field(default=False, strict=True, description="Force full re-sync")


class StartedBody(BaseModel):
    """A sync that is queued. `estimated_messages` null: the platform cannot tell."""

    status: Literal["started"] = "started"
    job_id: str
    channel_id: str
    estimated_messages: int | None
    started_at: Moment

    @classmethod
    def of(cls, started: Started) -> "StartedBody":
        """From the service."""
        return cls(
            job_id=job_name(started.execution_id),
            channel_id=started.channel_id,
            estimated_messages=started.estimated,
            started_at=started.at,
        )


class Progress(BaseModel):
    """Messages. `percentage`: of `total_messages`, halves rounded up; null while that is not known.

    `stage_progress`: of the present stage, 0 to 100.
    """

    total_messages: int | None
    processed_messages: int
    failing_messages: int
    percentage: int | None
    stage_progress: int | None

    @classmethod
    def of(cls, job: Job) -> "Progress":
        """From the service. What is completed is whole, also where there was nothing to do."""
        now, done = job.progress, job.state is ExecutionState.SUCCEEDED
        stage = percent(now.processed, now.total) if now.stage is ChannelStage.FETCH else None
        return cls(
            total_messages=now.total,
            processed_messages=now.processed,
            failing_messages=now.failing,
            percentage=100 if done else percent(now.processed, now.total),
            stage_progress=100 if done else stage or percent(now.stage_done, now.stage_total),
        )


class StatusBody(BaseModel):
    """How a job stands. `error`: of one that failed. `notes`: what went otherwise than it was declared."""

    job_id: str
    channel_id: str
    status: Status
    progress: Progress
    started_at: Moment
    estimated_completion: Moment | None
    current_stage: Stage | None
    completed_at: Moment | None
    failing_message_ids: list[str]
    notes: list[str]
    error: Error | None

    @classmethod
    def of(cls, job: Job, at: datetime) -> "StatusBody":
        """From the service. One that waits has not begun: its start is that of the waiting."""
        return cls(
            job_id=job_name(job.execution_id),
            channel_id=job.channel_id,
            status=STATES[job.state],
            progress=Progress.of(job),
            started_at=job.started_at or job.queued_at,
            estimated_completion=job.ends_about(at),
            current_stage=STAGES[job.stage] if job.stage else None,
            completed_at=job.ended_at,
            failing_message_ids=list(job.progress.failing_ids),
            notes=list(job.notes),
            error=Error.of(job),
        )


class HistoryEntry(BaseModel):
    """A job, live or ended."""

    job_id: str
    channel_id: str
    status: Status
    started_at: Moment
    completed_at: Moment | None
    duration_seconds: int | None
    messages_synced: int
    facts_extracted: int
    entities_created: int
    error: Error | None

    @classmethod
    def of(cls, job: Job) -> "HistoryEntry":
        """From the service."""
        began = job.started_at or job.queued_at
        seconds = round((job.ended_at - began).total_seconds()) if job.ended_at else None
        return cls(
            job_id=job_name(job.execution_id),
            channel_id=job.channel_id,
            status=STATES[job.state],
            started_at=began,
            completed_at=job.ended_at,
            duration_seconds=seconds,
            messages_synced=job.progress.processed,
            facts_extracted=job.progress.facts,
            entities_created=job.progress.entities,
            error=Error.of(job),
        )


class HistoryBody(BaseModel):
    """Jobs, the newest first."""

    history: list[HistoryEntry]


class CancelBody(BaseModel):
    """Which job."""

    model_config = ConfigDict(extra="forbid")

    job_id: JobId


class CancelledBody(BaseModel):
    """A job that was cancelled."""

    status: Literal["cancelled"] = "cancelled"
    job_id: str
    cancelled_at: Moment


class ScheduleBody(BaseModel):
    """When a channel is synced: `schedule` has five fields, in UTC; without it the present one stays."""

    model_config = ConfigDict(extra="forbid")

    channel_id: ChannelId
    schedule: str | None = Field(default=None, max_length=200, description="minute hour day month weekday")
    enabled: bool = Field(default=True, strict=True)


class ScheduleEntry(BaseModel):
    """A channel's schedule. `schedule` null: an interval that no cron can say."""

    channel_id: str
    schedule: str | None
    enabled: bool
    next_sync: Moment | None
    last_sync: Moment | None

    @classmethod
    def of(cls, found: Scheduled) -> "ScheduleEntry":
        """From the service."""
        return cls(
            channel_id=found.channel_id,
            schedule=found.cadence.as_cron,
            enabled=found.enabled,
            next_sync=found.next_at,
            last_sync=found.last_at,
        )


class Schedules(BaseModel):
    """The schedules of all channels."""

    schedules: list[ScheduleEntry]


def percent(done: int, total: int | None) -> int | None:
    """0 to 100, halves rounded up; None while the total is unknown or zero.

    >>> percent(75, 150), percent(1, 8), percent(0, 0), percent(3, None)
    (50, 13, None, None)
    """
    return (200 * done + total) // (2 * total) if total else None
