"""The page that says how everything does."""

from datetime import datetime, timedelta, timezone

import pytest

from supersync_core.domain.access import Role
from supersync_core.services import authentication
from supersync_core.services.launcher import SensorState
from supersync_dagster.web.diagnostics import is_late
from tests.dagster.api.table_sync.apis import take_away
from tests.dagster.web.observed import fill_observed
from tests.dagster.web.pages import Pages, fill, parse

PATH = "/supersync/diagnostics"
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def text(pages: Pages) -> str:
    return " ".join(" ".join(parse(pages.get(PATH).text).texts).split())


def test_it_shows_database_queue_daemon_sensors_and_versions(pages: Pages) -> None:
    fill(pages)
    fill_observed(pages)
    shown = text(pages)
    assert "checks that were asked for 0" in shown
    assert "supersync_notifier Failed" in shown
    assert "the channel of alerts is not configured" in shown
    assert "supersync_reaper Off never" in shown
    assert "dagster 1.13" in shown
    assert "executions" in shown


def test_a_dead_daemon_is_said(pages: Pages) -> None:
    pages.launcher.alive = False
    assert "No sign of life" in text(pages)


def test_without_the_database_the_rest_is_there(pages: Pages, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "FRESH_S", 60.0)  # for so long it is known who may ask
    pages.get(PATH)
    take_away(pages.ledger, server_url)
    answer = pages.get(PATH)
    assert answer.status_code == 200
    assert "the ledger cannot be reached" in answer.text
    assert "Daemon and sensors" in answer.text


def test_a_viewer_may_look(pages: Pages) -> None:
    pages.headers = {"authorization": f"Bearer {pages.token(Role.VIEWER)}"}
    assert pages.get(PATH).status_code == 200


@pytest.mark.parametrize(
    ("running", "seconds", "late"),
    [
        pytest.param(True, 60, False, id="just now"),
        pytest.param(True, 600, True, id="long ago"),
        pytest.param(True, None, True, id="never"),
        pytest.param(False, None, False, id="switched off"),
    ],
)
def test_a_sensor_that_misses_ticks_is_late(running: bool, seconds: int | None, late: bool) -> None:
    ticked_at = None if seconds is None else NOON - timedelta(seconds=seconds)
    assert is_late(SensorState("one", running, 5, ticked_at, "success", None), NOON) is late
