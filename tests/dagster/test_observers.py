"""Ticks of the sensors that look at what pipelines have done."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.check import CheckKind, Metric
from supersync_core.ledger.database import Ledger
from supersync_core.services.anomaly_rules import put_rule
from supersync_core.services.check_requests import request_check
from supersync_dagster.observers import CHECKS, FRESHNESS, TIMELINESS, build_check_sensors
from tests.core.services.reports import ended, reported
from tests.dagster.conftest import Project
from tests.dagster.test_evaluations import told
from tests.dagster.ticks import Sensor

MINUTE = timedelta(minutes=1)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def checks(project: Project, instance: dg.DagsterInstance) -> Sensor:
    return Sensor(project, CHECKS, instance)


def with_history(ledger: Ledger, *, anomalous: int) -> None:
    """An external pipeline with a rule, thirty usual executions, and one more."""
    with ledger.begin() as session:
        pipeline = reported(session, "theirs")
        settings = {"z_threshold": 3.0, "lookback_days": 30, "minimum_executions": 30}
        put_rule(session, pipeline, Metric.TOTAL_ROWS, settings, active=True, at=utcnow())
        # All in one hour of the day, in UTC.
        hour = utcnow().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
        for n in range(30):
            ended(session, pipeline, start=hour - timedelta(days=n % 10) + n * MINUTE, total_rows=1000 + n % 5)
        ended(session, pipeline, start=hour + 50 * MINUTE, total_rows=anomalous)


def test_a_tick_judges_what_waits_and_tells_dagster(
    project: Project, checks: Sensor, instance: dg.DagsterInstance
) -> None:
    with_history(project.resource.ledger(), anomalous=3000)
    assert str(checks.tick()).startswith("31 executions were judged, 1 are unusual")
    assert told(instance) == [("theirs", "anomaly_total_rows", False)]
    assert len(instance.fetch_materializations(dg.AssetKey("theirs"), limit=99).records) == 31


def test_the_next_tick_tells_nothing_again_and_that_it_passes_again_once(
    project: Project, checks: Sensor, instance: dg.DagsterInstance
) -> None:
    with_history(project.resource.ledger(), anomalous=3000)
    checks.tick(), checks.tick()
    with project.resource.ledger().begin() as session:
        start = utcnow().replace(minute=55, second=0, microsecond=0) - timedelta(hours=2)
        ended(session, reported(session, "theirs"), start=start, total_rows=1003)
    checks.tick(), checks.tick()
    assert told(instance) == [("theirs", "anomaly_total_rows", False), ("theirs", "anomaly_total_rows", True)]


def test_a_tick_that_somebody_tests_changes_nothing(
    project: Project, checks: Sensor, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_history(project.resource.ledger(), anomalous=3000)
    monkeypatch.setattr("supersync_dagster.observers.is_preview", lambda context: True)
    checks.tick()
    assert told(instance) == []


def test_what_fails_to_be_reported_is_judged_all_the_same(
    project: Project, checks: Sensor, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise ValueError("broken")

    with_history(project.resource.ledger(), anomalous=3000)
    monkeypatch.setattr("supersync_dagster.observers.report_executions", broken)
    with pytest.raises(ValueError, match="broken"):
        checks.tick()
    assert told(instance) == [("theirs", "anomaly_total_rows", False)]


def unpunctual(ledger: Ledger) -> None:
    """An external pipeline whose data is stale and whose last run was late."""
    expected = {f"{kind}_{key}": value for kind in ("freshness", "timeliness") for key, value in HOURLY.items()}
    with ledger.begin() as session:
        pipeline = reported(session, "theirs", **expected)
        ended(session, pipeline, start=utcnow() - 4 * HOUR, seconds=2 * 3600, inserts=1)


HOUR, HOURLY = timedelta(hours=1), {"number": 1, "datepart": "hour"}


@pytest.mark.parametrize(("name", "check"), [(FRESHNESS, "freshness"), (TIMELINESS, "timeliness")])
def test_what_a_schedule_finds_is_told_and_told_again_when_it_is_over(
    project: Project, checks: Sensor, instance: dg.DagsterInstance, name: str, check: str
) -> None:
    ledger = project.resource.ledger()
    unpunctual(ledger)
    late = Sensor(project, name, instance)
    if check == "timeliness":
        # It ended too long ago for a schedule that looks every quarter of an hour.
        with ledger.begin() as session:
            ended(session, reported(session, "theirs"), start=utcnow() - 2 * HOUR, seconds=1.9 * 3600)
    assert late.tick() == "1 are newly found"
    checks.tick(), checks.tick()
    with ledger.begin() as session:
        ended(session, reported(session, "theirs"), start=utcnow() - HOUR / 2, inserts=1)
    checks.tick()
    assert told(instance) == [("theirs", check, False), ("theirs", check, True)]


@pytest.mark.parametrize(
    ("kind", "settings"), [(CheckKind.FRESHNESS, {}), (CheckKind.TIMELINESS, {"lookback_minutes": 600})]
)
def test_what_somebody_asks_for_is_checked_and_told_in_the_next_tick(
    project: Project, checks: Sensor, instance: dg.DagsterInstance, kind: CheckKind, settings: dict[str, int]
) -> None:
    unpunctual(project.resource.ledger())
    with project.resource.ledger().begin() as session:
        request_check(session, kind, settings, by="somebody", at=utcnow())
    assert str(checks.tick()).endswith("1 requests for checks were answered")
    assert told(instance) == [("theirs", kind.value, False)]


def test_the_intervals_are_settings(project: Project) -> None:
    settings = project.resource.settings().model_copy(update={"freshness_every_s": 60, "timeliness_every_s": 30})
    sensors = {sensor.name: sensor.minimum_interval_seconds for sensor in build_check_sensors([], settings=settings)}
    assert (sensors[FRESHNESS], sensors[TIMELINESS]) == (60, 30)
