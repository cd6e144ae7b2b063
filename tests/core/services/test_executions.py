"""The life of an execution, by cases, by a random walk beside a model, and by many at once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.domain.execution import Counts, ExecutionState, Progress, Trigger
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import Conflict, IllegalTransition, LeaseLost, NotFound, Unavailable
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.ledger.pipelines import get_or_create_pipeline
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.executions import (
    MAX_MESSAGE,
    Outcome,
    error_record,
    finish_execution,
    get_execution,
    list_executions,
    live_execution,
    open_execution,
    renew_lease,
    request_cancel,
    start_execution,
)
from tests.core.services.conftest import NOON

SUCCEEDED = Outcome(ExecutionState.SUCCEEDED)
FAILED = Outcome(ExecutionState.FAILED, error={"type": "X", "message": "x", "retryable": False})


@pytest.fixture
def pipeline(session: Session) -> Pipeline:
    return get_or_create_pipeline(session, "orders", PipelineKind.TABLE_SYNC, at=NOON)


@pytest.fixture
def queued(session: Session, pipeline: Pipeline) -> Execution:
    return open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON)


@pytest.fixture
def running(session: Session, queued: Execution) -> Execution:
    return start_execution(session, queued.id, owner="me", at=NOON)


def test_an_execution_is_queued_then_runs_then_ends(session: Session, pipeline: Pipeline) -> None:
    row = open_execution(session, pipeline, trigger=Trigger.SCHEDULE, at=NOON, dagster_run_id="r")
    assert (row.state, row.trigger, row.queued_at, row.started_at) == (
        ExecutionState.QUEUED,
        Trigger.SCHEDULE,
        NOON,
        None,
    )
    start_execution(session, row.id, owner="me", at=NOON + timedelta(seconds=1))
    assert (row.state, row.lease_owner) == (ExecutionState.RUNNING, "me")
    outcome = Outcome(ExecutionState.SUCCEEDED, Counts(9, 4, 3, 2, 1), 77, "a", "b")
    finish_execution(session, row.id, outcome, at=NOON + timedelta(seconds=3.5), owner="me")
    session.refresh(row)
    assert (row.state, row.seconds, row.counts, row.bytes) == (ExecutionState.SUCCEEDED, 2.5, outcome.counts, 77)
    assert (row.watermark_before, row.watermark_after, row.lease_owner, row.lease_expires_at) == ("a", "b", None, None)


def test_a_lease_ends_twenty_seconds_from_now_by_the_clock_of_the_database(
    session: Session, running: Execution
) -> None:
    left = session.scalar(text("SELECT lease_expires_at - clock_timestamp() FROM supersync.executions"))
    assert timedelta(seconds=15) < left <= timedelta(seconds=20)


def test_a_sign_of_life_moves_the_lease_on_and_notes_the_progress(session: Session, running: Execution) -> None:
    before = running.lease_expires_at
    assert renew_lease(session, running.id, owner="me", progress=Progress("copy", 10, 200)) is False
    session.refresh(running)
    assert (running.stage, running.progress_rows, running.progress_bytes) == ("copy", 10, 200)
    assert before is not None and running.lease_expires_at is not None and running.lease_expires_at > before


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda s, id_: renew_lease(s, id_, owner="other"), id="renewing"),
        pytest.param(lambda s, id_: finish_execution(s, id_, SUCCEEDED, at=NOON, owner="other"), id="finishing"),
    ],
)
def test_an_owner_that_lost_its_lease_can_do_nothing(
    session: Session, running: Execution, attempt: Callable[[Session, int], Any]
) -> None:
    with pytest.raises(LeaseLost):
        attempt(session, running.id)
    session.refresh(running)
    assert (running.state, running.lease_owner) == (ExecutionState.RUNNING, "me")


def test_an_owner_whose_execution_was_closed_has_lost_its_lease(session: Session, running: Execution) -> None:
    finish_execution(session, running.id, FAILED, at=NOON)
    with pytest.raises(LeaseLost):
        renew_lease(session, running.id, owner="me")


def test_a_live_execution_keeps_others_out_and_is_named(
    session: Session, pipeline: Pipeline, queued: Execution
) -> None:
    with pytest.raises(Conflict, match=rf"orders is queued already, since 2026-11-22T12.*{queued.public_id}"):
        open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON)
    assert live_execution(session, pipeline) is queued


def test_an_ended_execution_lets_the_next_in(session: Session, pipeline: Pipeline, running: Execution) -> None:
    finish_execution(session, running.id, SUCCEEDED, at=NOON)
    assert live_execution(session, pipeline) is None
    assert open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON).id > running.id


def test_children_live_beside_their_parent(session: Session, pipeline: Pipeline, running: Execution) -> None:
    children = [open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON, parent_id=running.id) for _ in "ab"]
    assert {child.parent_id for child in children} == {running.id}


@pytest.mark.parametrize(
    ("end", "counted"),
    [
        pytest.param(NOON - timedelta(hours=1), NOON, id="a clock that went back"),
        pytest.param(NOON + timedelta(hours=1), NOON + timedelta(hours=1), id="a clock that goes on"),
    ],
)
def test_no_execution_ends_before_it_started(session: Session, running: Execution, end: Any, counted: Any) -> None:
    assert finish_execution(session, running.id, SUCCEEDED, at=end).ended_at == counted


def test_a_queued_execution_is_cancelled_at_once(session: Session, queued: Execution) -> None:
    request_cancel(session, queued.id, at=NOON)
    assert (queued.state, queued.ended_at) == (ExecutionState.CANCELLED, NOON)


def test_a_running_execution_hears_of_its_cancel_with_the_next_sign_of_life(
    session: Session, running: Execution
) -> None:
    request_cancel(session, running.id, at=NOON)
    assert running.state is ExecutionState.RUNNING
    assert renew_lease(session, running.id, owner="me") is True


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda s, id_: start_execution(s, id_, owner="me", at=NOON), id="starting"),
        pytest.param(lambda s, id_: finish_execution(s, id_, FAILED, at=NOON), id="finishing"),
        pytest.param(lambda s, id_: request_cancel(s, id_, at=NOON), id="cancelling"),
    ],
)
def test_nothing_follows_the_end(session: Session, running: Execution, attempt: Callable[[Session, int], Any]) -> None:
    finish_execution(session, running.id, SUCCEEDED, at=NOON)
    with pytest.raises(IllegalTransition, match="succeeded cannot become"):
        attempt(session, running.id)


@pytest.mark.parametrize("attempt", [get_execution, lambda s, id_: request_cancel(s, id_, at=NOON)])
def test_an_unknown_execution_is_not_found(session: Session, attempt: Callable[[Session, int], Any]) -> None:
    with pytest.raises(NotFound, match="there is no execution 404"):
        attempt(session, 404)


def test_history_counts_all_pages(session: Session, pipeline: Pipeline, running: Execution) -> None:
    finish_execution(session, running.id, SUCCEEDED, at=NOON)
    open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON + timedelta(seconds=1))
    page, total = list_executions(session, HistoryFilter(pipeline.id), limit=1, offset=1)
    assert ([row.id for row in page], total) == ([running.id], 2)


@pytest.mark.parametrize(
    ("error", "record"),
    [
        (NotFound("no table"), {"type": "NotFound", "message": "no table", "retryable": False}),
        (Unavailable("later"), {"type": "Unavailable", "message": "later", "retryable": True}),
        (ValueError("a\x00b"), {"type": "ValueError", "message": "ab", "retryable": False}),
        (KeyboardInterrupt(), {"type": "KeyboardInterrupt", "message": "KeyboardInterrupt", "retryable": False}),
        (ValueError("x" * 99_999), {"type": "ValueError", "message": "x" * MAX_MESSAGE, "retryable": False}),
    ],
)
def test_an_error_becomes_a_record_that_the_ledger_can_keep(
    session: Session, running: Execution, error: BaseException, record: dict[str, Any]
) -> None:
    finish_execution(session, running.id, Outcome(ExecutionState.FAILED, error=error_record(error)), at=NOON)
    session.expire_all()
    assert get_execution(session, running.id).error == record


def test_of_sixteen_that_open_at_once_one_succeeds(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = get_or_create_pipeline(session, "orders", PipelineKind.TABLE_SYNC, at=NOON)
    together = threading.Barrier(16)
    outcomes: list[Any] = []

    def open_one() -> None:
        together.wait()
        try:
            with ledger.begin() as session:
                outcomes.append(open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON).state)
        except Conflict as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=open_one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(ExecutionState.QUEUED) == 1
    assert outcomes.count(Conflict) == 15
