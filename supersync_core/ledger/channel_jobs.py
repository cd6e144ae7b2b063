"""Read and write how far syncs of channels are."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.channel_sync import ChannelProgress
from supersync_core.ledger.channel_tables import ChannelJob
from supersync_core.ledger.tables import Execution


def put_job(session: Session, execution_id: int, **values: Any) -> None:
    """What the execution was asked for, or how far it is; what is not given stays."""
    new = insert(ChannelJob).values(execution_id=execution_id, **values)
    if not values:
        session.execute(new.on_conflict_do_nothing(index_elements=[ChannelJob.execution_id]))
        return
    session.execute(new.on_conflict_do_update(index_elements=[ChannelJob.execution_id], set_=values))


def note_progress(session: Session, execution_id: int, progress: ChannelProgress) -> None:
    """How far it is now."""
    put_job(
        session,
        execution_id,
        total=progress.total,
        processed=progress.processed,
        failing=progress.failing,
        failing_ids=list(progress.failing_ids),
        facts=progress.facts,
        entities=progress.entities,
        stage_done=progress.stage_done,
        stage_total=progress.stage_total,
    )


def note_fallback(session: Session, execution_id: int, *, messages: int, why: str) -> None:
    """The facts of so many messages were found by rules, although a model was to find them."""
    noted = {"facts_by_rules": {"messages": messages, "reason": why[:500]}}
    session.execute(update(Execution).where(Execution.id == execution_id).values(extra=noted))


def select_jobs(session: Session, execution_ids: Collection[int]) -> dict[int, ChannelJob]:
    """By their executions."""
    found = session.scalars(select(ChannelJob).where(ChannelJob.execution_id.in_(execution_ids)))
    return {job.execution_id: job for job in found}
