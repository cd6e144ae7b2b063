"""Read and write how pipelines that run for long go."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.ledger.cdc_tables import PipelineStatus


def put_status(  # noqa: PLR0913  # what a status is of, and since when
    session: Session,
    pipeline_id: int,
    execution_id: int,
    status: Mapping[str, Any],
    *,
    started_at: datetime,
    at: datetime,
    **known: Any,
) -> None:
    """Replace a pipeline's status; `known`: `current_at` and `counters`, which stay as they are where they are not."""
    values = {"execution_id": execution_id, "status": dict(status), "started_at": started_at, "updated_at": at, **known}
    new = insert(PipelineStatus).values(pipeline_id=pipeline_id, **values)
    session.execute(new.on_conflict_do_update(index_elements=[PipelineStatus.pipeline_id], set_=values))


def store_retained(session: Session, sizes: Mapping[int, int], *, at: datetime) -> None:
    """Note how much log is kept for pipelines that have a status."""
    for pipeline_id, size in sizes.items():
        mine = update(PipelineStatus).where(PipelineStatus.pipeline_id == pipeline_id)
        session.execute(mine.values(retained_bytes=size, retained_at=at))


def select_statuses(session: Session, pipeline_ids: Collection[int]) -> dict[int, PipelineStatus]:
    """The status of each pipeline that has one."""
    found = session.scalars(select(PipelineStatus).where(PipelineStatus.pipeline_id.in_(pipeline_ids)))
    return {status.pipeline_id: status for status in found}
