"""The document's function, and those that start, cancel and repeat what it tells of."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from supersync_core.domain.historical_sync import check_span
from supersync_core.services.historical_sync import requests
from supersync_core.services.historical_sync.jobs import JobRequest
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import anyone
from supersync_dagster.api.deps import ContextDep, SessionDep
from supersync_dagster.api.guard.perimeter import FUNCTIONS
from supersync_dagster.api.historical_sync import examples, wire
from supersync_dagster.api.historical_sync.callers import AgencyDep
from supersync_dagster.api.json_route import StrictRoute

# Public to the guard: whoever calls shows a token of Supabase, which is checked here.
router = APIRouter(tags=["historical sync"], dependencies=[Depends(anyone)], route_class=StrictRoute)


def _errors(**also: str) -> dict[int | str, dict[str, Any]]:
    meanings = {
        401: wire.NO_TOKEN + ", or the token is invalid or has expired",
        403: wire.NO_AGENCY,
        405: "The method is another",
        500: "An error of ours",
    }
    meanings |= {int(number.lstrip("_")): meaning for number, meaning in also.items()}
    return {status: {"model": wire.ErrorBody, "description": meanings[status]} for status in sorted(meanings)}


def _shown(example: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": example}}}


@router.get("/get-sync-status", responses=_shown({"examples": examples.STATUS}) | _errors())
def read_status(agency: AgencyDep, session: SessionDep) -> wire.ActiveBody | wire.RecentBody:
    """How the agency's import stands: the active job, or else the newest that has ended."""
    return wire.status_body(requests.read_standing(session, agency))


@router.post(
    "/start-historical-sync",
    status_code=201,
    responses=_shown({"example": examples.STARTED}, 201)
    | _errors(_400="The range is wrong", _404="No import is set up for the agency")
    | {409: {"model": wire.ConflictBody, "description": "A sync is going on"}},
)
def start(body: wire.StartBody, agency: AgencyDep, session: SessionDep, context: ContextDep, audit: AuditDep) -> Any:
    """Import the agency's calls of a range of dates. It answers when the import is queued."""
    request = JobRequest(check_span(body.date_from, body.date_to), body.provider)
    try:
        job = requests.start_import(session, context.launcher, agency, request, at=context.clock())
    except requests.InProgress as error:
        return _conflict(error)
    audit("historical_sync.start", requests.pipeline_name(session, job), result=201)
    context.board.forget_after(session)
    return wire.JobBody(job=wire.Job.of(job))


@router.post(
    "/cancel-historical-sync",
    responses=_shown({"example": examples.CANCELLED}) | _errors(_404="No sync is going on"),
)
def cancel(
    agency: AgencyDep, session: SessionDep, context: ContextDep, audit: AuditDep, body: wire.JobChoice | None = None
) -> wire.JobBody:
    """Cancel the agency's import. It answers when that has ended, after two seconds at most; what came in stays."""
    job_id = body.job_id if body else None
    job = requests.cancel_import(context.ledger, context.launcher, agency, job_id, at=context.clock())
    audit("historical_sync.cancel", requests.pipeline_name(session, job))
    context.board.forget_after(session)
    return wire.JobBody(job=wire.Job.of(job))


@router.get("/get-failed-calls", responses=_shown({"example": examples.FAILED}) | _errors(_404="There is no such job"))
def read_failed(
    agency: AgencyDep,
    session: SessionDep,
    job_id: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=requests.MAX_FAILED)] = 100,
) -> wire.FailedBody:
    """Records that are no calls, with what is wrong with them."""
    job, failed = requests.list_failed(session, agency, job_id, limit=limit)
    return wire.FailedBody.of(job, list(failed))


@router.post(
    "/retry-failed-calls",
    status_code=201,
    responses=_shown({"example": examples.STARTED}, 201)
    | _errors(_404="There is no such job, or nothing failed in it")
    | {409: {"model": wire.ConflictBody, "description": "A sync is going on"}},
)
def retry(
    agency: AgencyDep, session: SessionDep, context: ContextDep, audit: AuditDep, body: wire.JobChoice | None = None
) -> Any:
    """Try the failed records of a job again, as a job of its own."""
    job_id = body.job_id if body else None
    try:
        job = requests.retry_failed(session, context.launcher, agency, job_id, at=context.clock())
    except requests.InProgress as error:
        return _conflict(error)
    audit("historical_sync.retry", requests.pipeline_name(session, job), result=201)
    context.board.forget_after(session)
    return wire.JobBody(job=wire.Job.of(job))


def _preflight() -> Response:
    """Say that pages of any origin may call."""
    return Response(status_code=204)


for name in FUNCTIONS:
    router.add_api_route(f"/{name}", _preflight, methods=["OPTIONS"], status_code=204, include_in_schema=False)


def _conflict(error: requests.InProgress) -> JSONResponse:
    body = wire.ConflictBody(error=str(error), job=wire.ActiveJob.of(error.job))
    return JSONResponse(body.model_dump(mode="json"), status_code=409)
