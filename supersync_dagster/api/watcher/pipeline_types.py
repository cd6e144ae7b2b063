"""`/pipeline_type`."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from supersync_core.services import pipeline_types as service
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.paging import NamedPageQuery
from supersync_dagster.api.watcher.pipeline_wire import PipelineType, PipelineTypePatch, PipelineTypeReport
from supersync_dagster.api.watcher.roles import ADMIN, OPERATOR, VIEWER

router = APIRouter(prefix="/pipeline_type", tags=["pipeline type"], route_class=StrictRoute)


@router.post(
    "", status_code=HTTPStatus.CREATED, dependencies=OPERATOR, responses=wire.found(wire.Created) | wire.errors()
)
def post_pipeline_type(
    body: PipelineTypeReport, session: SessionDep, clock: ClockDep, audit: AuditDep, response: Response
) -> wire.Created:
    """Get the type of that name, or create it: 201. One that is there stays as it is."""
    type_id, is_new = service.put_pipeline_type(session, body.name, body.given(), at=clock())
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    audit("pipeline_type.report", body.name, result=response.status_code)
    return wire.Created(id=type_id)


@router.get("", dependencies=VIEWER, responses=wire.errors())
def list_pipeline_types(
    request: Request, query: Annotated[NamedPageQuery, Query()], session: SessionDep, response: Response
) -> Sequence[PipelineType]:
    """All types, or those that are asked for."""
    rows, headers = query.cut(service.list_pipeline_types(session, contains=query.search, page=query.page), request)
    response.headers.update(headers)
    return [PipelineType.of(row) for row in rows]


@router.get("/{pipeline_type_id}", dependencies=VIEWER, responses=wire.errors(404))
def get_pipeline_type(pipeline_type_id: int, session: SessionDep) -> PipelineType:
    """A type."""
    return PipelineType.of(service.read_pipeline_type(session, pipeline_type_id))


@router.patch("", dependencies=OPERATOR, responses=wire.errors(404, 409))
def patch_pipeline_type(body: PipelineTypePatch, session: SessionDep, clock: ClockDep, audit: AuditDep) -> PipelineType:
    """Change what is named, of the type with that `id` or else that `name`; null clears."""
    changed = service.amend_pipeline_type(session, body.changes(), type_id=body.id, name=body.name, at=clock())
    audit("pipeline_type.change", changed.name)
    return PipelineType.of(changed)


@router.delete(
    "/{pipeline_type_id}", status_code=HTTPStatus.NO_CONTENT, dependencies=ADMIN, responses=wire.errors(404, 409)
)
def delete_pipeline_type(pipeline_type_id: int, session: SessionDep, audit: AuditDep) -> None:
    """Delete a type that no pipeline has."""
    name = service.delete_pipeline_type(session, pipeline_type_id)
    audit("pipeline_type.delete", name, result=HTTPStatus.NO_CONTENT)
