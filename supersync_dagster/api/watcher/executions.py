"""`/start_pipeline_execution`, `/end_pipeline_execution`, `/pipeline_execution`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from supersync_core.services.reported_executions import Ending, Starting, list_reported, read_tree
from supersync_dagster.api.auth import caller_of, note_recorded
from supersync_dagster.api.deps import SessionDep, context_of
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.lean_route import LeanRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.execution_json import list_json, tree_json
from supersync_dagster.api.watcher.execution_wire import (
    EndExecution,
    Execution,
    ExecutionQuery,
    ExecutionTree,
    StartExecution,
)
from supersync_dagster.api.watcher.reports import Report, Reports
from supersync_dagster.api.watcher.roles import OPERATOR, VIEWER

reports = APIRouter(tags=["pipeline execution"], route_class=LeanRoute)
router = APIRouter(tags=["pipeline execution"], route_class=StrictRoute)


@reports.post(
    "/start_pipeline_execution",
    status_code=HTTPStatus.CREATED,
    dependencies=OPERATOR,
    response_model=wire.Created,
    responses=wire.errors(404, 409),
)
async def start_pipeline_execution(request: Request, body: StartExecution) -> Response:
    """Say that a pipeline has begun to run. Any number of executions of one may go on at once."""
    started_at = body.start_date or context_of(request).clock()
    starting = Starting(body.pipeline_id, started_at, body.watermark, body.next_watermark, body.parent_id)
    execution_id = await _note(request, starting)
    return Response(b'{"id":%d}' % execution_id, HTTPStatus.CREATED, media_type="application/json")


@reports.post(
    "/end_pipeline_execution",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=OPERATOR,
    response_class=Response,
    responses=wire.errors(400, 404, 409),
)
async def end_pipeline_execution(request: Request, body: EndExecution) -> Response:
    """Say how an execution has ended; said again, it corrects what was said. A success moves the pipeline on."""
    await _note(request, (body.id, body.ending()))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get(
    "/pipeline_execution/{pipeline_execution_id}",
    dependencies=VIEWER,
    response_model=ExecutionTree,
    responses=wire.errors(404),
)
def read_pipeline_execution(pipeline_execution_id: int, session: SessionDep) -> Response:
    """An execution with the whole tree of executions below it."""
    return Response(tree_json(read_tree(session, pipeline_execution_id)), media_type="application/json")


@router.get("/pipeline_execution", dependencies=VIEWER, response_model=list[Execution], responses=wire.errors())
def list_pipeline_executions(
    request: Request, query: Annotated[ExecutionQuery, Query()], session: SessionDep
) -> Response:
    """Executions that are asked for, the last first; without what is below them."""
    rows, headers = query.cut(list_reported(session, query.wanted(), query.page), request)
    return Response(list_json(rows), media_type="application/json", headers=headers)


async def _note(request: Request, what: Starting | tuple[int, Ending]) -> int:
    written: Reports = request.app.state.reports
    execution_id = await written.note(Report(caller_of(request.scope), what))
    note_recorded(request.scope)
    return execution_id
