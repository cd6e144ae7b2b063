"""A pipeline of ours that fails is an incident until it succeeds."""

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.incidents import report_finding, resolve_subject


def failure_subject(pipeline_id: int) -> str:
    """The subject of the incident that a pipeline fails."""
    return f"failure:{pipeline_id}"


def note_ending(session: Session, execution: Execution) -> None:
    """Report the failure of an execution of ours that has just ended, or resolve by its success what failed before.

    A pipeline that goes on failing alerts once. What was cancelled says nothing, nor does a part of a larger run.
    """
    if not execution.managed or execution.parent_id is not None or execution.ended_at is None:
        return
    if execution.state is ExecutionState.FAILED:
        report_finding(session, _finding(session, execution), at=execution.ended_at)
    elif execution.state is ExecutionState.SUCCEEDED:
        subject = failure_subject(execution.pipeline_id)
        resolve_subject(session, subject, reason="the next run succeeded", at=execution.ended_at)


def _finding(session: Session, execution: Execution) -> Finding:
    pipeline = session.get_one(Pipeline, execution.pipeline_id)
    error = execution.error or {}
    return Finding(
        kind=IncidentKind.FAILURE,
        subject=failure_subject(pipeline.id),
        level=Level.CRITICAL,
        title=f"{pipeline.name} failed",
        message=f"{error.get('type', 'Error')}: {error.get('message', 'no reason was given')}",
        details={"execution_id": execution.id, "public_id": str(execution.public_id), "error": error},
        pipeline_id=pipeline.id,
        repeats=False,
    )
