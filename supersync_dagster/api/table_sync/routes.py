"""The table sync document's endpoints below `/api/v1/sync`."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from supersync_core.domain.access import Role
from supersync_core.services.history import Wanted, get_entry, get_pipeline_id, list_history, purge_history
from supersync_core.services.pauses import pause_pipeline, resume_pipeline
from supersync_core.services.pipelines import list_pipelines
from supersync_core.services.triggers import TriggerRequest, trigger
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import IdentityDep, require
from supersync_dagster.api.deps import ClockDep, ContextDep, SessionDep
from supersync_dagster.api.table_sync import examples, history_wire, wire
from supersync_dagster.api.table_sync.query import HistoryQuery, HistoryQueryDep, PurgeQueryDep, write_cursor
from supersync_dagster.api.table_sync.status import KIND, Rendered, matches

router = APIRouter(prefix="/api/v1/sync")

VIEWER, OPERATOR, ADMIN = ([Depends(require(role))] for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN))
JobPath = Annotated[wire.JobId, Path()]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Your name for this request: sent again within 24 h, it does nothing and gets the same answer.",
    ),
]
IfNoneMatch = Annotated[str | None, Header(description="The `ETag` of a status that you have.")]


def _errors(**also: str) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside success; `also`: statuses of its own, such as `_404`, with their meaning."""
    meanings = {number.lstrip("_"): meaning for number, meaning in also.items()}
    common = {"422": "What was sent is wrong", "503": "The ledger or the daemon does not answer: see Retry-After"}
    return {
        int(number): {"model": wire.ErrorBody, "description": meaning}
        for number, meaning in (common | meanings).items()
    }


def _shown(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """A success with the document's example. On the model its fields would be sorted by name."""
    return {200: {"content": {"application/json": {"example": example}}}}


_UNKNOWN = "There is no such job; the message has the nearest names"


@router.get(
    "/status",
    dependencies=VIEWER,
    response_model=wire.SyncStatus,
    responses=_shown(examples.STATUS)
    | {304: {"description": "Nothing has changed since the version in If-None-Match"}}
    | _errors(),
)
async def read_status(request: Request, if_none_match: IfNoneMatch = None) -> Response:
    """All jobs: last run, next run and what the last run did. It is at most a second old."""
    found: Rendered = await request.app.state.status.rendered()
    headers = {"ETag": found.etag, "Cache-Control": "private, no-cache"}
    if matches(if_none_match, found.etag):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type="application/json", headers=headers)


@router.get(
    "/stream",
    dependencies=VIEWER,
    response_class=StreamingResponse,
    responses={200: {"description": "Events `sync_update`, each with a status", "content": {"text/event-stream": {}}}},
)
async def read_stream(request: Request) -> Response:
    """The status as server-sent events: at once, within a second of every change, and every five seconds."""
    response: Response = request.app.state.stream.response()
    return response


@router.post(
    "/trigger",
    dependencies=OPERATOR,
    responses=_shown(examples.TRIGGERED)
    | _errors(_400="The body is no text", _404=_UNKNOWN, _409="A run of the job is going on or waits"),
)
def trigger_sync(  # noqa: PLR0913  # what the request is, and what it needs
    session: SessionDep,
    context: ContextDep,
    identity: IdentityDep,
    audit: AuditDep,
    body: wire.TriggerRequest | None = None,
    key: Key = None,
) -> wire.TriggerResponse:
    """Ask for a run of one job, or of all that are not running. It answers when the runs are queued.

    A paused job runs, and stays paused. With the daemon dead nothing is queued: 503.
    """
    name = body.job_id if body else None
    wanted = TriggerRequest(KIND, name, key)
    names = trigger(session, context.launcher, wanted, caller=identity.name, at=context.clock())
    audit("sync.trigger", name or f"all: {len(names)}")
    context.board.forget_after(session)
    return wire.TriggerResponse.of(names)


