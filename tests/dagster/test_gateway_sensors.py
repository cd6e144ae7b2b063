"""The sensors as the gateway sees them, over a real workspace and instance; no daemon ticks them."""

from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._utils.error import SerializableErrorInfo

from supersync_dagster.sensors import REAPER
from tests.dagster.conftest import ORDERS, Project
from tests.dagster.workspace import InProcessGateway, workspace

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


@pytest.fixture
def process(project: Project) -> Iterator[WorkspaceProcessContext]:
    project.declare(ORDERS)
    with workspace(project) as process:
        yield process


def tick(process: WorkspaceProcessContext, status: TickStatus, **more: object) -> None:
    """Let the reaper have ticked at noon."""
    with process.create_request_context() as context:
        (repository,) = context.code_locations[0].get_repositories().values()
        sensor = repository.get_sensor(REAPER)
    data = TickData(
        instigator_origin_id=sensor.get_remote_origin_id(),
        instigator_name=REAPER,
        instigator_type=InstigatorType.SENSOR,
        status=status,
        timestamp=NOON.timestamp(),
        selector_id=sensor.selector_id,
        **more,  # type: ignore[arg-type]
    )
    process.instance.create_tick(data)


def test_sensors_that_have_not_ticked_are_there_by_name(process: WorkspaceProcessContext) -> None:
    sensors = InProcessGateway(process).sensors()
    assert [sensor.name for sensor in sensors] == sorted(sensor.name for sensor in sensors)
    reaper = next(sensor for sensor in sensors if sensor.name == REAPER)
    assert (reaper.running, reaper.ticked_at, reaper.outcome, reaper.message) == (True, None, None, None)
    assert reaper.interval_s > 0


@pytest.mark.parametrize(
    ("status", "more", "outcome", "message"),
    [
        pytest.param(TickStatus.SKIPPED, {"skip_reason": "nothing died"}, "skipped", "nothing died", id="skipped"),
        pytest.param(TickStatus.SUCCESS, {"run_ids": []}, "success", None, id="it did something"),
        pytest.param(
            TickStatus.FAILURE,
            {"error": SerializableErrorInfo("Away: no\n", [], "Away")},
            "failure",
            "Away: no",
            id="bad",
        ),
    ],
)
def test_the_last_tick_is_told(
    process: WorkspaceProcessContext, status: TickStatus, more: dict[str, object], outcome: str, message: str | None
) -> None:
    tick(process, status, **more)
    reaper = next(sensor for sensor in InProcessGateway(process).sensors() if sensor.name == REAPER)
    assert (reaper.ticked_at, reaper.outcome, reaper.message) == (NOON, outcome, message)


def test_a_sensor_that_is_switched_off_is_off(process: WorkspaceProcessContext) -> None:
    with process.create_request_context() as context:
        (repository,) = context.code_locations[0].get_repositories().values()
        sensor = repository.get_sensor(REAPER)
    process.instance.stop_sensor(sensor.get_remote_origin_id(), sensor.selector_id, sensor)
    assert {sensor.name: sensor.running for sensor in InProcessGateway(process).sensors()}[REAPER] is False
