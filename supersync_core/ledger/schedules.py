"""Read and write schedules."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.tables import Pipeline, Schedule


def lock_due(session: Session, *, at: datetime) -> Sequence[tuple[Schedule, Pipeline]]:
    """Schedules whose time has come, with their pipelines, the longest waiting first; locked for this transaction.

    Left out are those that are switched off or locked by somebody else, and pipelines paused, stopped or retired.
    """
    due = (
        select(Schedule, Pipeline)
        .join(Pipeline, Pipeline.id == Schedule.pipeline_id)
        .where(Schedule.enabled, Schedule.next_due_at <= at)
        .where(Pipeline.desired_state == DesiredState.RUNNING, Pipeline.retired_at.is_(None))
        .order_by(Schedule.next_due_at)
        .with_for_update(of=Schedule, skip_locked=True)
    )
    return [(schedule, pipeline) for schedule, pipeline in session.execute(due)]
