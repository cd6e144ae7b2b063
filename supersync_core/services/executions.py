"""The life of an execution: opened, started under a lease, renewed, ended; and its history."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.execution import Counts, ExecutionState, Progress, Trigger, check_transition
from supersync_core.errors import Conflict, LeaseLost, NotFound, RetryError
from supersync_core.ledger import executions as rows
from supersync_core.ledger.checks import has_anomaly_rule
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.ledger.historical_jobs import follow_execution
from supersync_core.ledger.pipelines import note_success
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.ledger.totals import add_to_totals
from supersync_core.services.failures import note_ending

LEASE = timedelta(seconds=20)
"""How long an owner may be silent before its execution counts as dead."""
MAX_MESSAGE = 10_000
"""Characters of an error's message that are kept."""


@dataclass(frozen=True)
class Outcome:
    """How an execution ended. `error` only with failed or cancelled."""

    state: ExecutionState
    counts: Counts = field(default_factory=Counts)
    bytes: int = 0
    watermark_before: str | None = None
    watermark_after: str | None = None
    error: dict[str, Any] | None = None


def open_execution(
    session: Session,
    pipeline: Pipeline,
    *,
    trigger: Trigger,
    at: datetime,
    parent_id: int | None = None,
    dagster_run_id: str | None = None,
) -> Execution:
    """Queue a run of a pipeline. Raises Conflict, naming the live one, when it may have no other."""
    execution = rows.insert_unless_live(
        session,
        pipeline_id=pipeline.id,
        parent_id=parent_id,
        state=ExecutionState.QUEUED,
        trigger=trigger,
        queued_at=at,
        dagster_run_id=dagster_run_id,
    )
    if execution is not None:
        return execution
    raise conflict(session, pipeline)


def conflict(session: Session, pipeline: Pipeline) -> Conflict:
    """What to raise when a run may not start because another one is live."""
    live = rows.find_live_root(session, pipeline.id)
    if live is None:
        return Conflict(f"another run of {pipeline.name} is just starting or ending")
    since = live.queued_at.isoformat(timespec="seconds")
    return Conflict(f"{pipeline.name} is {live.state.value} already, since {since} (execution {live.public_id})")


def start_execution(
    session: Session, execution_id: int, *, owner: str, at: datetime, ttl: timedelta = LEASE
) -> Execution:
    """Make a queued execution run under a lease of `owner`. Raises NotFound, IllegalTransition."""
    execution = _locked(session, execution_id)
    check_transition(execution.state, ExecutionState.RUNNING)
    execution.state, execution.started_at = ExecutionState.RUNNING, max(at, execution.queued_at)
    execution.lease_owner = owner
    execution.lease_expires_at = rows.lease_until(ttl)
    session.flush()
    session.refresh(execution)
    follow_execution(session, execution)
    return execution


def renew_lease(
    session: Session, execution_id: int, *, owner: str, progress: Progress | None = None, ttl: timedelta = LEASE
) -> bool:
    """Say that `owner` is alive, and how far it is. Whether somebody has asked for a cancel.

    Raises LeaseLost when the execution has been closed, or is another owner's: stop without writing.
    """
    cancel = rows.renew_lease(session, execution_id, owner, ttl=ttl, progress=progress)
    if cancel is None:
        raise lease_lost(execution_id)
    return cancel


def lease_lost(execution_id: int) -> LeaseLost:
    """The error of who writes for an execution that is another owner's, or closed."""
    return LeaseLost(f"execution {execution_id} is not ours any more: it was taken over or closed")


def finish_execution(
    session: Session, execution_id: int, outcome: Outcome, *, at: datetime, owner: str | None = None
) -> Execution:
    """Close an execution at `at`, or at its start when a clock went back.

    A failure becomes an incident in this same transaction, a success resolves it. With `owner`, only if the lease is
    still its: else raises LeaseLost. Raises NotFound, and IllegalTransition when it is closed already.
    """
    execution = _locked(session, execution_id)
    if owner is not None and execution.lease_owner != owner:
        raise lease_lost(execution_id)
    check_transition(execution.state, outcome.state)
    execution.state, execution.error = outcome.state, outcome.error
    execution.ended_at = max(at, execution.started_at or execution.queued_at)
    execution.lease_owner = execution.lease_expires_at = None
    counts = outcome.counts
    execution.rows_extracted, execution.rows_inserted = counts.extracted, counts.inserted
    execution.rows_updated, execution.rows_unchanged = counts.updated, counts.unchanged
    execution.rows_deleted, execution.bytes = counts.deleted, outcome.bytes
    execution.watermark_before, execution.watermark_after = outcome.watermark_before, outcome.watermark_after
    succeeded = outcome.state is ExecutionState.SUCCEEDED
    # Who waits for the checks is seen here, so that they need not look at what no rule is for.
    execution.judged_at = None if succeeded and has_anomaly_rule(session, execution.pipeline_id) else execution.ended_at
    session.flush()
    add_to_totals(session, execution)
    if succeeded:
        note_success(session, execution)
    follow_execution(session, execution)
    note_ending(session, execution)
    return execution


def request_cancel(session: Session, execution_id: int, *, at: datetime) -> Execution:
    """Ask for a cancel: a queued execution is cancelled at once, a running one by its owner within seconds.

    Raises NotFound, and IllegalTransition when it is closed already.
    """
    execution = _locked(session, execution_id)
    check_transition(execution.state, ExecutionState.CANCELLED)
    execution.cancel_requested = True
    if execution.state is ExecutionState.QUEUED:
        return finish_execution(session, execution_id, Outcome(ExecutionState.CANCELLED), at=at)
    session.flush()
    return execution


def get_execution(session: Session, execution_id: int) -> Execution:
    """The execution. Raises NotFound."""
    execution = session.get(Execution, execution_id)
    if execution is None:
        raise NotFound(f"there is no execution {execution_id}")
    return execution


def live_execution(session: Session, pipeline: Pipeline) -> Execution | None:
    """The pipeline's queued or running execution, where supersync runs it; None when it rests."""
    return rows.find_live_root(session, pipeline.id)


def list_executions(
    session: Session, wanted: HistoryFilter, *, limit: int = 50, offset: int = 0
) -> tuple[Sequence[Execution], int]:
    """A page of history, the newest first, and the number of executions on all pages."""
    return rows.select_history(session, wanted, limit=limit, offset=offset)


def error_record(error: BaseException) -> dict[str, Any]:
    """An error as the ledger keeps it. `retryable`: it may succeed later, `retry_after` says in how many seconds."""
    message = str(error).replace("\x00", "") or type(error).__name__
    record: dict[str, Any] = {
        "type": type(error).__name__,
        "message": message[:MAX_MESSAGE],
        "retryable": isinstance(error, RetryError),
    }
    if isinstance(error, RetryError) and error.retry_after is not None:
        record["retry_after"] = error.retry_after
    return record


def _locked(session: Session, execution_id: int) -> Execution:
    execution = rows.lock_execution(session, execution_id)
    if execution is None:
        raise NotFound(f"there is no execution {execution_id}")
    return execution
