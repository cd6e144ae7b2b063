from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone

import dagster as dg
import pytest

from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.services.executions import live_execution, open_execution
from supersync_core.services.pipelines import get_pipeline, set_desired_state
from supersync_dagster.schedules import build_pipeline_schedules
from supersync_dagster.translator import EXECUTION, PIPELINE
from tests.dagster.conftest import ORDERS, Project
from tests.dagster.instances import new_instance
from tests.dagster.pipelines import table_sync

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("cadence", "cron"),
    [
        pytest.param(Cadence(every_s=300), "*/5 * * * *", id="an interval on the grid of a day"),
        pytest.param(Cadence(cron="0 3 * * 1-5"), "0 3 * * 1-5", id="a cron"),
    ],
)
def test_a_cadence_that_is_a_cron_makes_a_schedule(cadence: Cadence, cron: str) -> None:
    (schedule,) = build_pipeline_schedules([table_sync("orders", cadence=cadence)])
    assert (schedule.name, schedule.job_name, schedule.cron_schedule) == (
        "sync__orders__schedule",
        "sync__orders",
        cron,
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"cadence": None}, id="runs only when asked"),
        pytest.param({"cadence": Cadence(every_s=7)}, id="no cron can say it"),
        pytest.param({"cadence": Cadence(every_s=300), "kind": PipelineKind.EXTERNAL}, id="others run it"),
    ],
)
def test_no_schedule(changes: dict[str, object]) -> None:
    assert build_pipeline_schedules([table_sync(**changes)]) == []


@pytest.mark.parametrize("scheduled", [True, False])
def test_the_schedule_is_on_from_the_start_when_the_pipeline_is_scheduled(scheduled: bool) -> None:
    data = replace(table_sync(cadence=Cadence(every_s=300)), scheduled=scheduled)
    on = build_pipeline_schedules([data])[0].default_status is dg.DefaultScheduleStatus.RUNNING
    assert on is scheduled


def test_the_zone_of_the_cadence_is_the_schedules() -> None:
    cadence = Cadence(cron="0 3 * * *", timezone="Europe/Berlin")
    assert build_pipeline_schedules([table_sync(cadence=cadence)])[0].execution_timezone == "Europe/Berlin"


def asked_for(project: Project, instance: dg.DagsterInstance) -> Sequence[dg.RunRequest]:
    """The runs that a tick at noon asks for."""
    schedule = project.build().resolve_schedule_def("sync__orders__schedule")
    assert isinstance(schedule, dg.ScheduleDefinition)
    resources = {"supersync": project.resource}
    with dg.build_schedule_context(instance, scheduled_execution_time=NOON, resources=resources) as context:
        return schedule.evaluate_tick(context).run_requests or []


@pytest.fixture
def scheduled(project: Project) -> Project:
    project.declare({**ORDERS, "every": 300})
    project.build()
    return project


@pytest.mark.parametrize(
    ("status", "requested"),
    [
        pytest.param(dg.DagsterRunStatus.NOT_STARTED, 0, id="one waits"),
        pytest.param(dg.DagsterRunStatus.STARTED, 0, id="one runs"),
        pytest.param(dg.DagsterRunStatus.SUCCESS, 1, id="the last one has ended"),
        pytest.param(dg.DagsterRunStatus.FAILURE, 1, id="the last one has failed"),
    ],
)
def test_a_tick_asks_for_no_run_while_another_has_not_ended(
    scheduled: Project, status: dg.DagsterRunStatus, requested: int
) -> None:
    with new_instance() as instance:
        instance.add_run(dg.DagsterRun("sync__orders", status=status, tags={PIPELINE: "orders"}))
        assert len(asked_for(scheduled, instance)) == requested


@pytest.mark.parametrize(("state", "requested"), [("running", 1), ("paused", 0), ("stopped", 0)])
def test_a_tick_obeys_the_ledger_without_a_reload(scheduled: Project, state: str, requested: int) -> None:
    with scheduled.resource.ledger().begin() as session:
        set_desired_state(session, "orders", DesiredState(state), at=NOON)
    with new_instance() as instance:
        assert len(asked_for(scheduled, instance)) == requested


def test_the_run_of_a_tick_is_for_the_execution_that_the_tick_has_queued(scheduled: Project) -> None:
    with new_instance() as instance:
        (request,) = asked_for(scheduled, instance)
    with scheduled.resource.ledger().begin() as session:
        live = live_execution(session, get_pipeline(session, "orders"))
    assert live is not None
    assert (live.trigger, request.tags[EXECUTION]) == (Trigger.SCHEDULE, str(live.id))


def test_a_tick_asks_for_no_run_while_an_execution_is_queued(scheduled: Project) -> None:
    with scheduled.resource.ledger().begin() as session:
        open_execution(session, get_pipeline(session, "orders"), trigger=Trigger.MANUAL, at=NOON)
    with new_instance() as instance:
        assert asked_for(scheduled, instance) == []
