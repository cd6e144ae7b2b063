"""Read and write executions. Leases run by the database's clock, so the clocks of two machines never disagree."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, text, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from supersync_core.domain.execution import ExecutionState, Progress
from supersync_core.ledger.tables import LIVE, Execution, Pipeline

LIVE_STATES = tuple(state for state in ExecutionState if not state.is_final)
FINAL_STATES = tuple(state for state in ExecutionState if state.is_final)
RESTART_GRACE = timedelta(seconds=5)
"""Living owners give a sign every second, so within this time after a restart of the server each has renewed."""


def insert_unless_live(session: Session, **values: Any) -> Execution | None:
    """A new execution, or None when its pipeline has a live one and may have no other.

    Waits for a transaction that is about to insert one, so of many at once exactly one gets a row.
    """
    new = insert(Execution).values(values)
    live_root = text(f"managed AND parent_id IS NULL AND {LIVE}")
    new = new.on_conflict_do_nothing(index_elements=[Execution.pipeline_id], index_where=live_root)
    return session.scalar(new.returning(Execution))


def lock_execution(session: Session, execution_id: int) -> Execution | None:
    """The execution as it is now, locked for this transaction."""
    return session.scalar(_locked(Execution.id == execution_id))


def lock_live_root(session: Session, pipeline_id: int, *, skip_locked: bool = False) -> Execution | None:
    """The pipeline's live execution that supersync runs, locked for this transaction.

    `skip_locked`: None, too, while somebody else has it locked, instead of waiting.
    """
    live = _locked(_is_live_root(), Execution.pipeline_id == pipeline_id)
    return session.scalar(live.with_for_update(skip_locked=skip_locked))


def find_live_root(session: Session, pipeline_id: int) -> Execution | None:
    """The pipeline's live execution that supersync runs."""
    return session.scalar(select(Execution).where(_is_live_root(), Execution.pipeline_id == pipeline_id))


def lock_expired(session: Session) -> Sequence[Execution]:
    """Running executions whose lease has run out, locked; those that somebody else has locked are left out.

    None while the server has only just started: owners could not renew a lease while it was away.
    """
    expired = _locked(
        Execution.state == ExecutionState.RUNNING,
        Execution.managed.is_(True),
        Execution.lease_expires_at < func.now(),
        func.pg_postmaster_start_time() < func.now() - RESTART_GRACE,
    )
    return session.scalars(expired.with_for_update(skip_locked=True)).all()


def select_silent(session: Session, left: timedelta) -> Sequence[int]:
    """Pipelines with a running execution of ours whose lease has less than `left` to go; none after a restart."""
    silent = select(Execution.pipeline_id).where(
        Execution.state == ExecutionState.RUNNING,
        Execution.managed.is_(True),
        Execution.parent_id.is_(None),
        Execution.lease_expires_at < func.now() + left,
        func.pg_postmaster_start_time() < func.now() - RESTART_GRACE,
    )
    return session.scalars(silent).all()


def lease_until(ttl: timedelta) -> ColumnElement[datetime]:
    """The end of a lease that begins now, by the database's clock."""
    return func.clock_timestamp() + ttl


def renew_lease(
    session: Session, execution_id: int, owner: str, *, ttl: timedelta, progress: Progress | None = None
) -> bool | None:
    """Move the lease's end on and note the progress. Whether a cancel is asked for; None: the lease is not `owner`'s.

    The lock on the row makes this and the reaper take turns: a lease that ran out and was not reaped is good again.
    """
    values: dict[str, Any] = {"lease_expires_at": lease_until(ttl)}
    if progress is not None:
        values |= {"stage": progress.stage, "progress_rows": progress.rows, "progress_bytes": progress.bytes}
    mine = and_(Execution.id == execution_id, Execution.lease_owner == owner)
    renewed = update(Execution).where(mine).values(values).returning(Execution.cancel_requested)
    # It comes with every batch: the ORM need not look for the row among its objects.
    return session.scalar(renewed, execution_options={"synchronize_session": False})


@dataclass(frozen=True)
class HistoryFilter:
    """Which executions; None and () mean any. `since` and `until` bound the time of queueing, both inclusive."""

    pipeline_id: int | None = None
    states: tuple[ExecutionState, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> ColumnElement[bool]:
        """As a condition on executions."""
        bounds = [
            Execution.pipeline_id == self.pipeline_id if self.pipeline_id is not None else None,
            Execution.state.in_(self.states) if self.states else None,
            Execution.queued_at >= self.since if self.since else None,
            Execution.queued_at <= self.until if self.until else None,
        ]
        return and_(true(), *(bound for bound in bounds if bound is not None))


def select_history(
    session: Session, wanted: HistoryFilter, *, limit: int = 50, offset: int = 0
) -> tuple[Sequence[Execution], int]:
    """A page of executions, the newest first, and how many there are on all pages."""
    newest = select(Execution).where(wanted.condition()).order_by(Execution.queued_at.desc(), Execution.id.desc())
    total = session.scalar(select(func.count()).select_from(Execution).where(wanted.condition())) or 0
    return session.scalars(newest.limit(limit).offset(offset)).all(), total


def select_latest(session: Session, pipeline_ids: Collection[int]) -> dict[int, Execution]:
    """The newest execution of each pipeline that has one, by pipeline: one look into the index for each."""
    newest = (
        select(Execution)
        .where(Execution.pipeline_id == Pipeline.id)
        .order_by(Execution.queued_at.desc(), Execution.id.desc())
        .limit(1)
        .lateral()
    )
    found = aliased(Execution, newest)
    per_pipeline = select(found).select_from(Pipeline).join(newest, true()).where(Pipeline.id.in_(pipeline_ids))
    return {execution.pipeline_id: execution for execution in session.scalars(per_pipeline)}


def select_latest_roots(session: Session, pipeline_ids: Collection[int]) -> dict[int, Execution]:
    """The newest execution without a parent of each pipeline that has one, by pipeline."""
    newest = (
        select(Execution)
        .where(Execution.pipeline_id == Pipeline.id, Execution.parent_id.is_(None))
        .order_by(Execution.queued_at.desc(), Execution.id.desc())
        .limit(1)
        .lateral()
    )
    found = aliased(Execution, newest)
    per_pipeline = select(found).select_from(Pipeline).join(newest, true()).where(Pipeline.id.in_(pipeline_ids))
    return {execution.pipeline_id: execution for execution in session.scalars(per_pipeline)}


def count_failures(session: Session, pipeline_ids: Collection[int], *, since: datetime) -> dict[int, int]:
    """How many executions without a parent have failed since then, by pipeline; those without any are left out."""
    query = (
        select(Execution.pipeline_id, func.count())
        .where(Execution.pipeline_id.in_(pipeline_ids), Execution.parent_id.is_(None), Execution.queued_at >= since)
        .where(Execution.state == ExecutionState.FAILED)
        .group_by(Execution.pipeline_id)
    )
    return {pipeline_id: count for pipeline_id, count in session.execute(query)}


def _is_live_root() -> ColumnElement[bool]:
    return and_(Execution.managed, Execution.parent_id.is_(None), Execution.state.in_(LIVE_STATES))


def _locked(*conditions: ColumnElement[bool]) -> Select[Execution]:
    query = select(Execution).where(*conditions).with_for_update()
    return query.execution_options(populate_existing=True)
