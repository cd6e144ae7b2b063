"""Read and write the forms that tables of sources have had, and what a pipeline tracks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.change import Position, SourceTable
from supersync_core.ledger.cdc_tables import SchemaVersion, TrackedTable


def register_schema(
    session: Session, tenant: str, table: SourceTable, position: Position | None, *, at: datetime
) -> SchemaVersion:
    """The version of a table's form: a new number for a new fingerprint, the old one for one that was there before."""
    place = {
        "tenant": tenant,
        "database_name": table.database,
        "schema_name": table.schema,
        "table_name": table.name,
    }
    known = select(SchemaVersion).filter_by(**place, fingerprint=table.fingerprint)
    found = session.scalar(known)
    if found is not None:
        return found
    # One at a time, so that numbers have no gaps and no one is given twice.
    key = "supersync.schema." + json.dumps(list(place.values()))
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
    last = session.scalar(select(func.max(SchemaVersion.version)).filter_by(**place)) or 0
    new = insert(SchemaVersion).values(
        **place,
        version=last + 1,
        fingerprint=table.fingerprint,
        columns=[asdict(column) for column in table.columns],
        primary_key=list(table.primary_key),
        position=dict(position.data) if position else None,
        registered_at=at,
    )
    made = session.scalar(new.on_conflict_do_nothing().returning(SchemaVersion))
    return made if made is not None else session.scalars(known).one()


def track_table(session: Session, pipeline_id: int, database: str, name: str, *, at: datetime, **values: Any) -> None:
    """Write what a pipeline knows of a table: `schema_id`, `sensed`, `drift`."""
    new = insert(TrackedTable).values(
        pipeline_id=pipeline_id, database_name=database, name=name, updated_at=at, **values
    )
    same = [TrackedTable.pipeline_id, TrackedTable.database_name, TrackedTable.name]
    session.execute(new.on_conflict_do_update(index_elements=same, set_={**values, "updated_at": at}))


def select_tracked(session: Session, pipeline_id: int) -> Sequence[Row[TrackedTable, SchemaVersion | None]]:
    """What a pipeline tracks, by name, each with the form of its table."""
    tracked = select(TrackedTable, SchemaVersion).outerjoin(SchemaVersion, SchemaVersion.id == TrackedTable.schema_id)
    mine = tracked.where(TrackedTable.pipeline_id == pipeline_id)
    return session.execute(mine.order_by(TrackedTable.database_name, TrackedTable.name)).all()


def select_sensed(session: Session, pipeline_id: int) -> Sequence[TrackedTable]:
    """What was sensed for a pipeline, by name."""
    sensed = select(TrackedTable).where(TrackedTable.pipeline_id == pipeline_id, TrackedTable.sensed.is_not(None))
    return session.scalars(sensed.order_by(TrackedTable.name)).all()


def find_version(session: Session, tenant: str, place: Mapping[str, str]) -> SchemaVersion | None:
    """The newest form of a table; `place` as with `select_versions`."""
    versions = select(SchemaVersion).filter_by(tenant=tenant, **place)
    return session.scalar(versions.order_by(SchemaVersion.version.desc()).limit(1))


def select_versions(session: Session, tenant: str, place: Mapping[str, str]) -> Sequence[SchemaVersion]:
    """Every form of a table, the oldest first; `place`: database_name, schema_name, table_name."""
    versions = select(SchemaVersion).filter_by(tenant=tenant, **place)
    return session.scalars(versions.order_by(SchemaVersion.version)).all()
