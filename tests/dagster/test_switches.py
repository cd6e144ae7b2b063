"""The switch of a schedule and what is wanted of its pipeline agree, whoever changes which."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext

from supersync_core.clock import utcnow
from supersync_core.domain.pipeline import DesiredState
from supersync_core.errors import Unavailable
from supersync_core.ledger.database import Ledger
from supersync_core.services.pipelines import get_pipeline, set_desired_state
from supersync_core.services.switches import desired_states, follow_switches, switch_pipeline
from supersync_dagster.launcher import DagsterLauncher
from supersync_dagster.sensors import REAPER
from tests.dagster.conftest import ORDERS, Project
from tests.dagster.workspace import InProcessGateway, workspace

PAUSED, RUNNING, STOPPED = DesiredState.PAUSED, DesiredState.RUNNING, DesiredState.STOPPED


@pytest.fixture
def process(project: Project) -> Iterator[WorkspaceProcessContext]:
    project.declare({**ORDERS, "every": 300})
    with workspace(project) as process:
        yield process


@pytest.fixture
def gateway(process: WorkspaceProcessContext) -> InProcessGateway:
    return InProcessGateway(process)


def wanted(ledger: Ledger) -> DesiredState:
    with ledger.begin() as session:
        return get_pipeline(session, "orders").desired_state


def look(project: Project, instance: dg.DagsterInstance) -> None:
    """A tick of the sensor that follows the switches."""
    sensor = project.build().resolve_sensor_def(REAPER)
    with dg.build_sensor_context(instance=instance, resources={"supersync": project.resource}) as context:
        sensor.evaluate_tick(context)


def test_a_schedule_switched_off_in_dagster_pauses_its_pipeline(
    project: Project, process: WorkspaceProcessContext, gateway: InProcessGateway, ledger: Ledger
) -> None:
    gateway.set_schedule("orders", False)
    look(project, process.instance)
    assert wanted(ledger) is PAUSED


def test_a_schedule_switched_on_in_dagster_resumes_its_pipeline(
    project: Project, process: WorkspaceProcessContext, gateway: InProcessGateway, ledger: Ledger
) -> None:
    gateway.set_schedule("orders", False)
    look(project, process.instance)
    gateway.set_schedule("orders", True)
    look(project, process.instance)
    assert wanted(ledger) is RUNNING


def test_a_schedule_that_nobody_has_touched_changes_nothing(
    project: Project, process: WorkspaceProcessContext, ledger: Ledger
) -> None:
    look(project, process.instance)
    assert wanted(ledger) is RUNNING


@pytest.mark.parametrize(("state", "on"), [(PAUSED, False), (RUNNING, True)])
def test_a_pause_turns_the_switch_in_dagster(
    gateway: InProcessGateway, ledger: Ledger, state: DesiredState, on: bool
) -> None:
    with ledger.begin() as session:
        switch_pipeline(session, DagsterLauncher(gateway, ledger), "orders", state, at=utcnow())
    assert (wanted(ledger), gateway.schedules(utcnow())["orders"].running) == (state, on)


def test_a_switch_that_cannot_be_turned_leaves_the_ledger_as_it_was(
    process: WorkspaceProcessContext, ledger: Ledger
) -> None:
    class Dead(InProcessGateway):
        def set_schedule(self, pipeline_key: str, running: bool) -> bool:
            raise Unavailable("nobody answers")

    with pytest.raises(Unavailable), ledger.begin() as session:
        switch_pipeline(session, DagsterLauncher(Dead(process), ledger), "orders", PAUSED, at=utcnow())
    assert wanted(ledger) is RUNNING


@pytest.mark.parametrize(
    ("state", "switch", "after"),
    [
        pytest.param(RUNNING, True, RUNNING, id="they agree: on"),
        pytest.param(PAUSED, False, PAUSED, id="they agree: off"),
        pytest.param(RUNNING, False, PAUSED, id="switched off"),
        pytest.param(PAUSED, True, RUNNING, id="switched on"),
        pytest.param(STOPPED, False, STOPPED, id="stopped is off as well"),
        pytest.param(STOPPED, True, RUNNING, id="stopped, and switched on"),
        pytest.param(PAUSED, None, PAUSED, id="no switch: the ledger decides"),
    ],
)
def test_the_ledger_follows_the_switch(
    project: Project, ledger: Ledger, state: DesiredState, switch: bool | None, after: DesiredState
) -> None:
    project.build()
    with ledger.begin() as session:
        set_desired_state(session, "orders", state, at=utcnow())
    with ledger.begin() as session:
        seen = desired_states(session)
        follow_switches(session, seen, {} if switch is None else {"orders": switch}, at=utcnow())
    assert wanted(ledger) is after


def test_what_changed_after_the_look_at_the_switch_stays(project: Project, ledger: Ledger) -> None:
    project.build()
    with ledger.begin() as session:
        set_desired_state(session, "orders", PAUSED, at=utcnow())
        seen = desired_states(session)
    with ledger.begin() as session:
        set_desired_state(session, "orders", STOPPED, at=utcnow())
    with ledger.begin() as session:
        follow_switches(session, seen, {"orders": True}, at=utcnow())
    assert wanted(ledger) is STOPPED


def test_a_resume_after_the_look_at_the_switch_stays_though_the_ledger_said_so_before(
    project: Project, gateway: InProcessGateway, ledger: Ledger
) -> None:
    project.build()
    with ledger.begin() as session:
        seen = desired_states(session)
    with ledger.begin() as session:
        switch_pipeline(session, DagsterLauncher(gateway, ledger), "orders", RUNNING, at=utcnow())
    with ledger.begin() as session:
        follow_switches(session, seen, {"orders": False}, at=utcnow())
    assert wanted(ledger) is RUNNING
