"""Executions of others of which Dagster is still to be told: what is not noted here is told again, so never lost."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.tables import Execution, Pipeline

__all__ = ["Execution", "note_materialised", "unmaterialised"]


def unmaterialised(session: Session, *, limit: int) -> Sequence[tuple[Execution, str]]:
    """Successes that Dagster has not been told of, and the names of their pipelines; the first that ended first."""
    waiting = (
        Execution.managed.is_(False),
        Execution.materialised_at.is_(None),
        Execution.state == ExecutionState.SUCCEEDED,
    )
    found = select(Execution, Pipeline.name).join(Pipeline, Pipeline.id == Execution.pipeline_id).where(*waiting)
    rows = session.execute(found.order_by(Execution.ended_at, Execution.id).limit(limit))
    return [(execution, name) for execution, name in rows]


def note_materialised(session: Session, execution_ids: Collection[int], *, at: datetime) -> None:
    """Dagster has been told of these."""
    told = update(Execution).where(Execution.id.in_(execution_ids))
    session.execute(told.values(materialised_at=at))
