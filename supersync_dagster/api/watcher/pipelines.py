"""`/pipeline`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from supersync_core.domain.check import default_rules
from supersync_core.services import reported_pipelines as service
from supersync_core.services.reported_pipelines import PipelineFilter
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ClockDep, ContextDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.pipeline_wire import (
    Pipeline,
    PipelineFound,
    PipelinePatch,
    PipelineQuery,
    PipelineReport,
)
from supersync_dagster.api.watcher.pipelines_page import PipelinesPage
from supersync_dagster.api.watcher.reload import ReloadDep
from supersync_dagster.api.watcher.roles import ADMIN, OPERATOR, VIEWER

router = APIRouter(prefix="/pipeline", tags=["pipeline"], route_class=StrictRoute)
_LIST = TypeAdapter(list[Pipeline])
_UNSEEN = {"watermark", "next_watermark", "load_lineage", "mute_freshness_check", "mute_timeliness_check"}
"""What Dagster does not show."""


@router.post(
    "", status_code=HTTPStatus.CREATED, dependencies=OPERATOR, responses=wire.found(PipelineFound) | wire.errors(409)
)
def post_pipeline(  # noqa: PLR0913  # what a route needs
    body: PipelineReport,
    session: SessionDep,
    context: ContextDep,
    audit: AuditDep,
    reload: ReloadDep,
    response: Response,
) -> PipelineFound:
    """Get the pipeline of that name, or create it: 201. What is reported anew overwrites what was reported before."""
    rules = default_rules() if context.settings.auto_anomaly_rules else ()
    found = service.report_pipeline(
        session, body.name, body.pipeline_type_name, body.given(), rules=rules, at=context.clock()
    )
    response.status_code = HTTPStatus.CREATED if found.is_new else HTTPStatus.OK
    audit("pipeline.report", body.name, result=response.status_code)
    if found.changed:
        reload()
    return PipelineFound.of(found)


@router.get("", dependencies=VIEWER, response_model=list[Pipeline], responses=wire.errors())
async def list_pipelines(request: Request, query: Annotated[PipelineQuery, Query()], context: ContextDep) -> Response:
    """All pipelines, or those that are asked for."""
    if not query.model_fields_set:
        page: PipelinesPage = request.app.state.pipelines_page
        return Response(await page.body(), media_type="application/json")
    return await run_in_threadpool(_some, request, query, context)


def _some(request: Request, query: PipelineQuery, context: ApiContext) -> Response:
    wanted = PipelineFilter(query.pipeline_type_id, query.kind, query.active, query.search)
    with context.ledger.begin() as session:
        rows, headers = query.cut(service.list_reported_pipelines(session, wanted, query.page), request)
    body = _LIST.dump_json([Pipeline.of(row) for row in rows])
    return Response(body, media_type="application/json", headers=headers)


@router.get("/{pipeline_id}", dependencies=VIEWER, responses=wire.errors(404))
def get_pipeline(pipeline_id: int, session: SessionDep) -> Pipeline:
    """A pipeline."""
    return Pipeline.of(service.read_pipeline(session, pipeline_id))


@router.patch("", dependencies=OPERATOR, responses=wire.errors(404, 409))
def patch_pipeline(
    body: PipelinePatch, session: SessionDep, clock: ClockDep, audit: AuditDep, reload: ReloadDep
) -> Pipeline:
    """Change what is named, of the pipeline with that `id` or else that `name`; null clears."""
    changed = service.amend_pipeline(session, body.changes(), pipeline_id=body.id, name=body.name, at=clock())
    audit("pipeline.change", changed.name)
    if body.changes().keys() - _UNSEEN:
        reload()
    return Pipeline.of(changed)


@router.delete("/{pipeline_id}", status_code=HTTPStatus.NO_CONTENT, dependencies=ADMIN, responses=wire.errors(404, 409))
def delete_pipeline(pipeline_id: int, session: SessionDep, audit: AuditDep, reload: ReloadDep) -> None:
    """Delete a pipeline that others run, with its executions, lineage, rules and results."""
    name = service.delete_pipeline(session, pipeline_id)
    audit("pipeline.delete", name, result=HTTPStatus.NO_CONTENT)
    reload()
