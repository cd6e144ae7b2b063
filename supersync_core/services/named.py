"""Changes to what has a name that is unique whatever its case: types of pipelines, types of addresses, addresses."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import fold_name
from supersync_core.errors import Conflict, NotFound
from supersync_core.ledger.lineage_tables import Address, AddressType
from supersync_core.ledger.tables import PipelineType

MAX_ID = 2**63 - 1

Type = TypeVar("Type", PipelineType, AddressType)
Named = TypeVar("Named", PipelineType, AddressType, Address)


def lock_type(session: Session, model: type[Type], what: str, *, id: int | None, name: str) -> Type:
    """A type by its id or else by its name, so that nobody else changes it meanwhile. Raises NotFound."""
    condition: ColumnElement[bool] = model.id == id if id is not None else model.name_key == fold_name(name)
    found = session.scalar(select(model).where(condition).with_for_update())
    if found is None:
        raise NotFound(f"there is no {what} {id if id is not None else repr(name)}")
    return found


def amend(session: Session, found: Named, changes: Mapping[str, Any], *, at: datetime) -> Named:
    """Change columns; None clears one. Raises Conflict for a name that is taken."""
    for key, value in changes.items():
        setattr(found, key, value)
    found.name_key, found.updated_at = fold_name(found.name), at
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"the name {changes.get('name')!r} is taken") from error
    return found


def delete_unused(session: Session, found: PipelineType | AddressType, users: str) -> str:
    """Delete a type that none of its `users` has; its name. Raises Conflict for one that is used."""
    name = found.name
    session.delete(found)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"there are {users} of the type {name}") from error
    return name
