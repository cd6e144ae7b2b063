"""The error document: of a request, and of a job that failed."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from supersync_core.domain.execution import ExecutionState
from supersync_core.services.channel_sync.jobs import Job
from supersync_dagster.api.errors import Problem

CODES = {
    "AccessDenied": "AUTH_ERROR",
    "RateLimited": "RATE_LIMIT",
    "PlatformError": "PLATFORM_ERROR",
    "ChannelNotFound": "CHANNEL_NOT_FOUND",
    "NotFound": "CHANNEL_NOT_FOUND",
    "JobNotFound": "JOB_NOT_FOUND",
    "PageNotFound": "PAGE_NOT_FOUND",
    "EntityNotFound": "ENTITY_NOT_FOUND",
    "Conflict": "SYNC_IN_PROGRESS",
    "NotRunning": "JOB_NOT_RUNNING",
    "IllegalTransition": "JOB_NOT_RUNNING",
    "MethodNotAllowed": "METHOD_NOT_ALLOWED",
    "Forbidden": "FORBIDDEN",
}
RETRY_AFTER_S = 60
"""What a client is told to wait when a platform does not say how long."""


class ErrorDetails(BaseModel):
    """`retry_after`: seconds to wait. `failing_message_id`: the first message that could not be handled."""

    model_config = ConfigDict(extra="allow")

    retry_after: int | None = None
    failing_message_id: str | None = None


class Error(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: ErrorDetails

    @classmethod
    def of(cls, job: Job) -> "Error | None":
        """Why a job failed; None: it did not."""
        if job.state is not ExecutionState.FAILED:
            return None
        error = job.error or {}
        code = CODES.get(str(error.get("type")), "INTERNAL_ERROR")
        code = code if code in JOB_CODES else "INTERNAL_ERROR"
        wait = error.get("retry_after") or (RETRY_AFTER_S if code in ("PLATFORM_ERROR", "RATE_LIMIT") else None)
        failing = next(iter(job.progress.failing_ids), None)
        return cls(
            code=code,
            message=str(error.get("message") or "the sync failed"),
            details=ErrorDetails(retry_after=None if wait is None else max(1, round(wait)), failing_message_id=failing),
        )


JOB_CODES = frozenset({"PLATFORM_ERROR", "AUTH_ERROR", "RATE_LIMIT", "CHANNEL_NOT_FOUND", "INTERNAL_ERROR"})
"""The codes of the document."""


class ErrorBody(BaseModel):
    """What went wrong with a request, or with a job."""

    status: Literal["failed"] = "failed"
    job_id: str | None = None
    error: Error


def error_body(problem: Problem) -> dict[str, Any]:
    """The error document. `details.errors`: each mistake in what was sent."""
    # A path that is not there has the same kind as a channel that is not.
    code = None if problem.message == "Not Found" else CODES.get(problem.kind)
    if code is None and problem.status in (400, 404, 413, 422):
        code = {404: "NOT_FOUND", 413: "TOO_LARGE"}.get(problem.status, "VALIDATION_ERROR")
    details: dict[str, Any] = {}
    if "Retry-After" in problem.headers:
        details["retry_after"] = int(problem.headers["Retry-After"])
    if problem.mistakes:
        details["errors"] = [dict(mistake) for mistake in problem.mistakes]
    error = {"code": code or "INTERNAL_ERROR", "message": problem.message, "details": details}
    return {"status": "failed", "job_id": None, "error": error}
