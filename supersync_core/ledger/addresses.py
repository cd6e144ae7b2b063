"""Read and write addresses and their types. Many at once cost as many statements as one."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Row, Text, cast, column, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, JSON, insert
from sqlalchemy.orm import Session

from supersync_core.domain.lineage import Place
from supersync_core.domain.pipeline import fold_name
from supersync_core.ledger.lineage_tables import Address, AddressType


def put_address_types(session: Session, types: Mapping[str, str], *, at: datetime) -> dict[str, tuple[int, bool]]:
    """The id of each type by its folded name, and whether it is new; `types`: the group of each by its name.

    One that is there stays as it is.
    """
    wanted = {fold_name(name): (name, group) for name, group in types.items()}
    found = {key: (id_, False) for key, id_ in _ids(session, AddressType, wanted).items()}
    missing = sorted(wanted.keys() - found.keys())
    if not missing:
        return found
    rows = [
        {"name": wanted[key][0], "name_key": key, "group_name": wanted[key][1], "created_at": at, "updated_at": at}
        for key in missing
    ]
    new = insert(AddressType).values(rows).on_conflict_do_nothing(index_elements=[AddressType.name_key])
    made = {key: (id_, True) for key, id_ in session.execute(new.returning(AddressType.name_key, AddressType.id))}
    others = _ids(session, AddressType, [key for key in missing if key not in made])
    return found | made | {key: (id_, False) for key, id_ in others.items()}


def put_addresses(session: Session, rows: Sequence[Mapping[str, Any]], *, at: datetime) -> dict[str, tuple[int, bool]]:
    """The id of each address by its folded name, and whether it is new.

    `rows` have `name`, `type_id` and the same other columns each. One that is there is overwritten in these columns if
    its `reported_hash` is given and differs; else it is left alone, without a lock.
    """
    given = {fold_name(row["name"]): row for row in rows}
    columns = (Address.name_key, Address.id, Address.reported_hash)
    there = {row.name_key: row for row in session.execute(select(*columns).where(_named(Address, given)))}
    # In one order, so that two who write the same addresses never wait for each other.
    written = _write_addresses(
        session, [given[key] for key in sorted(given) if _differs(given[key], there.get(key))], at
    )
    left = [key for key in given if key not in written and key not in there]
    ids = {key: row.id for key, row in there.items() if key not in written} | _ids(session, Address, left)
    return written | {key: (id_, False) for key, id_ in ids.items()}


def _differs(row: Mapping[str, Any], there: Row[str, int, str | None] | None) -> bool:
    return there is None or row["reported_hash"] not in (None, there.reported_hash)


def _write_addresses(session: Session, rows: Sequence[Mapping[str, Any]], at: datetime) -> dict[str, tuple[int, bool]]:
    """Insert or overwrite; those that were written. Another may have written the same meanwhile."""
    if not rows:
        return {}
    names = sorted({*rows[0], "name_key", "created_at", "updated_at"})
    times = {"created_at": at.isoformat(), "updated_at": at.isoformat()}
    text = json.dumps([{**row, "name_key": fold_name(row["name"]), **times} for row in rows])
    table = Address.__table__.c
    records = func.json_to_recordset(cast(literal(text, Text), JSON))
    given = records.table_valued(*[column(name, table[name].type) for name in names], name="given")
    given = given.render_derived(with_types=True)
    picked = select(*[given.c[name] for name in names]).order_by(given.c.name_key)
    new = insert(Address).from_select(names, picked, include_defaults=False)
    changes = {name: new.excluded[name] for name in names if name not in ("name", "name_key", "created_at")}
    differs = Address.reported_hash.is_distinct_from(new.excluded.reported_hash)
    upsert = new.on_conflict_do_update(
        index_elements=[Address.name_key], set_=changes, where=differs & new.excluded.reported_hash.is_not(None)
    )
    # A row that this very statement has inserted has no older version.
    is_new = literal_column("addresses.xmax = 0", Boolean).label("is_new")
    found = session.execute(upsert.returning(Address.name_key, Address.id, is_new))
    return {key: (id_, made) for key, id_, made in found}


def get_or_create_places(session: Session, places: Collection[Place], *, at: datetime) -> list[int]:
    """The ids of the addresses of those names, in order; those that are there keep what is known of them."""
    types = put_address_types(session, {place.type_name: place.group_name for place in places}, at=at)
    keyed = [(place.name, types[fold_name(place.type_name)][0]) for place in places]
    rows = [{"name": name, "type_id": type_id, "reported_hash": None} for name, type_id in keyed]
    found = put_addresses(session, rows, at=at) if rows else {}
    return [found[fold_name(place.name)][0] for place in places]


def _ids(session: Session, table: type[Address] | type[AddressType], keys: Collection[str]) -> dict[str, int]:
    if not keys:
        return {}
    found = session.execute(select(table.name_key, table.id).where(_named(table, keys)))
    return {key: id_ for key, id_ in found}


def _named(table: type[Address] | type[AddressType], keys: Collection[str]) -> ColumnElement[bool]:
    return table.name_key == func.any(literal(list(keys), ARRAY(Text)))
