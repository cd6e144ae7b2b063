"""Queued executions whose launch was lost, as the sensor finds them."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import dagster as dg
import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import get_execution, open_execution, start_execution
from supersync_core.services.launches import OVERDUE, claim_launch, note_launched
from supersync_core.services.pipelines import get_pipeline, retire_pipeline
from supersync_dagster.launches import close_without_run, requests_for_queued
from supersync_dagster.translator import EXECUTION, PIPELINE
from tests.dagster.conftest import Project
from tests.dagster.instances import new_instance

JOBS = {"orders": "sync__orders"}
LONG_AGO = OVERDUE + timedelta(seconds=1)
STATUS = dg.DagsterRunStatus


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with new_instance() as instance:
        yield instance


@pytest.fixture
def queue(project: Project, ledger: Ledger) -> Callable[..., int]:
    """Queue an execution of orders some time ago."""
    project.build()

    def make(ago: timedelta = LONG_AGO) -> int:
        with ledger.begin() as session:
            pipeline = get_pipeline(session, "orders")
            return open_execution(session, pipeline, trigger=Trigger.MANUAL, at=utcnow() - ago).id

    return make


def asked_for(instance: dg.DagsterInstance, ledger: Ledger) -> list[dg.RunRequest]:
    return requests_for_queued(instance, ledger, JOBS, at=utcnow())


def read(ledger: Ledger, execution_id: int) -> Execution:
    with ledger.begin() as session:
        return get_execution(session, execution_id)


def add_run(instance: dg.DagsterInstance, execution_id: int, status: dg.DagsterRunStatus, **tags: str) -> str:
    tags = {PIPELINE: "orders", EXECUTION: str(execution_id), **tags}
    return instance.add_run(dg.DagsterRun("sync__orders", status=status, tags=tags)).run_id


def test_what_waits_too_long_is_launched_under_its_own_key(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    execution_id = queue()
    (request,) = asked_for(instance, ledger)
    assert (request.job_name, request.run_key, request.tags) == (
        "sync__orders",
        str(read(ledger, execution_id).public_id),
        {PIPELINE: "orders", EXECUTION: str(execution_id)},
    )


def test_who_queued_it_has_some_seconds_for_the_launch(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    queue(timedelta(seconds=2))
    assert asked_for(instance, ledger) == []


def test_it_is_asked_for_once_while_dagster_makes_the_run(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    queue()
    assert [len(asked_for(instance, ledger)) for _ in range(2)] == [1, 0]


def test_what_somebody_is_launching_is_left_to_them(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    with ledger.begin() as session:
        claim_launch(session, queue())
    assert asked_for(instance, ledger) == []


@pytest.mark.parametrize("status", [STATUS.STARTING, STATUS.STARTED])
def test_a_run_that_was_queued_before_its_launcher_died_is_found_again(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int], status: dg.DagsterRunStatus
) -> None:
    execution_id = queue()
    run_id = add_run(instance, execution_id, status)
    assert asked_for(instance, ledger) == []
    assert read(ledger, execution_id).dagster_run_id == run_id


def test_a_run_that_was_made_and_not_queued_before_its_launcher_died_is_made_anew(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    run_id = add_run(instance, queue(), STATUS.NOT_STARTED)
    assert len(asked_for(instance, ledger)) == 1
    assert instance.get_run_by_id(run_id) is None


def test_a_run_that_the_daemon_made_and_did_not_queue_stays_for_the_daemon(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    run_id = add_run(instance, queue(), STATUS.NOT_STARTED, **{"dagster/sensor_name": "supersync_launcher"})
    assert len(asked_for(instance, ledger)) == 1
    assert instance.get_run_by_id(run_id) is not None


def test_pipelines_of_other_code_locations_are_left_to_those(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    queue()
    assert requests_for_queued(instance, ledger, {"others": "sync__others"}, at=utcnow()) == []


def test_what_waits_for_a_pipeline_that_is_retired_fails(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    execution_id = queue()
    with ledger.begin() as session:
        retire_pipeline(session, "orders", at=utcnow())
    assert asked_for(instance, ledger) == []
    assert read(ledger, execution_id).state is ExecutionState.FAILED


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param(STATUS.FAILURE, ExecutionState.FAILED, id="the run failed to start"),
        pytest.param(STATUS.CANCELED, ExecutionState.CANCELLED, id="somebody cancelled the run in Dagster's UI"),
        pytest.param(STATUS.SUCCESS, ExecutionState.FAILED, id="the run did something else"),
        pytest.param(STATUS.STARTING, ExecutionState.QUEUED, id="the run is on its way"),
        pytest.param(STATUS.STARTED, ExecutionState.QUEUED, id="the run is about to take it up"),
    ],
)
def test_an_execution_ends_with_the_run_that_does_not_take_it_up(
    instance: dg.DagsterInstance,
    ledger: Ledger,
    queue: Callable[..., int],
    status: dg.DagsterRunStatus,
    state: ExecutionState,
) -> None:
    execution_id = queue()
    launched(ledger, execution_id, add_run(instance, execution_id, status))
    close_without_run(instance, ledger, at=utcnow())
    assert read(ledger, execution_id).state is state


def test_an_execution_ends_when_its_run_is_deleted(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    execution_id = queue()
    launched(ledger, execution_id, "00000000-0000-4000-8000-000000000000")
    close_without_run(instance, ledger, at=utcnow())
    assert read(ledger, execution_id).state is ExecutionState.FAILED


def test_an_execution_that_was_taken_up_is_left_alone(
    instance: dg.DagsterInstance, ledger: Ledger, queue: Callable[..., int]
) -> None:
    execution_id = queue()
    launched(ledger, execution_id, add_run(instance, execution_id, STATUS.FAILURE))
    with ledger.begin() as session:
        start_execution(session, execution_id, owner="somebody", at=utcnow())
    assert close_without_run(instance, ledger, at=utcnow()) == []


def launched(ledger: Ledger, execution_id: int, run_id: str) -> None:
    with ledger.begin() as session:
        note_launched(session, execution_id, run_id)
