"""`/pipelines/{name}/journal/dlq` and `/checkpoints`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from supersync_core.domain.access import Role
from supersync_core.services.cdc.dead_letters import (
    DeadLetterRow,
    acknowledge,
    count,
    peek,
    purge,
)
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.cdc.replay import request_replay
from supersync_core.services.cdc.views import shown_position, sink_positions
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import require
from supersync_dagster.api.deltaforge.wire import (
    Acked,
    AckRequest,
    Checkpoint,
    Count,
    NamePath,
    Purged,
    Replayed,
    ReplayRequest,
    errors,
)
from supersync_dagster.api.deps import ClockDep, SessionDep

router = APIRouter(prefix="/pipelines/{name}", tags=["journal"])

VIEWER, OPERATOR, ADMIN = ([Depends(require(role))] for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN))
MAX_PAGE = 1000


class Meta(BaseModel):
    """Which sink refused the event, and why."""

    sink_id: str
    error_kind: str
    error_message: str
    attempts: int = 1


class DeadLetter(BaseModel):
    """An event that a sink can never take. `timestamp`: seconds since 1970, when it was put aside."""

    seq: int
    timestamp: int
    pipeline: str
    stream: str = "dlq"
    event_id: str
    source_cursor: dict[str, Any] | None
    event: Any
    payload_truncated: bool
    meta: Meta

    @classmethod
    def of(cls, name: str, row: DeadLetterRow) -> "DeadLetter":
        """From the ledger."""
        return cls(
            seq=row.seq,
            timestamp=int(row.created_at.timestamp()),
            pipeline=name,
            event_id=row.event_id,
            source_cursor=None if row.position is None else shown_position(row.position),
            event=row.event,
            payload_truncated=row.payload_truncated,
            meta=Meta(sink_id=row.sink_id, error_kind=row.error_kind, error_message=row.error_message),
        )


@router.get("/journal/dlq", dependencies=VIEWER, responses=errors(404))
def peek_dead_letters(
    name: NamePath,
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, description=f"At most {MAX_PAGE} are shown.")] = 50,
    sink_id: Annotated[str, Query(max_length=300)] = "",
    error_kind: Annotated[str, Query(max_length=300)] = "",
) -> list[DeadLetter]:
    """Dead letters, the oldest first."""
    pipeline = get_cdc_pipeline(session, name)
    rows = peek(session, pipeline, limit=min(limit, MAX_PAGE), sink_id=sink_id, error_kind=error_kind)
    return [DeadLetter.of(pipeline.name, row) for row in rows]


@router.get("/journal/dlq/count", dependencies=VIEWER, responses=errors(404))
def count_dead_letters(name: NamePath, session: SessionDep) -> Count:
    """How many there are."""
    return Count(count=count(session, get_cdc_pipeline(session, name)))


@router.post("/journal/dlq/ack", dependencies=OPERATOR, responses=errors(404))
def acknowledge_dead_letters(
    name: NamePath, body: AckRequest, session: SessionDep, clock: ClockDep, audit: AuditDep
) -> Acked:
    """Remove dead letters up to a number, whichever filter they were looked at with."""
    acked = acknowledge(session, get_cdc_pipeline(session, name), up_to_seq=body.up_to_seq, at=clock())
    audit("cdc.acknowledge", f"{name}: {acked}")
    return Acked(acked=acked)


@router.post("/journal/dlq/replay", dependencies=OPERATOR, responses=errors(404))
def replay_dead_letters(
    name: NamePath, body: ReplayRequest, session: SessionDep, clock: ClockDep, audit: AuditDep
) -> Replayed:
    """Deliver dead letters up to a number again, to the sinks that have refused them, while the pipeline streams.

    Those that are taken are dead letters no more. This route is ours: the document has none.
    """
    pipeline = get_cdc_pipeline(session, name)
    asked = request_replay(session, pipeline, up_to_seq=body.up_to_seq, sink_id=body.sink_id, at=clock())
    audit("cdc.replay", f"{name}: {asked.requested}")
    return Replayed(requested=asked.requested, skipped=asked.skipped)


@router.delete("/journal/dlq", dependencies=ADMIN, responses=errors(404))
def purge_dead_letters(name: NamePath, session: SessionDep, clock: ClockDep, audit: AuditDep) -> Purged:
    """Remove all dead letters."""
    purged = purge(session, get_cdc_pipeline(session, name), at=clock())
    audit("cdc.purge", f"{name}: {purged}")
    return Purged(purged=purged)


@router.get("/checkpoints", dependencies=VIEWER, responses=errors(404))
def list_checkpoints(name: NamePath, session: SessionDep, clock: ClockDep) -> list[Checkpoint]:
    """How far each sink is."""
    found = sink_positions(session, get_cdc_pipeline(session, name), at=clock())
    return [Checkpoint.of(position) for position in found]