@router.get("/jobs", dependencies=VIEWER, responses=_errors())
def read_jobs(session: SessionDep, context: ContextDep) -> wire.Jobs:
    """All jobs with their configuration and schedule."""
    standings = {standing.id: standing for standing in context.board.snapshot().of_kind(KIND)}
    pipelines = list_pipelines(session, kind=KIND)
    jobs = [wire.JobInfo.of(standings[one.id], one) for one in pipelines if one.id in standings]
    return wire.Jobs(jobs=jobs, total=len(jobs))


@router.post("/jobs/{job_id:path}/pause", dependencies=OPERATOR, responses=_errors(_404=_UNKNOWN))
def pause_job(job_id: JobPath, session: SessionDep, context: ContextDep, audit: AuditDep) -> wire.SwitchedJob:
    """Stop the job's schedule. A run that is going on ends as it would."""
    paused = pause_pipeline(session, context.launcher, job_id, kind=KIND, at=context.clock())
    audit("sync.pause", paused.name)
    context.board.forget_after(session)
    return wire.SwitchedJob.of(paused)


@router.post("/jobs/{job_id:path}/resume", dependencies=OPERATOR, responses=_errors(_404=_UNKNOWN))
def resume_job(job_id: JobPath, session: SessionDep, context: ContextDep, audit: AuditDep) -> wire.SwitchedJob:
    """Start the job's schedule again. What was missed is not made up for."""
    resumed = resume_pipeline(session, context.launcher, job_id, kind=KIND, at=context.clock())
    audit("sync.resume", resumed.name)
    context.board.forget_after(session)
    return wire.SwitchedJob.of(resumed)


@router.get("/history", dependencies=VIEWER, responses=_errors(_404=_UNKNOWN))
def read_history(query: HistoryQueryDep, session: SessionDep, response: Response) -> history_wire.HistoryPage:
    """Runs, the newest first. Page by `offset`, or by `cursor`, which new runs do not move."""
    states = tuple(state for word in query.status for state in wire.STATES[word])
    pipeline_id = get_pipeline_id(session, KIND, query.job_id) if query.job_id is not None else None
    wanted = Wanted(KIND, pipeline_id, states, query.since, query.until)
    page = list_history(session, wanted, limit=query.limit, offset=query.offset, after=query.after)
    following = write_cursor(page.after) if page.after else None
    if following:
        response.headers["Link"] = _next_page(query, following)
    return history_wire.HistoryPage(
        history=[history_wire.HistoryEntry.of(entry) for entry in page.entries],
        total=page.total,
        limit=query.limit,
        offset=query.offset,
        next_cursor=following,
    )


@router.get("/history/{log_id}", dependencies=VIEWER, responses=_errors(_404="There is no such entry"))
def read_history_entry(log_id: int, session: SessionDep) -> history_wire.HistoryDetail:
    """One run, with the details of its error."""
    return history_wire.HistoryDetail.of(get_entry(session, KIND, log_id))


@router.delete("/history", dependencies=ADMIN, responses=_errors())
def delete_history(
    query: PurgeQueryDep, session: SessionDep, context: ContextDep, clock: ClockDep, audit: AuditDep
) -> history_wire.Purged:
    """Delete runs that ended so many days ago or earlier. One that is going on is never deleted."""
    deleted = purge_history(context.ledger, KIND, older_than_days=query.age_days, at=clock())
    audit("sync.purge", f"older than {query.age_days} days: {deleted}")
    context.board.forget_after(session)
    return history_wire.Purged(deleted=deleted, older_than_days=query.age_days)


def _next_page(query: HistoryQuery, cursor: str) -> str:
    parameters = query.model_dump(exclude_none=True, exclude_defaults=True, exclude={"offset", "cursor"})
    return f'<{router.prefix}/history?{urlencode({**parameters, "cursor": cursor}, doseq=True)}>; rel="next"'
