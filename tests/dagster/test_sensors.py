from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.ledger.database import Ledger
from supersync_core.services.executions import (
    Outcome,
    finish_execution,
    get_execution,
    live_execution,
    open_execution,
    start_execution,
)
from supersync_core.services.pipelines import get_pipeline
from supersync_dagster.runs import TO_END, TO_OPEN, end_lost_runs
from supersync_dagster.sensors import INTERVALS, REAPER
from supersync_dagster.translator import EXECUTION, PIPELINE
from tests.dagster.conftest import ORDERS, Project

OFTEN = {**ORDERS, "every": 7}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(project: Project, sensor: str, instance: dg.DagsterInstance) -> Sequence[dg.RunRequest]:
    """The runs that the sensor asks for."""
    definition = project.build().resolve_sensor_def(sensor)
    with dg.build_sensor_context(instance=instance, resources={"supersync": project.resource}) as context:
        return definition.evaluate_tick(context).run_requests or []


def make_due(project: Project) -> None:
    with project.resource.ledger().begin() as session:
        schedule = get_pipeline(session, "orders").schedule
        assert schedule is not None
        schedule.next_due_at = utcnow() - timedelta(seconds=1)


def test_an_interval_that_is_not_due_asks_for_no_run(project: Project, instance: dg.DagsterInstance) -> None:
    project.declare({**ORDERS, "every": 86_399})
    assert tick(project, INTERVALS, instance) == []


def test_an_interval_that_is_due_asks_for_one_run_of_its_pipeline(
    project: Project, instance: dg.DagsterInstance
) -> None:
    project.declare(OFTEN)
    project.build()
    make_due(project)
    (request,) = tick(project, INTERVALS, instance)
    assert (request.job_name, request.tags[PIPELINE]) == ("sync__orders", "orders")


def test_an_interval_that_is_due_while_an_execution_is_queued_asks_for_no_run(
    project: Project, instance: dg.DagsterInstance
) -> None:
    project.declare(OFTEN)
    project.build()
    make_due(project)
    with project.resource.ledger().begin() as session:
        open_execution(session, get_pipeline(session, "orders"), trigger=Trigger.MANUAL, at=utcnow())
    assert tick(project, INTERVALS, instance) == []


def test_the_run_of_an_interval_is_for_the_execution_that_was_queued(
    project: Project, instance: dg.DagsterInstance
) -> None:
    project.declare(OFTEN)
    project.build()
    make_due(project)
    (request,) = tick(project, INTERVALS, instance)
    with project.resource.ledger().begin() as session:
        live = live_execution(session, get_pipeline(session, "orders"))
    assert live is not None
    assert request.tags[EXECUTION] == str(live.id)


def test_what_was_due_is_asked_for_once(project: Project, instance: dg.DagsterInstance) -> None:
    project.declare({**ORDERS, "every": 86_399})
    project.build()
    make_due(project)
    assert [len(tick(project, INTERVALS, instance)) for _ in range(2)] == [1, 0]


def test_no_run_is_asked_for_while_one_has_not_ended(project: Project, instance: dg.DagsterInstance) -> None:
    project.declare(OFTEN)
    project.build()
    make_due(project)
    add_run(instance)
    assert tick(project, INTERVALS, instance) == []


def test_the_reaper_closes_the_execution_of_a_dead_owner(project: Project, instance: dg.DagsterInstance) -> None:
    project.build()
    ledger = project.resource.ledger()
    execution_id = start(ledger, run_id=None, ttl=timedelta(seconds=-1))
    tick(project, REAPER, instance)
    with ledger.begin() as session:
        assert get_execution(session, execution_id).state is ExecutionState.FAILED


def test_the_reaper_leaves_a_live_owner_alone(project: Project, instance: dg.DagsterInstance) -> None:
    project.build()
    ledger = project.resource.ledger()
    execution_id = start(ledger, run_id=None)
    tick(project, REAPER, instance)
    with ledger.begin() as session:
        assert get_execution(session, execution_id).state is ExecutionState.RUNNING


def add_run(instance: dg.DagsterInstance) -> str:
    """A run of the pipeline that Dagster shows as started just now."""
    run = dg.DagsterRun("sync__orders", status=dg.DagsterRunStatus.STARTING, tags={PIPELINE: "orders"})
    instance.add_run(run)
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name="sync__orders"), run.run_id
    )
    return run.run_id


def start(ledger: Ledger, *, run_id: str | None, ttl: timedelta = timedelta(seconds=60)) -> int:
    with ledger.begin() as session:
        pipeline = get_pipeline(session, "orders")
        queued = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=utcnow(), dagster_run_id=run_id)
        return start_execution(session, queued.id, owner="somebody", at=utcnow(), ttl=ttl).id


@dataclass(frozen=True)
class Case:
    """A run that Dagster shows as started, `after` its start. `execution`: none, live or closed at the start."""

    execution: str
    after: timedelta
    lost: bool


SECOND = timedelta(seconds=1)
CASES = {
    "its execution goes on": Case("live", 10 * TO_OPEN, lost=False),
    "its execution was closed just now": Case("closed", TO_END - 10 * SECOND, lost=False),
    "its execution was closed and it never ended": Case("closed", TO_END + 10 * SECOND, lost=True),
    "it has not come to open one": Case("none", TO_OPEN - 10 * SECOND, lost=False),
    "it never opened one": Case("none", TO_OPEN + 10 * SECOND, lost=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_run_without_a_process_is_failed(project: Project, instance: dg.DagsterInstance, case: Case) -> None:
    project.build()
    ledger, run_id = project.resource.ledger(), add_run(instance)
    if case.execution != "none":
        execution_id = start(ledger, run_id=run_id)
    if case.execution == "closed":
        with ledger.begin() as session:
            finish_execution(session, execution_id, Outcome(ExecutionState.FAILED), at=utcnow())
    end_lost_runs(instance, ledger, at=utcnow() + case.after)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert (run.status is dg.DagsterRunStatus.FAILURE) is case.lost
