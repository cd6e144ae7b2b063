"""The document's words for a run that is or was: entries of the history, and their deletion."""

from typing import Any, Literal

from pydantic import BaseModel

from supersync_core.services.history import Named
from supersync_dagster.api.table_sync.wire import WORDS, RunStatus
from supersync_dagster.api.times import Timestamp, shown_milliseconds


class HistoryEntry(BaseModel):
    """A run. `completed_at`, `duration_ms`: null while it is running; `started_at`: when queued, until it starts."""

    log_id: int
    job_id: str
    job_name: str
    trigger: Literal["schedule", "manual"] | None
    status: RunStatus
    started_at: Timestamp
    completed_at: Timestamp | None
    rows_extracted: int
    rows_upserted: int
    duration_ms: int | None
    error_message: str | None

    @classmethod
    def of(cls, entry: Named) -> "HistoryEntry":
        """From the ledger."""
        return cls(**_entry(entry))


class ErrorDetails(BaseModel):
    """Why a run failed or was cancelled. `traceback_id`: finds it in logs. `retryable`: a repetition may succeed."""

    type: str
    message: str
    traceback_id: str
    retryable: bool


class HistoryDetail(HistoryEntry):
    """A run with everything that is known of it."""

    queued_at: Timestamp
    stage: str | None
    rows_inserted: int
    rows_updated: int
    rows_unchanged: int
    rows_deleted: int
    bytes: int
    watermark_before: str | None
    watermark_after: str | None
    dagster_run_id: str | None
    error_details: ErrorDetails | None

    @classmethod
    def of(cls, entry: Named) -> "HistoryDetail":
        """From the ledger."""
        run = entry.execution
        names = ("queued_at", "stage", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deleted", "bytes")
        others = ("watermark_before", "watermark_after", "dagster_run_id")
        details = None
        if run.error is not None:
            details = ErrorDetails(
                type=run.error.get("type", "Error"),
                message=run.error.get("message", ""),
                traceback_id=str(run.public_id),
                retryable=bool(run.error.get("retryable")),
            )
        more = {name: getattr(run, name) for name in (*names, *others)}
        return cls(**_entry(entry), **more, error_details=details)


class HistoryPage(BaseModel):
    """A page, the newest first. `total`: on all pages. `next_cursor`: pass it as `cursor`; null on the last page."""

    history: list[HistoryEntry]
    total: int
    limit: int
    offset: int
    next_cursor: str | None


class Purged(BaseModel):
    """How many entries were deleted."""

    success: Literal[True] = True
    deleted: int
    older_than_days: int


def _entry(entry: Named) -> dict[str, Any]:
    run = entry.execution
    return {
        "log_id": run.id,
        "job_id": entry.pipeline,
        "job_name": entry.title,
        "trigger": run.trigger.value if run.trigger else None,
        "status": WORDS[run.state],
        "started_at": run.started_at or run.queued_at,
        "completed_at": run.ended_at,
        "rows_extracted": run.rows_extracted,
        "rows_upserted": run.counts.upserted,
        "duration_ms": shown_milliseconds(run.started_at or run.ended_at, run.ended_at) if run.ended_at else None,
        "error_message": run.error.get("message") if run.error else None,
    }
