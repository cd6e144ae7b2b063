"""Read and write pipelines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import PipelineKind, fold_name
from supersync_core.ledger.pipeline_types import put_pipeline_type
from supersync_core.ledger.tables import Execution, Pipeline


def find_pipeline(session: Session, name: str) -> Pipeline | None:
    """The pipeline of that name, whatever its case."""
    return session.scalar(select(Pipeline).where(Pipeline.name_key == fold_name(name)))


def get_or_create_pipeline(session: Session, name: str, kind: PipelineKind, *, at: datetime) -> Pipeline:
    """The pipeline of that name, locked for this transaction. Two that create it at once get the same row."""
    values = {"name": name, "name_key": fold_name(name), "kind": kind, "created_at": at, "updated_at": at}
    values["type_id"] = put_pipeline_type(session, kind.value, at=at)[0]
    session.execute(insert(Pipeline).values(values).on_conflict_do_nothing(index_elements=[Pipeline.name_key]))
    locked = select(Pipeline).where(Pipeline.name_key == fold_name(name)).with_for_update()
    return session.scalars(locked.execution_options(populate_existing=True)).one()


class Declared(NamedTuple):
    """What the last declaration of a pipeline was. `declared_hash`: None where nobody has declared it."""

    name_key: str
    name: str
    kind: PipelineKind
    declared_hash: str | None
    retired_at: datetime | None


def select_declared(session: Session) -> dict[str, Declared]:
    """Of every pipeline, retired ones too, by the key of its name; in one query."""
    query = select(Pipeline.name_key, Pipeline.name, Pipeline.kind, Pipeline.declared_hash, Pipeline.retired_at)
    return {row.name_key: Declared(*row) for row in session.execute(query.order_by(Pipeline.name_key))}


def note_success(session: Session, execution: Execution) -> None:
    """Let the pipeline say how far an execution of ours that has just succeeded came, and when which rows changed."""
    counts = {
        "last_inserted_at": execution.rows_inserted,
        "last_updated_at": execution.rows_updated,
        "last_deleted_at": execution.rows_deleted,
    }
    values: dict[str, Any] = {name: execution.ended_at for name, count in counts.items() if count}
    if execution.watermark_after is not None:
        values["watermark"] = execution.watermark_after
    if values:
        session.execute(update(Pipeline).where(Pipeline.id == execution.pipeline_id).values(values))


def select_pipelines(session: Session, *, kind: PipelineKind | None = None) -> Sequence[Pipeline]:
    """Pipelines that are not retired, by name."""
    query = select(Pipeline).where(Pipeline.retired_at.is_(None)).order_by(Pipeline.name_key)
    return session.scalars(query if kind is None else query.where(Pipeline.kind == kind)).all()
