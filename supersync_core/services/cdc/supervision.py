"""Which pipelines lack a run that they should have: somebody wants them to stream, and nothing does."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import DesiredState
from supersync_core.errors import Conflict
from supersync_core.ledger.executions import count_failures
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.cdc.pipelines import list_cdc_pipelines
from supersync_core.services.cdc.views import has_failed, view_pipelines
from supersync_core.services.launches import queue_execution

MEMORY = timedelta(minutes=10)
"""Failures of so long ago are forgotten."""
MAX_WAIT_S = 60


def queue_missing_runs(session: Session, *, at: datetime) -> list[tuple[Pipeline, Execution]]:
    """Queue a run for each pipeline that is wanted and has none; the caller launches them at once.

    One that has failed for good waits for somebody to resume it. One that fails again and again waits 1, 2, 4... up to
    60 s between its runs.
    """
    wanted = [one for one in list_cdc_pipelines(session) if one.desired_state is not DesiredState.STOPPED]
    idle = [
        view
        for view in view_pipelines(session, wanted)
        if view.last is None or (view.last.state.is_final and not has_failed(view.last))
    ]
    failures = count_failures(session, [view.pipeline.id for view in idle], since=at - MEMORY)
    queued = []
    for view in idle:
        if view.last is not None and at < _earliest(view.last, failures.get(view.pipeline.id, 0)):
            continue
        try:
            queued.append((view.pipeline, queue_execution(session, view.pipeline, trigger=Trigger.SCHEDULE, at=at)))
        except Conflict:
            continue  # somebody has just started one
    return queued


def _earliest(last: Execution, failures: int) -> datetime:
    ended = last.ended_at or last.queued_at
    if last.state is not ExecutionState.FAILED:
        return ended
    return ended + timedelta(seconds=min(MAX_WAIT_S, 2 ** min(failures - 1, 10))) if failures else ended
