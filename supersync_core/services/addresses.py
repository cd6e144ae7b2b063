"""Places where data lives, as they are reported: made at first use, changed when the report does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from supersync_core.domain.lineage import split_name
from supersync_core.domain.pipeline import fold_name
from supersync_core.errors import BadData, NotFound
from supersync_core.ledger.addresses import put_address_types, put_addresses
from supersync_core.ledger.lineage_tables import Address
from supersync_core.ledger.pages import ALL, Page, paged
from supersync_core.services.address_types import find_address_type
from supersync_core.services.named import MAX_ID, amend
from supersync_core.services.reported_pipelines import content_hash

__all__ = [
    "Address",
    "ReportedAddress",
    "amend_address",
    "delete_address",
    "list_addresses",
    "read_address",
    "report_address",
    "report_addresses",
]


@dataclass(frozen=True)
class ReportedAddress:
    """`given`: the columns that the reporter has named beside these, None included."""

    name: str
    type_name: str
    group_name: str
    given: Mapping[str, Any] = field(default_factory=dict)


def report_address(session: Session, address: ReportedAddress, *, at: datetime) -> tuple[int, bool]:
    """Get the address of that name or create it; its id, and whether it is new.

    If what is given differs from what was last reported it is written; if not, nothing is. Database, schema and table
    come from a name in three parts, whatever else is given (Watcher). A type that is there keeps its group.
    """
    return report_addresses(session, [address], at=at)[fold_name(address.name)]


def report_addresses(
    session: Session, addresses: Sequence[ReportedAddress], *, at: datetime
) -> dict[str, tuple[int, bool]]:
    """The same for many, by their folded names. The number of statements does not depend on theirs."""
    types = put_address_types(session, {one.type_name: one.group_name for one in addresses}, at=at)
    shapes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for address in addresses:
        row = _row(address, types[fold_name(address.type_name)][0])
        shapes.setdefault(tuple(sorted(row)), []).append(row)
    found: dict[str, tuple[int, bool]] = {}
    # One statement writes the same columns of every row.
    for shape in sorted(shapes):
        found |= put_addresses(session, shapes[shape], at=at)
    return found


def _row(address: ReportedAddress, type_id: int) -> dict[str, Any]:
    content = {"name": fold_name(address.name), "type": fold_name(address.type_name), **address.given}
    parts = split_name(address.name, fold_name(address.group_name))
    fixed = {"name": address.name, "type_id": type_id, "reported_hash": content_hash(content)}
    return {**address.given, **parts, **fixed}


def read_address(session: Session, address_id: int) -> Address:
    """The address. Raises NotFound."""
    found = session.get(Address, address_id) if 0 < address_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"there is no address {address_id}")
    return found


def find_address(session: Session, name: str) -> Address:
    """The address of that name, whatever its case. Raises NotFound."""
    return _one(session, Address.name_key == fold_name(name), repr(name))


def list_addresses(
    session: Session,
    *,
    type_id: int | None = None,
    contains: str | None = None,
    page: Page = ALL,
) -> Sequence[Address]:
    """Addresses; all of them, or a page. `contains`: part of the name, whatever its case."""
    query = select(Address)
    if type_id is not None:
        query = query.where(Address.type_id == type_id)
    if contains:
        query = query.where(Address.name_key.contains(fold_name(contains), autoescape=True))
    return session.scalars(paged(query, Address, page)).all()


def amend_address(
    session: Session, changes: Mapping[str, Any], *, address_id: int | None = None, name: str = "", at: datetime
) -> Address:
    """Change columns of an address, found by its id or else by its name; None clears one.

    Raises NotFound, BadData for a type that is not there, and Conflict for a name that is taken.
    """
    found = read_address(session, address_id) if address_id is not None else find_address(session, name)
    session.refresh(found, with_for_update=True)
    if changes.get("type_id") is not None and find_address_type(session, changes["type_id"]) is None:
        raise BadData(f"there is no address type {changes['type_id']}")
    return amend(session, found, changes, at=at)


def delete_address(session: Session, address_id: int) -> str:
    """Delete an address with its edges; its name. Raises NotFound."""
    found = read_address(session, address_id)
    session.delete(found)
    session.flush()
    return found.name


def _one(session: Session, condition: ColumnElement[bool], what: str) -> Address:
    found = session.scalar(select(Address).where(condition))
    if found is None:
        raise NotFound(f"there is no address {what}")
    return found
