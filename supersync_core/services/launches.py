"""From a queued execution to its run: every run that was asked for is launched, and at most one takes it up.

    queued ── committed ──> launched (claim_launch, note_launched) ── the run starts ──> take_up

Whoever launches claims the execution first, so two never launch one. A claim ends with its time: when the claimant dies
on the way, or never comes to it, the engine launches it (claim_unlaunched).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.errors import Cancelled, Conflict
from supersync_core.ledger import launches as rows
from supersync_core.ledger.executions import lock_execution
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.executions import (
    Outcome,
    error_record,
    finish_execution,
    get_execution,
    open_execution,
    request_cancel,
)

CLAIM = timedelta(seconds=45)
"""A launch takes seconds, with patience for a code server that restarts; after this time somebody else may try."""
OVERDUE = timedelta(seconds=10)
"""Whoever queued an execution launches it within this time, or has died."""
BATCH = 50
"""Launched at once by the engine."""


def queue_execution(session: Session, pipeline: Pipeline, *, trigger: Trigger, at: datetime) -> Execution:
    """Queue a run that the caller launches at once: it is claimed already. Raises Conflict when another is live."""
    execution = open_execution(session, pipeline, trigger=trigger, at=at)
    claim_launch(session, execution.id)
    return execution


def claim_launch(session: Session, execution_id: int) -> bool:
    """Whether the caller may launch a run for the execution. Commit before the launch."""
    return rows.claim_launch(session, execution_id, ttl=CLAIM)


def claim_unlaunched(
    session: Session, names: Sequence[str], *, queued_for: timedelta = OVERDUE
) -> Sequence[tuple[Execution, Pipeline]]:
    """Executions that nobody has launched, for the caller to launch, with their pipelines. Commit before that.

    `names`: the pipelines that the caller can launch.
    """
    return rows.claim_unlaunched(session, names, queued_for=queued_for, ttl=CLAIM, limit=BATCH)


def queued_of_retired(session: Session) -> Sequence[Execution]:
    """Executions that wait for a run of a pipeline that nobody declares any more."""
    return rows.select_queued_of_retired(session)


def pipeline_of(session: Session, execution_id: int) -> Pipeline:
    """The pipeline whose run the execution is. Raises NotFound."""
    return session.get_one(Pipeline, get_execution(session, execution_id).pipeline_id)


def note_launched(session: Session, execution_id: int, run_id: str) -> None:
    """Say which run will take the execution up."""
    rows.set_run(session, execution_id, run_id)


def close_unlaunched(
    session: Session, execution_id: int, error: BaseException, *, at: datetime, run_id: str | None = None
) -> None:
    """Close an execution that no run will take up, with the reason; `run_id`: only while it waits for that run.

    One that has been taken up or closed meanwhile is left alone.
    """
    execution = lock_execution(session, execution_id)
    if execution is None or execution.state is not ExecutionState.QUEUED:
        return
    if run_id is not None and execution.dagster_run_id != run_id:
        return
    state = ExecutionState.CANCELLED if isinstance(error, Cancelled) else ExecutionState.FAILED
    finish_execution(session, execution_id, Outcome(state, error=error_record(error)), at=at)


def launched_executions(session: Session) -> Sequence[Execution]:
    """Queued executions whose run is known: they wait for it to start."""
    return rows.select_launched(session)


def take_up(session: Session, execution_id: int, pipeline: Pipeline, *, run_id: str | None) -> Execution:
    """The queued execution, for the caller's run to start at once.

    Raises Cancelled or Conflict when it was closed or taken up meanwhile: then there is nothing to do for this run.
    """
    execution = lock_execution(session, execution_id)
    if execution is None or execution.pipeline_id != pipeline.id:
        raise Conflict(f"this run is for execution {execution_id}, which is none of {pipeline.name}")
    if execution.state is ExecutionState.CANCELLED:
        raise Cancelled(f"execution {execution.public_id} was cancelled before it began")
    if execution.state is not ExecutionState.QUEUED:
        raise Conflict(f"execution {execution.public_id} is {execution.state.value} already")
    execution.dagster_run_id, execution.launch_claimed_until = run_id, None
    session.flush()
    return execution


def cancel_executions_of_run(session: Session, run_id: str, *, at: datetime) -> Sequence[Execution]:
    """Ask for the cancel of what the run does, or would take up; those that were live."""
    live = rows.lock_live_of_runs(session, [run_id])
    for execution in live:
        request_cancel(session, execution.id, at=at)
    return live
