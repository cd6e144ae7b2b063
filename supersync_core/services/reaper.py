"""Close executions whose owner is dead. What Dagster believes of a run is no evidence; a lease that ran out is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.executions import lock_expired, lock_live_root, select_silent
from supersync_core.ledger.locks import PipelineLock, end_connection
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import LEASE, Outcome, finish_execution

INTERVAL_S = 5
"""Ask `reap` this often: with a lease of 20 s, a dead owner's execution is then closed within 25 s of its last sign."""
SILENT = timedelta(seconds=3)
"""An owner that lives renews its lease every second. One that was silent for so long is dead if its lock is free."""


def reap(ledger: Ledger, *, at: datetime) -> Sequence[Execution]:
    """Close, as failed, every running execution whose owner is dead; those closed.

    A process that was killed leaves its lock free at once, so it is noticed within seconds. One that is frozen, or
    whose machine is gone, keeps the lock until its lease has run out by the database's clock; then it loses its lock as
    well, and cannot commit any more. Any number may reap at once.
    """
    return [*_reap_unlocked(ledger, at), *_reap_expired(ledger, at)]


def _reap_unlocked(ledger: Ledger, at: datetime) -> list[Execution]:
    with ledger.begin() as session:
        silent = select_silent(session, LEASE - SILENT)
    closed = []
    for pipeline_id in silent:
        with PipelineLock(ledger, pipeline_id, "supersync reaper") as lock:
            if not lock.hold():
                continue
            with ledger.begin() as session:
                # One that somebody has locked is being renewed, or ended.
                orphan = close_orphan(session, pipeline_id, at=at, skip_locked=True)
            closed += [orphan] if orphan is not None else []
    return closed


def _reap_expired(ledger: Ledger, at: datetime) -> Sequence[Execution]:
    with ledger.begin() as session:
        expired = lock_expired(session)
        for execution in expired:
            if execution.lease_owner is not None:
                end_connection(session, execution.lease_owner)
            _close(session, execution, "its owner gave no sign of life for too long", at)
    return expired


def close_orphan(session: Session, pipeline_id: int, *, at: datetime, skip_locked: bool = False) -> Execution | None:
    """Close the pipeline's running execution, because the caller holds the lock that its owner would hold."""
    orphan = lock_live_root(session, pipeline_id, skip_locked=skip_locked)
    if orphan is None or orphan.state is not ExecutionState.RUNNING:
        return None
    return _close(session, orphan, "its owner has died", at)


def _close(session: Session, execution: Execution, why: str, at: datetime) -> Execution:
    error = {"type": "OwnerDied", "message": f"{why}: {execution.lease_owner}", "retryable": True}
    return finish_execution(session, execution.id, Outcome(ExecutionState.FAILED, error=error), at=at)
