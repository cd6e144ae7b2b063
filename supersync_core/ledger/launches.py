"""Read and write what is queued and has no run yet. Claims run by the database's clock."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.executions import LIVE_STATES
from supersync_core.ledger.tables import Execution, Pipeline


def claim_launch(session: Session, execution_id: int, *, ttl: timedelta) -> bool:
    """Whether it is now ours to launch, for so long: it waits for a run, and nobody else is launching it."""
    unlaunched = and_(Execution.id == execution_id, _is_unlaunched())
    claim = update(Execution).where(unlaunched).values(launch_claimed_until=_until(ttl))
    return session.scalar(claim.returning(Execution.id)) is not None


def claim_unlaunched(
    session: Session, names: Collection[str], *, queued_for: timedelta, ttl: timedelta, limit: int
) -> Sequence[tuple[Execution, Pipeline]]:
    """Claim executions of those pipelines that have waited so long and nobody is launching, the oldest first."""
    waiting = (
        select(Execution, Pipeline)
        .join(Pipeline, Pipeline.id == Execution.pipeline_id)
        .where(_is_unlaunched(), Execution.queued_at < func.now() - queued_for)
        .where(Pipeline.name.in_(names), Pipeline.retired_at.is_(None))
        .order_by(Execution.queued_at)
        .limit(limit)
        .with_for_update(of=Execution, skip_locked=True)
    )
    found = [(execution, pipeline) for execution, pipeline in session.execute(waiting)]
    ids = [execution.id for execution, _ in found]
    session.execute(update(Execution).where(Execution.id.in_(ids)).values(launch_claimed_until=_until(ttl)))
    return found


def set_run(session: Session, execution_id: int, run_id: str) -> None:
    """Note which run will take up a queued execution; one that was taken up or closed keeps what it has."""
    queued = and_(Execution.id == execution_id, Execution.state == ExecutionState.QUEUED)
    session.execute(update(Execution).where(queued).values(dagster_run_id=run_id, launch_claimed_until=None))


def select_launched(session: Session) -> Sequence[Execution]:
    """Queued executions for which a run is known."""
    waiting = and_(Execution.managed, Execution.state == ExecutionState.QUEUED, Execution.dagster_run_id.is_not(None))
    return session.scalars(select(Execution).where(waiting)).all()


def select_queued_of_retired(session: Session) -> Sequence[Execution]:
    """Executions that supersync shall run, of pipelines that are retired."""
    queued = and_(Execution.managed, Execution.state == ExecutionState.QUEUED)
    retired = select(Execution).join(Pipeline, Pipeline.id == Execution.pipeline_id).where(queued)
    return session.scalars(retired.where(Pipeline.retired_at.is_not(None))).all()


def lock_live_of_runs(session: Session, run_ids: Collection[str]) -> Sequence[Execution]:
    """Queued and running executions that belong to those runs, locked for this transaction."""
    live = and_(Execution.dagster_run_id.in_(run_ids), Execution.state.in_(LIVE_STATES))
    return session.scalars(select(Execution).where(live).with_for_update()).all()


def _is_unlaunched() -> ColumnElement[bool]:
    return and_(
        Execution.managed,
        Execution.state == ExecutionState.QUEUED,
        Execution.dagster_run_id.is_(None),
        or_(Execution.launch_claimed_until.is_(None), Execution.launch_claimed_until < func.now()),
    )


def _until(ttl: timedelta) -> ColumnElement[object]:
    return func.clock_timestamp() + ttl
