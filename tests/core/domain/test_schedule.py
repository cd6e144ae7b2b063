from datetime import datetime, timezone

import pytest
from dagster._utils.schedules import cron_string_iterator, is_valid_cron_string

from supersync_core.domain.schedule import Cadence
from supersync_core.errors import ConfigError


@pytest.mark.parametrize(
    "cron",
    [
        pytest.param("*/5 * * * *", id="step"),
        pytest.param("0 0 29 2 *", id="leap day"),
        pytest.param("0 9-17/2 * jan-mar mon,fri", id="names and lists"),
        pytest.param("5/15 * * * *", id="step from a number"),
        pytest.param("0 0 * * 7", id="Sunday as 7"),
        pytest.param("  0   0 * * *  ", id="spaces"),
    ],
)
def test_a_cron_that_we_accept_is_one_that_dagster_accepts(cron: str) -> None:
    assert Cadence(cron=cron).cron == cron
    assert is_valid_cron_string(cron)


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        pytest.param("* * *", "has 3 fields", id="too few"),
        pytest.param("* * * * * *", "has 6 fields", id="seconds"),
        pytest.param("@daily", "has 1 fields", id="nickname"),
        pytest.param("60 * * * *", "minute: '60' is not between 0 and 59", id="minute"),
        pytest.param("* 24 * * *", "hour: '24'", id="hour"),
        pytest.param("* * 0 * *", "day of month: '0'", id="day"),
        pytest.param("* * * mon *", "month: 'mon'", id="weekday as month"),
        pytest.param("* * * * 5-2", "'5-2' never comes round", id="range backwards"),
        pytest.param("*/0 * * * *", "never comes round", id="step of nothing"),
        pytest.param("1,,2 * * * *", "cannot read ''", id="empty part"),
        pytest.param("٣ * * * *", "cannot read", id="digits of another script"),
        pytest.param("0 0 30 2 *", "a day that never comes", id="thirtieth of February"),
        pytest.param("0 0 31 apr,jun *", "a day that never comes", id="31st of short months"),
    ],
)
def test_a_cron_that_cannot_run_is_refused_with_the_field(cron: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("*", r"\*")):
        Cadence(cron=cron)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "Europe", "../etc/passwd", "/etc/passwd", "\0"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ConfigError, match="no such time zone"):
        Cadence(cron="0 0 * * *", timezone=zone)


@pytest.mark.parametrize(
    ("cadence", "cron"),
    [
        pytest.param(Cadence(every_s=60), "* * * * *", id="minute"),
        pytest.param(Cadence(every_s=300), "*/5 * * * *", id="divides an hour"),
        pytest.param(Cadence(every_s=7200), "0 */2 * * *", id="divides a day"),
        pytest.param(Cadence(every_s=86400), "0 0 * * *", id="day"),
        pytest.param(Cadence(every_s=420), None, id="seven minutes divide no hour"),
        pytest.param(Cadence(every_s=90), None, id="seconds"),
    ],
)
def test_an_interval_is_a_cron_where_its_grid_is_one(cadence: Cadence, cron: str | None) -> None:
    assert cadence.as_cron == cron


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize(
    "cron",
    [
        "*/5 * * * *",
        "0 */4 * * *",
        "30 9-17/2 * * mon-fri",
        "0 0 13 * fri",
        "0 12 29 2 *",
        "15 3 31 * *",
        "0 0 1-7 * 1",
        "59 23 * 12 7",
        "5/15 6 * jan,jul *",
    ],
)
def test_the_next_run_is_the_time_at_which_dagster_ticks(cron: str, zone: str) -> None:
    at = datetime(2026, 2, 27, 23, 58, 30, tzinfo=timezone.utc)
    ticks = cron_string_iterator(at.timestamp(), cron, zone)
    for _ in range(30):
        expected = next(ticks).astimezone(timezone.utc)
        at = Cadence(cron=cron, timezone=zone).next_run(at)
        assert at == expected


def test_an_interval_that_is_no_cron_runs_on_its_grid() -> None:
    at = datetime(2026, 1, 1, 0, 0, 1, tzinfo=timezone.utc)
    assert Cadence(every_s=90).next_run(at) == datetime(2026, 1, 1, 0, 1, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize("eve", ["2026-03-28T23:00:01", "2026-10-24T21:59:59"])
@pytest.mark.parametrize(
    "cron", ["30 2 * * *", "*/30 * * * *", "0 * * * *", "30 2 * * 0", "15,45 2 * * *", "30 2,3 * * *"]
)
def test_the_next_run_is_dagsters_when_clocks_change(cron: str, eve: str) -> None:
    at = datetime.fromisoformat(f"{eve}+00:00")
    ticks = cron_string_iterator(at.timestamp(), cron, "Europe/Berlin")
    for _ in range(10):
        at = Cadence(cron=cron, timezone="Europe/Berlin").next_run(at)
        assert at == next(ticks).astimezone(timezone.utc)
