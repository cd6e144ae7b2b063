"""A queued execution and the run that is for it."""

from datetime import timedelta

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.errors import Cancelled, Conflict, NotFound
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import get_execution, open_execution, request_cancel
from supersync_core.services.launches import claim_launch, claim_unlaunched, close_unlaunched, note_launched
from supersync_core.services.pipelines import get_pipeline, retire_pipeline
from supersync_core.services.run import ExecutionReport, run_pipeline
from tests.core.services.conftest import Scene

RUN = "5f6e1f3c-0000-4000-8000-000000000000"
MINUTE = timedelta(minutes=1)


def queue(scene: Scene, name: str = "orders", ago: timedelta = MINUTE) -> int:
    with scene.ledger.begin() as session:
        pipeline = get_pipeline(session, name)
        return open_execution(session, pipeline, trigger=Trigger.SCHEDULE, at=utcnow() - ago).id


def run(scene: Scene, execution_id: int, name: str = "orders") -> ExecutionReport:
    return run_pipeline(
        scene.ledger,
        scene.connections,
        name,
        trigger=Trigger.MANUAL,
        execution_id=execution_id,
        dagster_run_id=RUN,
    )


def read(scene: Scene, execution_id: int) -> Execution:
    with scene.ledger.begin() as session:
        return get_execution(session, execution_id)


def test_a_run_takes_its_execution_up(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    run(scene, execution_id)
    (execution,) = scene.history()
    assert (execution.id, execution.state, execution.dagster_run_id, execution.trigger) == (
        execution_id,
        ExecutionState.SUCCEEDED,
        RUN,
        Trigger.SCHEDULE,
    )


def test_an_execution_is_taken_up_once(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    run(scene, execution_id)
    with pytest.raises(Conflict, match="succeeded already"):
        run(scene, execution_id)
    assert len(scene.history()) == 1


def test_a_run_whose_execution_was_cancelled_does_nothing(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    with scene.ledger.begin() as session:
        request_cancel(session, execution_id, at=utcnow())
    with pytest.raises(Cancelled, match="before it began"):
        run(scene, execution_id)
    assert (scene.target_rows(), len(scene.history())) == (None, 1)


def test_a_run_of_another_pipeline_leaves_the_execution_alone(scene: Scene) -> None:
    scene.declare()
    scene.declare("others")
    execution_id = queue(scene)
    with pytest.raises(Conflict, match="none of others"):
        run(scene, execution_id, "others")
    assert read(scene, execution_id).state is ExecutionState.QUEUED


def test_an_execution_whose_run_cannot_begin_fails_with_the_reason(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    with scene.ledger.begin() as session:
        note_launched(session, execution_id, RUN)
        retire_pipeline(session, "orders", at=utcnow())
    with pytest.raises(NotFound):
        run(scene, execution_id)
    execution = read(scene, execution_id)
    assert (execution.state, (execution.error or {})["type"]) == (ExecutionState.FAILED, "NotFound")


def test_only_one_claims_a_launch(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    with scene.ledger.begin() as session:
        assert [claim_launch(session, execution_id) for _ in range(2)] == [True, False]


def test_a_claim_ends_with_its_time(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    with scene.ledger.begin() as session:
        claim_launch(session, execution_id)
    with scene.ledger.begin() as session:
        get_execution(session, execution_id).launch_claimed_until = utcnow() - MINUTE
    with scene.ledger.begin() as session:
        assert claim_launch(session, execution_id)


def test_what_has_a_run_is_not_launched_again(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    with scene.ledger.begin() as session:
        note_launched(session, execution_id, RUN)
        assert not claim_launch(session, execution_id)
        assert claim_unlaunched(session, ["orders"]) == []


def test_two_who_look_for_lost_launches_share_them(scene: Scene) -> None:
    names = [scene.declare(name).name for name in ("a", "b", "c")]
    ids = {queue(scene, name) for name in names}
    with scene.ledger.begin() as one, scene.ledger.begin() as other:
        found = [claim_unlaunched(session, names) for session in (one, other)]
    assert [{execution.id for execution, _ in part} for part in found] == [ids, set()]


def test_what_was_taken_up_meanwhile_is_not_closed_as_unlaunched(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    run(scene, execution_id)
    with scene.ledger.begin() as session:
        close_unlaunched(session, execution_id, NotFound("too late"), at=utcnow())
    assert read(scene, execution_id).state is ExecutionState.SUCCEEDED


def test_what_waits_for_another_run_is_not_closed(scene: Scene) -> None:
    scene.declare()
    execution_id = queue(scene)
    with scene.ledger.begin() as session:
        note_launched(session, execution_id, RUN)
        close_unlaunched(session, execution_id, NotFound("gone"), at=utcnow(), run_id="another")
    assert read(scene, execution_id).state is ExecutionState.QUEUED
