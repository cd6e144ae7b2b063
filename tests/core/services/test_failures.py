"""A pipeline of ours that fails is an incident until it succeeds."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.incident import IncidentKind, IncidentState, Level
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.ledger.check_tables import Alert, Incident
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.executions import (
    Outcome,
    finish_execution,
    open_execution,
    request_cancel,
    start_execution,
)
from supersync_core.services.pipelines import register_pipeline, retire_pipeline
from tests.core.services.reports import MINUTE, NOON, ended, reported

BROKEN = {"type": "Unavailable", "message": "the warehouse sleeps", "retryable": True}


@pytest.fixture
def pipeline(session: Session) -> Pipeline:
    return register_pipeline(session, PipelineDeclaration("orders", PipelineKind.TABLE_SYNC), at=NOON)


def run(
    session: Session, pipeline: Pipeline, state: ExecutionState, *, minutes: int = 0, parent_id: int | None = None
) -> Execution:
    at = NOON + minutes * MINUTE
    row = open_execution(session, pipeline, trigger=Trigger.SCHEDULE, at=at, parent_id=parent_id)
    start_execution(session, row.id, owner=f"owner {row.id}", at=at)
    error = BROKEN if state is ExecutionState.FAILED else None
    return finish_execution(session, row.id, Outcome(state, error=error), at=at + MINUTE)


def incidents(session: Session) -> list[Incident]:
    session.expire_all()
    return list(session.scalars(select(Incident).order_by(Incident.id)))


def test_a_failure_is_an_incident_with_its_reason(session: Session, pipeline: Pipeline) -> None:
    execution = run(session, pipeline, ExecutionState.FAILED)
    (incident,) = incidents(session)
    assert (incident.kind, incident.subject, incident.level) == (
        *(IncidentKind.FAILURE, f"failure:{pipeline.id}"),
        Level.CRITICAL,
    )
    assert (incident.pipeline_id, incident.title, incident.opened_at) == (pipeline.id, "orders failed", NOON + MINUTE)
    assert incident.details == {
        "execution_id": execution.id,
        "public_id": str(execution.public_id),
        "error": BROKEN,
    }
    assert session.scalars(select(Alert.message)).all() == ["Unavailable: the warehouse sleeps"]


def test_a_pipeline_that_goes_on_failing_is_counted_and_alerts_once(session: Session, pipeline: Pipeline) -> None:
    for minutes in (0, 5, 10):
        run(session, pipeline, ExecutionState.FAILED, minutes=minutes)
    assert [incident.findings for incident in incidents(session)] == [3]
    assert len(session.scalars(select(Alert)).all()) == 1


def test_the_next_success_resolves_it(session: Session, pipeline: Pipeline) -> None:
    for minutes, state in enumerate(("failed", "succeeded", "failed")):
        run(session, pipeline, ExecutionState(state), minutes=5 * minutes)
    first, second = incidents(session)
    assert (first.state, first.resolved_at, first.reason) == (
        *(IncidentState.RESOLVED, NOON + 6 * MINUTE),
        "the next run succeeded",
    )
    assert (second.state, second.findings) == (IncidentState.OPEN, 1)


def test_a_cancel_says_nothing(session: Session, pipeline: Pipeline) -> None:
    run(session, pipeline, ExecutionState.FAILED)
    run(session, pipeline, ExecutionState.CANCELLED, minutes=5)
    queued = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON + 10 * MINUTE)
    request_cancel(session, queued.id, at=NOON + 11 * MINUTE)
    assert [(incident.state, incident.findings) for incident in incidents(session)] == [(IncidentState.OPEN, 1)]


@pytest.mark.parametrize("state", [ExecutionState.FAILED, ExecutionState.SUCCEEDED])
def test_a_part_of_a_larger_run_says_nothing(session: Session, pipeline: Pipeline, state: ExecutionState) -> None:
    parent = run(session, pipeline, ExecutionState.FAILED)
    run(session, pipeline, state, parent_id=parent.id, minutes=5)
    assert [(incident.state, incident.findings) for incident in incidents(session)] == [(IncidentState.OPEN, 1)]


def test_a_pipeline_that_is_retired_concerns_nobody(session: Session, pipeline: Pipeline) -> None:
    run(session, pipeline, ExecutionState.FAILED)
    retire_pipeline(session, "orders", at=NOON + 9 * MINUTE)
    assert [(one.state, one.resolved_at, one.reason) for one in incidents(session)] == [
        (IncidentState.RESOLVED, NOON + 9 * MINUTE, "the pipeline is retired")
    ]


def test_a_failure_that_others_report_is_theirs(session: Session) -> None:
    ended(session, reported(session), succeeded=False)
    assert incidents(session) == []


def test_a_failure_that_is_rolled_back_leaves_no_incident(session: Session, pipeline: Pipeline) -> None:
    with pytest.raises(ZeroDivisionError), session.begin_nested():
        run(session, pipeline, ExecutionState.FAILED)
        raise ZeroDivisionError
    assert incidents(session) == []
