"""Bodies and words of the DeltaForge document.

| there | here |
| --- | --- |
| pipeline, `name`, `tenant` | pipeline of kind cdc, its name, `metadata.tenant` of its specification |
| `running`, `paused`, `stopped` | the desired state |
| `failed` | its last run ended by an error that no repetition mends |
| `journal/dlq`, `seq` | dead letters, their number |
| checkpoints, `sink_id` | checkpoints of the pipeline, by part |
| `database` of a schema | the schema of a PostgreSQL table, the database of a MySQL table |
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, Field

from supersync_core.domain.pipeline import MAX_NAME
from supersync_core.services.cdc.views import Operations, SinkPosition, View
from supersync_dagster.api.errors import Problem

CODES = {
    "NotFound": "PIPELINE_NOT_FOUND",
    "Conflict": "PIPELINE_ALREADY_EXISTS",
    "IllegalTransition": "CONFLICT",
}


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that do not print")
    return text


NamePath = Annotated[
    str, Path(min_length=1, max_length=MAX_NAME, description="A pipeline's name."), AfterValidator(_printable)
]


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str
    message: str


def error_body(problem: Problem) -> dict[str, Any]:
    """The error body of the document: a mistake in what was sent is `PIPELINE_NAME_MISMATCH`, as a wrong name is."""
    code = CODES.get(problem.kind)
    if code is None and problem.status in (400, 422):
        code = "PIPELINE_NAME_MISMATCH"
    if code is None:
        code = {405: "METHOD_NOT_ALLOWED", 403: "FORBIDDEN", 413: "TOO_LARGE", 503: "UNAVAILABLE"}.get(
            problem.status, "INTERNAL_ERROR"
        )
    return {"code": code, "message": problem.message}


class Checkpoint(BaseModel):
    """How far a sink is. `age_seconds`: since that was stored."""

    sink_id: str
    position: dict[str, Any]
    age_seconds: float

    @classmethod
    def of(cls, position: SinkPosition) -> "Checkpoint":
        """From the ledger."""
        return cls(sink_id=position.sink_id, position=dict(position.position), age_seconds=position.age_s)


class Ops(BaseModel):
    """How the pipeline goes now. `lag_seconds`: how old the change is that was delivered last, while there is more."""

    uptime_seconds: float
    dlq_entries: int
    sink_errors: dict[str, str]
    checkpoints: list[Checkpoint]
    lag_seconds: float | None = None

    @classmethod
    def of(cls, found: Operations) -> "Ops":
        """From the ledger."""
        return cls(
            uptime_seconds=found.uptime_s,
            dlq_entries=found.dead_letters,
            sink_errors=dict(found.sink_errors),
            checkpoints=[Checkpoint.of(position) for position in found.positions],
            lag_seconds=found.lag_s,
        )


class PipeInfo(BaseModel):
    """A pipeline. `spec`: the whole specification, defaults filled in, secrets masked. `error`: why it has failed."""

    name: str
    status: Literal["running", "paused", "stopped", "failed"]
    spec: dict[str, Any]
    ops: Ops | None = None
    error: str | None = None

    @classmethod
    def of(cls, view: View, spec: Mapping[str, Any], ops: Ops | None = None) -> "PipeInfo":
        """From the ledger. What there is not is left out."""
        more = {key: value for key, value in (("ops", ops), ("error", view.error)) if value is not None}
        return cls.model_validate({"name": view.pipeline.name, "status": view.state, "spec": dict(spec), **more})


class Valid(BaseModel):
    """The specification can be used."""

    valid: Literal[True] = True
    pipeline: str
    source_type: str
    sink_count: int


class Invalid(BaseModel):
    """The specification cannot be used."""

    valid: Literal[False] = False
    error: str


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside success."""
    meanings = {
        400: "What was sent is wrong",
        404: "There is no such pipeline or table",
        409: "The name is taken",
        500: "An error of ours",
        503: "The ledger does not answer: see Retry-After",
    }
    return {status: {"model": ErrorBody, "description": meanings[status]} for status in sorted({400, 503, *statuses})}


class Count(BaseModel):
    """How many dead letters there are."""

    count: int


class AckRequest(BaseModel):
    """Take dead letters out up to this number."""

    up_to_seq: int = Field(ge=0, le=2**63 - 1)


class Acked(BaseModel):
    """How many were taken out."""

    acked: int


class Purged(BaseModel):
    """How many were deleted."""

    purged: int


class ReplayRequest(AckRequest):
    """Deliver dead letters again, up to this number; with `sink_id` those of one sink."""

    sink_id: str = Field(default="", max_length=300)


class Replayed(BaseModel):
    """How many will be delivered again, and how many cannot: too large to be kept, or of a sink that is no more."""

    requested: int
    skipped: int
