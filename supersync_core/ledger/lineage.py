"""Read and write the edges that pipelines draw between addresses."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum

from sqlalchemy import (
    ColumnElement,
    Row,
    TableValuedAlias,
    and_,
    cast,
    column,
    delete,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, insert
from sqlalchemy.orm import Session, aliased

from supersync_core.ledger.lineage_tables import Address, AddressType, LineageEdge


class Direction(str, Enum):
    """Which way to go from an address: to where its data comes from, to where it goes, or both."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


def replace_edges(
    session: Session,
    pipeline_id: int,
    sources: Collection[int],
    targets: Collection[int],
    *,
    reported: bool = False,
    at: datetime,
) -> bool:
    """Let the pipeline's edges be those from each of `sources` to each of `targets`; all are ids of addresses.

    Edges that were reported and edges that our runs have seen are two sets; only one of them is replaced. Whether any
    edge came or went.
    """
    source_ids, target_ids = _array(sources), _array(targets)
    kept = and_(LineageEdge.source_id == func.any(source_ids), LineageEdge.target_id == func.any(target_ids))
    mine = and_(LineageEdge.pipeline_id == pipeline_id, LineageEdge.reported.is_(reported))
    counts = select(func.count(), func.count().filter(kept)).where(mine)
    if session.execute(counts).one() == (len(set(sources)) * len(set(targets)),) * 2:
        return False
    gone = session.execute(delete(LineageEdge).where(mine, not_(kept)).returning(LineageEdge.source_id)).all()
    source, target = _unnested(source_ids, "source"), _unnested(target_ids, "target")
    pairs = select(
        literal(pipeline_id, BIGINT),
        source.c.id,
        target.c.id,
        literal(reported),
        literal(at, LineageEdge.created_at.type),
    ).join_from(source, target, true())
    columns = [LineageEdge.pipeline_id, LineageEdge.source_id, LineageEdge.target_id, LineageEdge.reported]
    new = insert(LineageEdge).from_select([*columns, LineageEdge.created_at], pairs, include_defaults=False)
    made = session.execute(new.on_conflict_do_nothing().returning(LineageEdge.source_id)).all()
    return bool(gone or made)


def select_edges(session: Session, pipeline_id: int) -> Sequence[LineageEdge]:
    """The pipeline's edges."""
    return session.scalars(select(LineageEdge).where(LineageEdge.pipeline_id == pipeline_id)).all()


def select_flows(session: Session, pipeline_id: int) -> Sequence[Row[str, str]]:
    """The names of the addresses that the pipeline joins, from source to target."""
    source, target = aliased(Address), aliased(Address)
    flows = (
        select(source.name, target.name)
        .select_from(LineageEdge)
        .join(source, source.id == LineageEdge.source_id)
        .join(target, target.id == LineageEdge.target_id)
        .where(LineageEdge.pipeline_id == pipeline_id)
    )
    return session.execute(flows.order_by(source.name_key, target.name_key)).all()


def select_reported_places(session: Session) -> Sequence[Row[int, bool, str, str, str]]:
    """What the edges that were reported join: pipeline, whether it is read, and the address with type and group.

    Each address is there once for each pipeline and side, in the order of names, in one query for all pipelines.
    """
    sides = union_all(
        *(
            select(LineageEdge.pipeline_id, column_.label("address_id"), literal(is_read).label("is_read"))
            .where(LineageEdge.reported)
            .distinct()
            for column_, is_read in ((LineageEdge.source_id, True), (LineageEdge.target_id, False))
        )
    ).subquery()
    places = (
        select(sides.c.pipeline_id, sides.c.is_read, Address.name, AddressType.name, AddressType.group_name)
        .join(Address, Address.id == sides.c.address_id)
        .join(AddressType, AddressType.id == Address.type_id)
    )
    return session.execute(places.order_by(sides.c.pipeline_id, Address.name_key)).all()


def select_reach(session: Session, address_id: int, direction: Direction) -> Sequence[LineageEdge]:
    """Every edge on the way from an address, in one query; loops and diamonds cost nothing.

    A walk along the edges that remembers each address once: it ends, however the edges lie.
    """
    downstream = set[int]() if direction is Direction.UPSTREAM else _reached(session, address_id, forwards=True)
    upstream = set[int]() if direction is Direction.DOWNSTREAM else _reached(session, address_id, forwards=False)
    # Upstream one comes to the source of an edge by its target, and so by an edge whose target was reached.
    passed = or_(
        LineageEdge.source_id == func.any(_array(downstream)), LineageEdge.target_id == func.any(_array(upstream))
    )
    order = (LineageEdge.source_id, LineageEdge.target_id, LineageEdge.pipeline_id)
    return session.scalars(select(LineageEdge).where(passed).order_by(*order)).all()


def _reached(session: Session, address_id: int, *, forwards: bool) -> set[int]:
    here, there = (LineageEdge.source_id, LineageEdge.target_id)
    if not forwards:
        here, there = there, here
    walk = select(cast(address_id, BIGINT).label("id")).cte("walk", recursive=True)
    # UNION, not UNION ALL: what was reached before is not gone on from.
    walk = walk.union(select(there).join(walk, here == walk.c.id))
    return set(session.scalars(select(walk.c.id)))


def _unnested(ids: ColumnElement[Sequence[int]], name: str) -> TableValuedAlias:
    return func.unnest(ids).table_valued(column("id", BIGINT), name=name).render_derived()


def _array(ids: Collection[int]) -> ColumnElement[Sequence[int]]:
    return literal(sorted(set(ids)), ARRAY(BIGINT))
