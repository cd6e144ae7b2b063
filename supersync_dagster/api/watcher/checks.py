"""`/timeliness`, `/freshness`: checks that are asked for and soon made by the daemon; and what they have found."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from supersync_core.domain.check import CheckKind
from supersync_core.services.check_requests import MIN_LOOKBACK_MINUTES, request_check
from supersync_core.services.check_results import list_results, unflag_anomalies
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import IdentityDep
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.fields import MAX_NUMBER
from supersync_dagster.api.watcher.result_wire import Result, ResultQuery, Unflag
from supersync_dagster.api.watcher.roles import OPERATOR, VIEWER

router = APIRouter(tags=["monitoring & health"], route_class=StrictRoute)


class CheckTimeliness(BaseModel):
    """How far back executions are looked at, by their start."""

    lookback_minutes: int = Field(default=60, ge=MIN_LOOKBACK_MINUTES, le=MAX_NUMBER)


@router.post("/timeliness", dependencies=OPERATOR, responses=wire.errors())
def post_timeliness(
    body: CheckTimeliness, session: SessionDep, identity: IdentityDep, clock: ClockDep, audit: AuditDep
) -> wire.Queued:
    """Ask whether executions take longer than they should."""
    settings = {"lookback_minutes": body.lookback_minutes}
    request_check(session, CheckKind.TIMELINESS, settings, by=identity.name, at=clock())
    audit("check.request", CheckKind.TIMELINESS.value)
    return wire.Queued()


@router.post("/freshness", dependencies=OPERATOR, responses=wire.errors())
def post_freshness(session: SessionDep, identity: IdentityDep, clock: ClockDep, audit: AuditDep) -> wire.Queued:
    """Ask whether data is older than it should be."""
    request_check(session, CheckKind.FRESHNESS, by=identity.name, at=clock())
    audit("check.request", CheckKind.FRESHNESS.value)
    return wire.Queued()


def _results(
    kind: CheckKind, request: Request, query: ResultQuery, session: SessionDep, response: Response
) -> Sequence[Result]:
    found, before = list_results(session, query.wanted(kind), limit=query.limit)
    response.headers.update(query.link(before, request))
    return [Result.of(one) for one in found]


@router.get("/timeliness", dependencies=VIEWER, responses=wire.errors())
def list_late(
    request: Request, query: Annotated[ResultQuery, Query()], session: SessionDep, response: Response
) -> Sequence[Result]:
    """Executions that have taken longer than they should, the last found first."""
    return _results(CheckKind.TIMELINESS, request, query, session, response)


@router.get("/freshness", dependencies=VIEWER, responses=wire.errors())
def list_stale(
    request: Request, query: Annotated[ResultQuery, Query()], session: SessionDep, response: Response
) -> Sequence[Result]:
    """Times at which data was older than it should be, the last found first."""
    return _results(CheckKind.FRESHNESS, request, query, session, response)


@router.get("/anomaly_detection_result", dependencies=VIEWER, responses=wire.errors())
def list_anomalies(
    request: Request, query: Annotated[ResultQuery, Query()], session: SessionDep, response: Response
) -> Sequence[Result]:
    """What rules say of executions that are unusual by at least one of them, the last found first."""
    return _results(CheckKind.ANOMALY, request, query, session, response)


@router.post("/unflag_anomaly", status_code=HTTPStatus.NO_CONTENT, dependencies=OPERATOR, responses=wire.errors(404))
def post_unflag_anomaly(body: Unflag, session: SessionDep, clock: ClockDep, audit: AuditDep) -> None:
    """Take back that an execution was unusual in these metrics. It counts as usual from now on."""
    unflag_anomalies(session, body.pipeline_id, body.pipeline_execution_id, body.metric_field, at=clock())
    audit("anomaly.unflag", f"execution {body.pipeline_execution_id}", result=HTTPStatus.NO_CONTENT)
