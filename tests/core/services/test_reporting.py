"""What pipelines have done, by day and pipeline."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from supersync_core.domain.execution import Counts, ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.services.executions import Outcome, finish_execution, open_execution, start_execution
from supersync_core.services.pipelines import get_pipeline, register_pipeline
from supersync_core.services.reported_executions import report_start
from supersync_core.services.reported_pipelines import report_pipeline
from supersync_core.services.reporting import ReportFilter, report_days, type_names
from tests.core.services.reports import MINUTE, NOON, ended, reported

HOUR = timedelta(hours=1)
TODAY = date(2026, 11, 22)
EVENING = NOON + 8 * HOUR


def lines(session: Session, **wanted: Any) -> list[tuple[date, str, int]]:
    report = report_days(session, ReportFilter(**wanted), at=EVENING)
    return [(line.day, line.name, line.sums.executions) for line in report.lines]


def test_today_is_included_and_the_newest_day_comes_first(session: Session) -> None:
    orders, prices = reported(session), reported(session, "prices")
    for start in (NOON, NOON + HOUR, NOON - 24 * HOUR):
        ended(session, orders, start=start)
    ended(session, prices)
    expected = [(TODAY, "orders", 2), (TODAY, "prices", 1), (date(2026, 11, 21), "orders", 1)]
    assert lines(session) == expected


def test_a_day_is_one_in_utc(session: Session) -> None:
    orders = reported(session)
    midnight = datetime.fromisoformat("2026-11-22T00:00:00+00:00")
    for start in (midnight - MINUTE, midnight):
        ended(session, orders, start=start.astimezone(datetime.fromisoformat("2026-11-22T00:00:00-05:00").tzinfo))
    assert lines(session) == [(TODAY, "orders", 1), (date(2026, 11, 21), "orders", 1)]


@pytest.mark.parametrize(("days", "found"), [(1, 1), (2, 2), (3, 3)])
def test_it_reaches_back_as_many_days_as_are_asked_for(session: Session, days: int, found: int) -> None:
    orders = reported(session)
    for ago in range(5):
        ended(session, orders, start=NOON - ago * 24 * HOUR)
    report = report_days(session, ReportFilter(days=days), at=EVENING)
    assert (len(report.lines), len(report.days), report.sums.executions) == (found, found, found)


def test_numbers_are_added_up(session: Session) -> None:
    orders = reported(session)
    ended(session, orders, seconds=10, total_rows=100, inserts=60, updates=30, soft_deletes=10)
    ended(session, orders, seconds=30, total_rows=300, inserts=5)
    ended(session, orders, seconds=80, succeeded=False)
    report_start(session, orders, started_at=NOON)
    sums = report_days(session, ReportFilter(), at=EVENING).lines[0].sums
    assert (sums.executions, sums.failed) == (4, 1)
    assert (sums.inserts, sums.updates, sums.deletes, sums.rows) == (65, 30, 10, 400)
    assert sums.seconds == 40
    assert sums.throughput == 10, "rows that nobody has reported slow nothing down"


def test_what_took_no_time_or_goes_on_has_no_mean(session: Session) -> None:
    report_start(session, reported(session), started_at=NOON)
    sums = report_days(session, ReportFilter(), at=EVENING).sums
    assert (sums.executions, sums.seconds, sums.throughput) == (1, None, None)


def test_a_day_without_an_execution_is_there(session: Session) -> None:
    ended(session, reported(session), start=NOON - 24 * HOUR)
    days = report_days(session, ReportFilter(days=3), at=EVENING).days
    assert [(day.day, sums.executions) for day, sums in days.items()] == [(20, 0), (21, 1), (22, 0)]


def test_it_is_filtered_by_name_title_and_type_whatever_their_case(session: Session) -> None:
    for name, type_name in (("Big orders", "extraction"), ("prices", "API load")):
        ended(session, report_pipeline(session, name, type_name, {}, at=NOON).id)
    register_pipeline(session, PipelineDeclaration("p7", PipelineKind.TABLE_SYNC, title="BIG prices"), at=NOON)
    _ours(session, "p7")
    assert [name for _, name, _ in lines(session, contains="BIG")] == ["Big orders", "p7"]
    assert [name for _, name, _ in lines(session, contains="big", type_name="Extraction")] == ["Big orders"]
    assert lines(session, contains="%") == []
    assert {"API load", "extraction", "table_sync"} <= set(type_names(session))


def test_pages_share_their_sums(session: Session) -> None:
    for number in range(5):
        ended(session, reported(session, f"p{number}"))
    first, last, beyond = (report_days(session, ReportFilter(), at=EVENING, limit=2, offset=at) for at in (0, 4, 9))
    assert [line.name for line in first.lines] == ["p0", "p1"]
    assert [line.name for line in last.lines] == ["p4"]
    assert beyond.lines == []
    assert {page.total for page in (first, last, beyond)} == {5}
    assert {page.sums.executions for page in (first, last, beyond)} == {5}


def test_of_ours_only_roots_count_and_of_others_children_too(session: Session) -> None:
    orders = reported(session)
    parent = ended(session, orders)
    report_start(session, reported(session, "part"), started_at=NOON, parent_id=parent)
    register_pipeline(session, PipelineDeclaration("ours", PipelineKind.TABLE_SYNC), at=NOON)
    root = _ours(session, "ours")
    _ours(session, "ours", parent_id=root)
    assert [(name, count) for _, name, count in lines(session)] == [("orders", 1), ("ours", 1), ("part", 1)]


def _ours(session: Session, name: str, parent_id: int | None = None) -> int:
    execution = open_execution(session, get_pipeline(session, name), trigger=Trigger.MANUAL, at=NOON)
    execution.parent_id = parent_id
    start_execution(session, execution.id, owner="a test", at=NOON)
    outcome = Outcome(ExecutionState.SUCCEEDED, Counts(3, 2, 1, 0, 0), 0)
    finish_execution(session, execution.id, outcome, at=NOON + MINUTE)
    return execution.id
