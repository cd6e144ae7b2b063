"""How fresh every pipeline's data is, and how punctual its executions."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.ledger.check_tables import CheckResult
from supersync_core.services.freshness_board import Freshness, Standing, freshness_board, freshness_of
from supersync_core.services.pipeline_types import amend_pipeline_type
from supersync_core.services.reported_executions import report_start
from tests.core.services.reports import MINUTE, NOON, ended, reported

HOUR = timedelta(hours=1)
HOURLY = {"freshness_number": 1, "freshness_datepart": "hour"}
TEN_MINUTES = {"timeliness_number": 10, "timeliness_datepart": "minute"}


def one(session: Session, pipeline_id: int, at: datetime) -> Freshness:
    found = freshness_of(session, pipeline_id, at=at)
    assert found is not None
    return found


def late(session: Session, pipeline_id: int, execution_id: int, at: datetime) -> None:
    found = {"pipeline_id": pipeline_id, "execution_id": execution_id, "passed": False, "checked_at": at}
    session.add(CheckResult(kind=CheckKind.TIMELINESS, **found))
    session.flush()


@pytest.mark.parametrize(
    ("after", "standing"), [(HOUR, Standing.GOOD), (HOUR + timedelta(milliseconds=1), Standing.BAD)]
)
def test_data_is_stale_once_its_newest_change_is_older_than_expected(
    session: Session, after: timedelta, standing: Standing
) -> None:
    orders = reported(session, **HOURLY)
    ended(session, orders, seconds=60, updates=3)
    ended(session, orders, start=NOON + 5 * MINUTE, inserts=0)
    found = one(session, orders, NOON + MINUTE + after)
    assert (found.fresh, found.changed_at) == (standing, NOON + MINUTE)


@pytest.mark.parametrize(
    ("given", "standing"),
    [
        pytest.param({}, Standing.NONE, id="nothing is expected"),
        pytest.param(HOURLY, Standing.UNKNOWN, id="no data yet"),
        pytest.param(HOURLY | {"mute_freshness": True}, Standing.MUTED, id="muted"),
        pytest.param({"freshness_number": 1}, Standing.NONE, id="half an expectation"),
    ],
)
def test_without_data_nothing_is_stale(session: Session, given: dict[str, Any], standing: Standing) -> None:
    assert one(session, reported(session, **given), NOON).fresh is standing


def test_what_a_pipeline_does_not_say_its_type_does(session: Session) -> None:
    own, inherits, half = (
        reported(session, name, **given)
        for name, given in (("own", {"freshness_number": 9, "freshness_datepart": "day"}), ("none", {}), ("half", {}))
    )
    days = {"freshness_number": 2, "freshness_datepart": "hour", "mute_timeliness": True}
    amend_pipeline_type(session, days, name="extraction", at=NOON)
    seen = {id_: one(session, id_, NOON) for id_ in (own, inherits, half)}
    assert [(found.freshness.number, found.freshness.inherited) for found in seen.values()] == [
        (9, False),
        (2, True),
        (2, True),
    ]
    assert all(found.punctual is Standing.MUTED and found.timeliness.type_muted for found in seen.values())


def test_a_month_is_one_of_the_calendar(session: Session) -> None:
    orders = reported(session, freshness_number=1, freshness_datepart="month")
    end = datetime.fromisoformat("2027-01-31T12:00:00+00:00")
    ended(session, orders, start=end - MINUTE, inserts=1)
    assert one(session, orders, NOON).stale_from == datetime.fromisoformat("2027-02-28T12:00:00+00:00")


@pytest.mark.parametrize("datepart", ["minute", "hour", "day", "week", "month", "year"])
def test_the_longest_expectation_is_one(session: Session, datepart: str) -> None:
    given = {f"{check}_{what}": value for check in ("freshness", "timeliness") for what, value in _largest(datepart)}
    orders = reported(session, **given)
    ended(session, orders, inserts=1)
    report_start(session, orders, started_at=NOON)
    found = one(session, orders, NOON + HOUR)
    assert (found.fresh, found.punctual) == (Standing.GOOD, Standing.GOOD)


def _largest(datepart: str) -> list[tuple[str, Any]]:
    return [("number", 2**31 - 1), ("datepart", datepart)]


def test_late_executions_of_a_week_are_counted(session: Session) -> None:
    orders = reported(session, **TEN_MINUTES)
    runs = [ended(session, orders) for _ in range(3)]
    for run, ago in zip(runs, (timedelta(days=8), 2 * HOUR, HOUR), strict=True):
        late(session, orders, run, NOON - ago)
    found = one(session, orders, NOON)
    assert (found.late, found.late_at, found.late_execution_id) == (2, NOON - HOUR, runs[2])
    assert found.punctual is Standing.BAD


@pytest.mark.parametrize(("after", "overdue"), [(10 * MINUTE, False), (11 * MINUTE, True)])
def test_what_has_run_too_long_is_late_already(session: Session, after: timedelta, overdue: bool) -> None:
    orders = reported(session, **TEN_MINUTES)
    report_start(session, orders, started_at=NOON)
    found = one(session, orders, NOON + after)
    assert (found.overdue, found.punctual is Standing.BAD) == (overdue, overdue)


def test_the_board_begins_with_what_is_bad(session: Session) -> None:
    for name, given in (("a", {}), ("b", HOURLY), ("c", TEN_MINUTES), ("d", HOURLY)):
        found = reported(session, name, **given)
        ended(session, found, start=NOON - (5 * HOUR if name == "d" else MINUTE), inserts=1)
        if name == "c":
            late(session, found, ended(session, found), NOON)
    assert [one.name for one in freshness_board(session, at=NOON)] == ["d", "c", "a", "b"]
