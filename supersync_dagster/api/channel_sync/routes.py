"""The document's endpoints below `/api/sync`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request

from supersync_core.domain.access import Role
from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.schedule import Cadence
from supersync_core.services.channel_sync.directory import Directory
from supersync_core.services.channel_sync.jobs import list_jobs, list_schedules, read_job, read_schedule
from supersync_core.services.channel_sync.requests import (
    NotRunning,
    ScheduleRequest,
    StartRequest,
    cancel_sync,
    set_schedule,
    start_sync,
)
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import IdentityDep, require
from supersync_dagster.api.channel_sync import wire
from supersync_dagster.api.channel_sync.error_wire import ErrorBody
from supersync_dagster.api.deps import ClockDep, ContextDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute

router = APIRouter(prefix="/api/sync", tags=["sync"], route_class=StrictRoute)

VIEWER, OPERATOR = ([Depends(require(role))] for role in (Role.VIEWER, Role.OPERATOR))
Channel = Annotated[wire.ChannelId, Query()]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Your name for this request: sent again within 24 h, it does nothing and gets the same answer.",
    ),
]


async def _directory(request: Request) -> Directory:
    directory: Directory = request.app.state.directory
    return directory


DirectoryDep = Annotated[Directory, Depends(_directory)]


def errors(**also: str) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside success; `also`: statuses of its own, such as `_404`, with their meaning."""
    meanings = {"422": "What was sent is wrong", "503": "The ledger or the daemon does not answer: see Retry-After"}
    meanings |= {number.lstrip("_"): meaning for number, meaning in also.items()}
    return {int(number): {"model": ErrorBody, "description": meaning} for number, meaning in meanings.items()}


_PLATFORM = {"_429": "The platform asks to wait: see `retry_after`", "_502": "The platform does not answer"}


@router.post(
    "",
    dependencies=OPERATOR,
    responses=errors(_404="There is no such channel", _409="A sync of the channel is going on or waits", **_PLATFORM),
)
def start(  # noqa: PLR0913  # what the request is, and what it needs
    body: wire.StartBody,
    session: SessionDep,
    context: ContextDep,
    directory: DirectoryDep,
    identity: IdentityDep,
    audit: AuditDep,
    key: Key = None,
) -> wire.StartedBody:
    """Trigger synchronization for a channel. It answers when the sync is queued."""
    wanted = StartRequest(body.channel_id, body.force, key)
    started = start_sync(session, context.launcher, directory, wanted, caller=identity.name, at=context.clock())
    audit("channel_sync.start", body.channel_id)
    context.board.forget_after(session)
    return wire.StartedBody.of(started)


@router.get(
    "/status",
    dependencies=VIEWER,
    responses=errors(_404="The channel was never synced, or there is no such job"),
)
def read_status(
    channel_id: Channel, session: SessionDep, clock: ClockDep, job_id: wire.JobId | None = None
) -> wire.StatusBody:
    """Sync status of a channel: of its last job, or of that one."""
    job = read_job(session, channel_id, None if job_id is None else wire.job_number(job_id))
    return wire.StatusBody.of(job, clock())


@router.get(
    "/history",
    dependencies=VIEWER,
    responses=errors(_404="The channel was never synced"),
)
def read_history(
    channel_id: Channel, session: SessionDep, limit: Annotated[int, Query(ge=1, le=500)] = 10
) -> wire.HistoryBody:
    """Sync history of a channel, the newest job first."""
    jobs = list_jobs(session, channel_id, limit=limit)
    return wire.HistoryBody(history=[wire.HistoryEntry.of(job) for job in jobs])


@router.post(
    "/cancel",
    dependencies=OPERATOR,
    responses=errors(_404="There is no such job", _409="The job has ended already"),
)
def cancel(body: wire.CancelBody, context: ContextDep, session: SessionDep, audit: AuditDep) -> wire.CancelledBody:
    """Cancel a sync job that is running or waits. It answers when the job has ended, after two seconds at most."""
    at = context.clock()
    execution = cancel_sync(context.ledger, context.launcher, wire.job_number(body.job_id), at=at)
    if execution.state in (ExecutionState.SUCCEEDED, ExecutionState.FAILED):
        raise NotRunning(f"the job is {wire.STATES[execution.state]}: it ended before it could be cancelled")
    audit("channel_sync.cancel", body.job_id)
    context.board.forget_after(session)
    return wire.CancelledBody(job_id=body.job_id, cancelled_at=execution.ended_at or at)


@router.get("/schedules", dependencies=VIEWER, responses=errors())
def read_schedules(session: SessionDep, clock: ClockDep) -> wire.Schedules:
    """Sync schedules of channels."""
    return wire.Schedules(schedules=[wire.ScheduleEntry.of(one) for one in list_schedules(session, at=clock())])


@router.put(
    "/schedules",
    dependencies=OPERATOR,
    responses=errors(_404="There is no such channel", **_PLATFORM),
)
def put_schedule(
    body: wire.ScheduleBody, session: SessionDep, context: ContextDep, directory: DirectoryDep, audit: AuditDep
) -> wire.ScheduleEntry:
    """Update the sync schedule of a channel: it counts from its next tick on."""
    cadence = None if body.schedule is None else Cadence(cron=body.schedule)
    wanted = ScheduleRequest(body.channel_id, cadence, body.enabled)
    pipeline = set_schedule(session, context.launcher, directory, wanted, at=context.clock())
    audit("channel_sync.schedule", body.channel_id)
    context.board.forget_after(session)
    return wire.ScheduleEntry.of(read_schedule(session, pipeline, at=context.clock()))
