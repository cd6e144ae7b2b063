"""DagsterLauncher over a real workspace and instance; no daemon takes the runs from the queue."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from threading import Barrier, Thread
from time import monotonic, sleep

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.errors import Conflict, NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.configuration import apply_configuration
from supersync_core.services.executions import get_execution, open_execution
from supersync_core.services.launcher import ScheduleState
from supersync_core.services.pipelines import get_pipeline
from supersync_dagster.gateway import DagsterGateway
from supersync_dagster.launcher import COALESCE_S, DagsterLauncher
from supersync_dagster.translator import EXECUTION, PIPELINE
from tests.acceptance.console import until
from tests.dagster.conftest import ORDERS, Project
from tests.dagster.workspace import InProcessGateway, beat, workspace

TIMED = {**ORDERS, "every": 300}
NEWER = {**ORDERS, "name": "Newer one", "target": {"connection": "lake", "table": "public.newer"}}
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


@pytest.fixture
def process(project: Project) -> Iterator[WorkspaceProcessContext]:
    project.declare(TIMED)
    with workspace(project) as process:
        yield process


@pytest.fixture
def launcher(process: WorkspaceProcessContext, ledger: Ledger) -> DagsterLauncher:
    return DagsterLauncher(InProcessGateway(process), ledger)


def queue(ledger: Ledger, name: str = "orders") -> int:
    with ledger.begin() as session:
        return open_execution(session, get_pipeline(session, name), trigger=Trigger.MANUAL, at=utcnow()).id


def read(ledger: Ledger, execution_id: int) -> Execution:
    with ledger.begin() as session:
        return get_execution(session, execution_id)


def test_a_launch_queues_a_run_of_the_pipelines_job_that_knows_its_execution(
    process: WorkspaceProcessContext, launcher: DagsterLauncher, ledger: Ledger
) -> None:
    execution_id = queue(ledger)
    run = process.instance.get_run_by_id(launcher.launch("orders", execution_id))
    assert run is not None
    assert (run.job_name, run.status, run.tags[PIPELINE], run.tags[EXECUTION]) == (
        "sync__orders",
        dg.DagsterRunStatus.QUEUED,
        "orders",
        str(execution_id),
    )


def test_the_execution_knows_its_run(launcher: DagsterLauncher, ledger: Ledger) -> None:
    execution_id = queue(ledger)
    assert launcher.launch("orders", execution_id) == read(ledger, execution_id).dagster_run_id


def test_an_execution_is_launched_once(
    process: WorkspaceProcessContext, launcher: DagsterLauncher, ledger: Ledger
) -> None:
    execution_id = queue(ledger)
    launcher.launch("orders", execution_id)
    with pytest.raises(Conflict):
        launcher.launch("orders", execution_id)
    assert process.instance.get_runs_count() == 1


def test_an_execution_that_is_asked_for_many_times_at_once_is_launched_once(
    process: WorkspaceProcessContext, launcher: DagsterLauncher, ledger: Ledger
) -> None:
    execution_id = queue(ledger)
    for _ in range(10):
        launcher.launch_soon("orders", execution_id)
    until(lambda: read(ledger, execution_id).dagster_run_id)
    until(launcher._waiting.empty)
    assert process.instance.get_runs_count() == 1


def test_a_launch_in_the_background_is_not_waited_for(launcher: DagsterLauncher, ledger: Ledger) -> None:
    execution_id = queue(ledger)
    began = monotonic()
    launcher.launch_soon("orders", execution_id)
    assert monotonic() - began < 0.1
    until(lambda: read(ledger, execution_id).dagster_run_id)


def test_a_launch_that_cannot_be_closes_the_execution_with_the_reason(
    launcher: DagsterLauncher, ledger: Ledger
) -> None:
    execution_id = queue(ledger)
    launcher.launch_soon("unknown", execution_id)
    until(lambda: read(ledger, execution_id).state is ExecutionState.FAILED)
    error = read(ledger, execution_id).error
    assert error is not None
    assert (error["type"], "'unknown'" in error["message"]) == ("NotFound", True)


def test_a_pipeline_that_is_newer_than_what_dagster_has_loaded_is_launched(project: Project, ledger: Ledger) -> None:
    with workspace(project, served=True) as process:
        project.declare(ORDERS, NEWER)
        configuration = project.resource.configuration()
        assert configuration is not None
        apply_configuration(ledger, configuration, utcnow())
        launcher = DagsterLauncher(DagsterGateway(process), ledger)
        run = process.instance.get_run_by_id(launcher.launch("newer_x20_one", queue(ledger, "Newer one")))
    assert run is not None
    assert run.job_name == "sync__newer_x20_one"


def test_a_pipeline_without_a_job_is_not_found(launcher: DagsterLauncher, ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="unknown"):
        launcher.launch("unknown", queue(ledger))


def test_a_cancel_ends_the_queued_run_and_its_execution(
    process: WorkspaceProcessContext, launcher: DagsterLauncher, ledger: Ledger
) -> None:
    execution_id = queue(ledger)
    run_id = launcher.launch("orders", execution_id)
    assert launcher.cancel(run_id)
    run = process.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.CANCELED
    assert read(ledger, execution_id).state is ExecutionState.CANCELLED


def test_what_has_ended_cannot_be_cancelled(launcher: DagsterLauncher, ledger: Ledger) -> None:
    run_id = launcher.launch("orders", queue(ledger))
    launcher.cancel(run_id)
    assert not launcher.cancel(run_id)


def test_a_schedule_has_the_next_tick_of_its_grid(process: WorkspaceProcessContext, ledger: Ledger) -> None:
    launcher = DagsterLauncher(InProcessGateway(process), ledger, clock=lambda: NOON)
    expected = ScheduleState(True, NOON + timedelta(minutes=5), "*/5 * * * *", "UTC")
    assert launcher.schedules() == {"orders": expected}


@pytest.mark.parametrize(
    ("cron", "at", "tick"),
    [
        pytest.param("30 1 * * *", "2026-11-01T00:00:00", "2026-11-01T06:30:00", id="an hour that comes twice: once"),
        pytest.param("30 2 * * *", "2027-03-14T05:00:00", "2027-03-14T07:00:00", id="an hour that is left out"),
    ],
)
def test_next_ticks_are_dagsters_where_the_clock_changes(project: Project, cron: str, at: str, tick: str) -> None:
    project.declare({**ORDERS, "cron": cron, "timezone": "America/New_York"})
    with workspace(project) as process:
        states = InProcessGateway(process).schedules(datetime.fromisoformat(at + "+00:00"))
    assert states["orders"].next_at == datetime.fromisoformat(tick + "+00:00")


def test_a_schedule_that_is_switched_off_has_no_next_tick_and_is_off_in_dagster(
    process: WorkspaceProcessContext, launcher: DagsterLauncher
) -> None:
    launcher.schedules()
    assert launcher.set_schedule("orders", False)
    (state,) = process.instance.all_instigator_state()
    assert state.status.value == "STOPPED"
    assert (launcher.schedules()["orders"].running, launcher.schedules()["orders"].next_at) == (False, None)


def test_a_schedule_that_is_switched_on_again_has_a_next_tick(launcher: DagsterLauncher) -> None:
    launcher.set_schedule("orders", False)
    launcher.set_schedule("orders", True)
    assert launcher.schedules()["orders"].next_at is not None


def test_a_pipeline_without_a_schedule_has_no_switch(project: Project, ledger: Ledger) -> None:
    with workspace(project) as process:
        launcher = DagsterLauncher(InProcessGateway(process), ledger)
        assert not launcher.set_schedule("orders", False)


class Counting(InProcessGateway):
    """Counts how often Dagster is asked."""

    def __init__(self, process: WorkspaceProcessContext) -> None:
        super().__init__(process)
        self.looks = self.reloads = 0

    def schedules(self, at: datetime) -> dict[str, ScheduleState]:
        self.looks += 1
        return super().schedules(at)

    def reload(self) -> None:
        self.reloads += 1
        super().reload()


def test_callers_share_one_look_at_dagster(process: WorkspaceProcessContext, ledger: Ledger) -> None:
    gateway = Counting(process)
    launcher = DagsterLauncher(gateway, ledger)
    together = Barrier(20)

    def ask() -> None:
        together.wait()
        launcher.schedules()

    threads = [Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gateway.looks == 1


def test_reloads_that_are_asked_for_together_are_one(process: WorkspaceProcessContext, ledger: Ledger) -> None:
    gateway = Counting(process)
    launcher = DagsterLauncher(gateway, ledger)
    for _ in range(5):
        launcher.reload()
    until(lambda: gateway.reloads)
    launcher.reload()
    until(lambda: gateway.reloads == 2)


class Slow(Counting):
    """Takes its time to reload, and notes it."""

    def __init__(self, process: WorkspaceProcessContext) -> None:
        super().__init__(process)
        self.begun: list[float] = []
        self.ended: list[float] = []

    def reload(self) -> None:
        self.begun.append(monotonic())
        sleep(COALESCE_S * 2)
        self.ended.append(monotonic())


def test_after_a_reload_is_a_rest_that_is_as_long(process: WorkspaceProcessContext, ledger: Ledger) -> None:
    gateway = Slow(process)
    launcher = DagsterLauncher(gateway, ledger)
    launcher.reload()
    until(lambda: gateway.begun)
    launcher.reload()
    until(lambda: len(gateway.begun) == 2)
    assert gateway.begun[1] - gateway.ended[0] >= gateway.ended[0] - gateway.begun[0]


@pytest.mark.parametrize(
    ("seconds_ago", "without", "alive"),
    [
        pytest.param(5, None, True, id="all have given a sign"),
        pytest.param(85, None, True, id="some signs were missed"),
        pytest.param(95, None, False, id="too many signs were missed"),
        pytest.param(5, "SCHEDULER", False, id="nobody ticks the schedules"),
        pytest.param(5, "QUEUED_RUN_COORDINATOR", False, id="nobody starts queued runs"),
    ],
)
def test_the_daemon_is_alive_while_its_parts_give_signs(
    process: WorkspaceProcessContext, launcher: DagsterLauncher, seconds_ago: float, without: str | None, alive: bool
) -> None:
    beat(process.instance, seconds_ago=seconds_ago, without=without)
    assert launcher.daemon().alive is alive


def test_a_daemon_that_never_was_is_not_alive(launcher: DagsterLauncher) -> None:
    assert (launcher.daemon().alive, launcher.daemon().seen_at) == (False, None)


def test_dagster_is_never_asked_on_the_event_loop(launcher: DagsterLauncher) -> None:
    async def ask() -> None:
        launcher.schedules()

    with pytest.raises(RuntimeError, match="event loop"):
        asyncio.run(ask())


@pytest.mark.parametrize("read_only", [True, False])
def test_a_launcher_says_whether_its_server_is_read_only(project: Project, ledger: Ledger, read_only: bool) -> None:
    with workspace(project, read_only=read_only) as process:
        assert DagsterLauncher(InProcessGateway(process), ledger).read_only is read_only
