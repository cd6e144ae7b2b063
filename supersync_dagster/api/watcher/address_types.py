"""`/address_type`."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from supersync_core.services import address_types as service
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.address_wire import (
    AddressType,
    AddressTypePatch,
    AddressTypeQuery,
    AddressTypeReport,
)
from supersync_dagster.api.watcher.roles import ADMIN, OPERATOR, VIEWER

router = APIRouter(prefix="/address_type", tags=["address type"], route_class=StrictRoute)


@router.post(
    "", status_code=HTTPStatus.CREATED, dependencies=OPERATOR, responses=wire.found(wire.Created) | wire.errors()
)
def post_address_type(
    body: AddressTypeReport, session: SessionDep, clock: ClockDep, audit: AuditDep, response: Response
) -> wire.Created:
    """Get the type of that name, or create it: 201. One that is there stays as it is, also its group."""
    type_id, is_new = service.put_address_type(session, body.name, body.group_name, at=clock())
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    audit("address_type.report", body.name, result=response.status_code)
    return wire.Created(id=type_id)


@router.get("", dependencies=VIEWER, responses=wire.errors())
def list_address_types(
    request: Request, query: Annotated[AddressTypeQuery, Query()], session: SessionDep, response: Response
) -> Sequence[AddressType]:
    """All types, or those that are asked for."""
    found = service.list_address_types(session, group_name=query.group_name, contains=query.search, page=query.page)
    rows, headers = query.cut(found, request)
    response.headers.update(headers)
    return [AddressType.of(row) for row in rows]


@router.get("/{address_type_id}", dependencies=VIEWER, responses=wire.errors(404))
def get_address_type(address_type_id: int, session: SessionDep) -> AddressType:
    """A type."""
    return AddressType.of(service.read_address_type(session, address_type_id))


@router.patch("", dependencies=OPERATOR, responses=wire.errors(404, 409))
def patch_address_type(body: AddressTypePatch, session: SessionDep, clock: ClockDep, audit: AuditDep) -> AddressType:
    """Change what is named, of the type with that `id` or else that `name`."""
    changed = service.amend_address_type(session, body.changes(), type_id=body.id, name=body.name, at=clock())
    audit("address_type.change", changed.name)
    return AddressType.of(changed)


@router.delete(
    "/{address_type_id}", status_code=HTTPStatus.NO_CONTENT, dependencies=ADMIN, responses=wire.errors(404, 409)
)
def delete_address_type(address_type_id: int, session: SessionDep, audit: AuditDep) -> None:
    """Delete a type that no address has."""
    name = service.delete_address_type(session, address_type_id)
    audit("address_type.delete", name, result=HTTPStatus.NO_CONTENT)
