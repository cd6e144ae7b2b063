"""`/address`."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from supersync_core.services import addresses as service
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.address_wire import Address, AddressPatch, AddressQuery, AddressReport
from supersync_dagster.api.watcher.reload import ReloadDep
from supersync_dagster.api.watcher.roles import ADMIN, OPERATOR, VIEWER

router = APIRouter(prefix="/address", tags=["address"], route_class=StrictRoute)


@router.post(
    "", status_code=HTTPStatus.CREATED, dependencies=OPERATOR, responses=wire.found(wire.Created) | wire.errors()
)
def post_address(
    body: AddressReport, session: SessionDep, clock: ClockDep, audit: AuditDep, response: Response
) -> wire.Created:
    """Get the address of that name, or create it: 201. What is reported anew overwrites what was reported before."""
    address_id, is_new = service.report_address(session, body.reported(), at=clock())
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    audit("address.report", body.name, result=response.status_code)
    return wire.Created(id=address_id)


@router.get("", dependencies=VIEWER, responses=wire.errors())
def list_addresses(
    request: Request, query: Annotated[AddressQuery, Query()], session: SessionDep, response: Response
) -> Sequence[Address]:
    """All addresses, or those that are asked for."""
    found = service.list_addresses(session, type_id=query.address_type_id, contains=query.search, page=query.page)
    rows, headers = query.cut(found, request)
    response.headers.update(headers)
    return [Address.of(row) for row in rows]


@router.get("/{address_id}", dependencies=VIEWER, responses=wire.errors(404))
def get_address(address_id: int, session: SessionDep) -> Address:
    """An address."""
    return Address.of(service.read_address(session, address_id))


@router.patch("", dependencies=OPERATOR, responses=wire.errors(404, 409))
def patch_address(
    body: AddressPatch, session: SessionDep, clock: ClockDep, audit: AuditDep, reload: ReloadDep
) -> Address:
    """Change what is named, of the address with that `id` or else that `name`; null clears."""
    changed = service.amend_address(session, body.changes(), address_id=body.id, name=body.name, at=clock())
    audit("address.change", changed.name)
    if body.changes().keys() & {"name", "type_id"}:
        reload()
    return Address.of(changed)


@router.delete("/{address_id}", status_code=HTTPStatus.NO_CONTENT, dependencies=ADMIN, responses=wire.errors(404))
def delete_address(address_id: int, session: SessionDep, audit: AuditDep, reload: ReloadDep) -> None:
    """Delete an address, with the lineage from and to it."""
    name = service.delete_address(session, address_id)
    audit("address.delete", name, result=HTTPStatus.NO_CONTENT)
    reload()
