"""Look for addresses by part of their name."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import fold_name
from supersync_core.ledger.lineage_tables import Address, AddressType, LineageEdge


@dataclass(frozen=True)
class FoundAddress:
    """An address. `flows_in` and `flows_out`: how many flows lead to it and from it."""

    id: int
    name: str
    type_name: str
    flows_in: int
    flows_out: int


def search_addresses(session: Session, contains: str, *, limit: int) -> list[FoundAddress]:
    """The first addresses by name whose names contain a text, whatever its case; those that begin with it first."""
    folded = fold_name(contains)
    flows_in, flows_out = (
        select(func.count()).where(end == Address.id).correlate(Address).scalar_subquery()
        for end in (LineageEdge.target_id, LineageEdge.source_id)
    )
    found = (
        select(Address.id, Address.name, AddressType.name, flows_in, flows_out)
        .join(AddressType, AddressType.id == Address.type_id)
        .where(Address.name_key.contains(folded, autoescape=True))
        .order_by(Address.name_key.startswith(folded, autoescape=True).desc(), Address.name_key)
        .limit(limit)
    )
    return [FoundAddress(*row) for row in session.execute(found)]
