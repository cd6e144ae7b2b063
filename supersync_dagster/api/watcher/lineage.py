"""`/address_lineage`."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from supersync_core.services import lineage as service
from supersync_core.services.addresses import find_address
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.address_wire import LineageCreated, LineageGraph, LineageQuery, LineageReport
from supersync_dagster.api.watcher.reload import ReloadDep
from supersync_dagster.api.watcher.roles import OPERATOR, VIEWER

router = APIRouter(prefix="/address_lineage", tags=["address lineage"], route_class=StrictRoute)
_NOT_TAKEN: dict[int | str, dict[str, Any]] = {
    200: {"model": LineageCreated, "description": "The pipeline takes no lineage: it has no load_lineage=True"}
}


@router.post("", status_code=HTTPStatus.CREATED, dependencies=OPERATOR, responses=_NOT_TAKEN | wire.errors())
def post_lineage(
    body: LineageReport, session: SessionDep, clock: ClockDep, audit: AuditDep, reload: ReloadDep, response: Response
) -> LineageCreated:
    """Let the lineage of a pipeline be from each source to each target. Addresses are made as they are needed."""
    sides = ([one.reported() for one in side] for side in (body.source_addresses, body.target_addresses))
    drawn = service.report_lineage(session, body.pipeline_id, *sides, at=clock())
    response.status_code = HTTPStatus.CREATED if drawn else HTTPStatus.OK
    audit("lineage.report", f"pipeline {body.pipeline_id}", result=response.status_code)
    if drawn and drawn.changed:
        reload()
    return LineageCreated.of(body.pipeline_id, drawn)


@router.get("", dependencies=VIEWER, responses=wire.errors(404))
def get_lineage(query: Annotated[LineageQuery, Query()], session: SessionDep) -> LineageGraph:
    """What an address is made from, what is made from it, or both."""
    address = find_address(session, query.address)
    graph = service.lineage_around(session, address, query.direction, depth=query.depth)
    return LineageGraph.of(address.id, query, graph)
