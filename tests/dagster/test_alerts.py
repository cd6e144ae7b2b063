"""Ticks of the sensor that tells people."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml
from sqlalchemy import func, select

from supersync_core.clock import utcnow
from supersync_core.domain.check import CheckKind
from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.ledger.check_tables import Alert, Incident
from supersync_core.ledger.database import Ledger
from supersync_core.services.alerts import Post
from supersync_core.services.check_requests import answer_requests, request_check
from supersync_core.services.incidents import report_finding
from supersync_core.services.queue_monitor import WARNING
from supersync_dagster.alerts import ALERTS, Rounds, watch_queue
from tests.acceptance.console import until
from tests.core.services.alerts.receiver import SECRET, Receiver, receiver
from tests.dagster.conftest import Project
from tests.dagster.ticks import Sensor


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as there:
        yield there


@pytest.fixture
def alerts(project: Project, there: Receiver) -> Iterator[Sensor]:
    """The sensor of a project whose alerts go to a webhook."""
    path = configuration(project)
    channel = {"name": "hook", "webhook": there.url, "secret": SECRET}
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "alerts": [channel]}))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Sensor(project, ALERTS, instance)


def configuration(project: Project) -> Path:
    return project.folder / "supersync.yaml"


def find(project: Project, title: str) -> None:
    finding = Finding(IncidentKind.FRESHNESS, f"freshness:{title}", Level.WARNING, title, f"about {title}")
    with project.resource.ledger().begin() as session:
        report_finding(session, finding, at=utcnow())


def unexpanded(ledger: Ledger) -> int:
    with ledger.begin() as session:
        return session.scalars(select(func.count()).select_from(Alert).where(Alert.expanded_at.is_(None))).one()


def test_a_tick_delivers_what_is_to_be_told_once(project: Project, alerts: Sensor, there: Receiver) -> None:
    find(project, "stale")
    assert [alerts.tick(), alerts.tick()] == [
        "1 alerts were delivered, 0 were not",
        "0 alerts were delivered, 0 were not",
    ]
    assert there.titles == [["stale"]]
    assert there.received[0].is_signed


def test_the_links_in_an_alert_lead_to_our_pages(
    project: Project, alerts: Sensor, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPERSYNC_BASE_URL", "https://sync.example.com")
    find(project, "stale")
    alerts.tick()
    assert "https://sync.example.com/supersync/incidents/" in there.received[0].body.decode()


def test_while_the_configuration_is_wrong_alerts_go_where_they_went_before(
    project: Project, alerts: Sensor, there: Receiver
) -> None:
    alerts.tick()
    configuration(project).write_text("alerts: wrong")
    find(project, "stale")
    alerts.tick()
    assert there.titles == [["stale"]]


def test_where_no_configuration_was_ever_right_alerts_wait_and_are_not_lost(
    project: Project, alerts: Sensor, there: Receiver
) -> None:
    right = configuration(project).read_text()
    configuration(project).write_text("alerts: wrong")
    find(project, "stale")
    assert alerts.tick() == "alerts wait until the configuration is right"
    assert unexpanded(project.resource.ledger()) == 1
    configuration(project).write_text(right)
    alerts.tick()
    assert there.titles == [["stale"]]


def test_a_slow_receiver_holds_up_no_tick_and_is_served_by_one_round(
    project: Project, alerts: Sensor, there: Receiver
) -> None:
    answered = threading.Event()

    def hold() -> None:
        answered.wait(30)

    there.answers = [hold]
    find(project, "stale")
    rounds, ledger = Rounds(), project.resource.ledger()
    channels = project.resource.configuration().alerts  # type: ignore[union-attr]
    with ThreadPoolExecutor() as others:
        first = others.submit(rounds.go, ledger, channels, Post(), 30)
        until(lambda: there.received)
        began = time.monotonic()
        assert [rounds.go(ledger, channels, Post(), 0.2) for _ in range(2)] == ["a receiver is slow"] * 2
        assert time.monotonic() - began < 20
        answered.set()
        assert first.result() == "1 alerts were delivered, 0 were not"
    assert there.titles == [["stale"]]


def test_what_a_round_raises_the_tick_raises() -> None:
    class Broken:
        def begin(self) -> None:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Rounds().go(Broken(), (), Post(), 5)  # type: ignore[arg-type]


def queued(ledger: Ledger, number: int) -> None:
    with ledger.begin() as session:
        for _ in range(number):
            request_check(session, CheckKind.FRESHNESS, by="somebody", at=utcnow())


def incidents(ledger: Ledger) -> list[str]:
    with ledger.begin() as session:
        return [one.state.value for one in session.scalars(select(Incident).order_by(Incident.id))]


def test_a_queue_that_stays_long_is_an_incident_until_it_is_short(ledger: Ledger) -> None:
    queued(ledger, WARNING)
    cursor = watch_queue(ledger, was_long=False)
    assert incidents(ledger) == []
    watch_queue(ledger, was_long=cursor == "long")
    assert incidents(ledger) == ["open"]
    answer_requests(ledger, at=utcnow())
    assert watch_queue(ledger, was_long=True) == "short"
    assert incidents(ledger) == ["resolved"]


def test_a_queue_that_was_long_for_a_moment_is_none(ledger: Ledger) -> None:
    queued(ledger, WARNING)
    watch_queue(ledger, was_long=False)
    answer_requests(ledger, at=utcnow())
    watch_queue(ledger, was_long=True)
    assert incidents(ledger) == []
