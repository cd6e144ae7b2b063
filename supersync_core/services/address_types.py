"""Types of addresses, such as `postgres` of the group `database`: made at first use."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import fold_name
from supersync_core.errors import NotFound
from supersync_core.ledger.addresses import put_address_types
from supersync_core.ledger.lineage_tables import AddressType
from supersync_core.ledger.pages import ALL, Page, paged
from supersync_core.services.named import MAX_ID, amend, delete_unused, lock_type

__all__ = [
    "AddressType",
    "amend_address_type",
    "delete_address_type",
    "find_address_type",
    "list_address_types",
    "put_address_type",
    "read_address_type",
]


def put_address_type(session: Session, name: str, group_name: str, *, at: datetime) -> tuple[int, bool]:
    """The id of the type of that name, and whether it is new. One that is there keeps its group."""
    return put_address_types(session, {name: group_name}, at=at)[fold_name(name)]


def find_address_type(session: Session, type_id: int) -> AddressType | None:
    """The type, if it is there."""
    return session.get(AddressType, type_id) if 0 < type_id <= MAX_ID else None


def read_address_type(session: Session, type_id: int) -> AddressType:
    """The type. Raises NotFound."""
    found = find_address_type(session, type_id)
    if found is None:
        raise NotFound(f"there is no address type {type_id}")
    return found


def list_address_types(
    session: Session, *, group_name: str | None = None, contains: str | None = None, page: Page = ALL
) -> Sequence[AddressType]:
    """Types; all of them, or a page. `contains`: part of the name, whatever its case."""
    query = select(AddressType)
    if group_name is not None:
        query = query.where(AddressType.group_name == group_name)
    if contains:
        query = query.where(AddressType.name_key.contains(fold_name(contains), autoescape=True))
    return session.scalars(paged(query, AddressType, page)).all()


def amend_address_type(
    session: Session, changes: Mapping[str, Any], *, type_id: int | None = None, name: str = "", at: datetime
) -> AddressType:
    """Change name or group of a type, found by its id or else by its name.

    Raises NotFound, and Conflict for a name that is taken.
    """
    found = lock_type(session, AddressType, "address type", id=type_id, name=name)
    return amend(session, found, changes, at=at)


def delete_address_type(session: Session, type_id: int) -> str:
    """Delete a type that no address has; its name. Raises NotFound, and Conflict for one that an address has."""
    return delete_unused(session, read_address_type(session, type_id), "addresses")
