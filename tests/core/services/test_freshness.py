"""Data that is older than expected: found once, reported and resolved."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, DatePart
from supersync_core.ledger.check_tables import Incident
from supersync_core.ledger.database import Ledger
from supersync_core.services.expectations import check_freshness
from supersync_core.services.incidents import acknowledge_incident
from supersync_core.services.pipeline_types import amend_pipeline_type
from supersync_core.services.pipelines import retire_pipeline
from supersync_core.services.reported_executions import report_start
from tests.core.services.expecting import (
    FRESH,
    HOUR,
    QUICK,
    SECOND,
    amend,
    changed,
    incidents,
    late,
    pipeline_that_changed,
    results,
    stale,
    told,
)
from tests.core.services.reports import NOON, at_once, reported


def test_data_is_stale_once_its_newest_change_is_older_than_expected(session: Session) -> None:
    pipeline = pipeline_that_changed(session, **FRESH)
    assert stale(session, 2 * HOUR) == []
    assert stale(session, 2 * HOUR + SECOND) == [pipeline]
    (result,) = results(session, CheckKind.FRESHNESS)
    assert (result.pipeline_id, result.passed, result.data_at, result.execution_id) == (pipeline, False, NOON, None)
    assert result.details == {
        "number": 2,
        "datepart": "hour",
        "inherited": False,
        "expected": "2 hours",
        "data_at": "2026-11-22T12:00:00+00:00",
        "due_at": "2026-11-22T14:00:00+00:00",
        "message": "The newest change is of 2026-11-22 12:00:00 UTC; there should be one within 2 hours.",
    }
    assert (incidents(session), told(session)) == ([(f"freshness:{pipeline}", "open", 1)], ["orders is stale"])


@pytest.mark.parametrize("newest", ["last_inserted_at", "last_updated_at", "last_deleted_at"])
def test_the_newest_change_of_any_kind_counts(session: Session, newest: str) -> None:
    pipeline = reported(session, **FRESH)
    for column in ("last_inserted_at", "last_updated_at", "last_deleted_at"):
        changed(session, pipeline, NOON if column == newest else NOON - 9 * HOUR, column)
    assert stale(session, 2 * HOUR) == []
    assert stale(session, 3 * HOUR) == [pipeline]


def test_a_stale_period_is_found_once(session: Session) -> None:
    pipeline = pipeline_that_changed(session, **FRESH)
    assert [stale(session, hours * HOUR) for hours in (3, 4, 5)] == [[pipeline], [], []]
    changed(session, pipeline, NOON + 6 * HOUR)
    assert [stale(session, hours * HOUR) for hours in (7, 9, 10)] == [[], [pipeline], []]
    assert len(results(session, CheckKind.FRESHNESS)) == len(told(session)) == 2


def test_fresh_data_resolves_the_incident(session: Session) -> None:
    pipeline = pipeline_that_changed(session, **FRESH)
    stale(session, 3 * HOUR)
    changed(session, pipeline, NOON + 3 * HOUR)
    stale(session, 4 * HOUR)
    stale(session, 9 * HOUR)
    subject = f"freshness:{pipeline}"
    assert incidents(session) == [(subject, "resolved", 1), (subject, "open", 1)]


def test_an_incident_that_somebody_takes_care_of_stays_so_while_the_data_is_stale(session: Session) -> None:
    pipeline_that_changed(session, **FRESH)
    stale(session, 3 * HOUR)
    incident = session.scalars(select(Incident)).one()
    acknowledge_incident(session, incident.id, by="ann", at=NOON)
    stale(session, 4 * HOUR)
    assert [state for _, state, _ in incidents(session)] == ["acknowledged"]


@pytest.mark.parametrize(
    ("own", "type_", "hours"),
    [
        pytest.param({}, {}, None, id="nothing is expected"),
        pytest.param({}, FRESH, 2, id="what its type expects"),
        pytest.param({**FRESH, "freshness_number": 5}, FRESH, 5, id="its own before its type's"),
        pytest.param({"freshness_number": 5}, FRESH, 2, id="half of its own is none"),
        pytest.param(FRESH, {"freshness_number": 5}, 2, id="half of its type's matters not"),
        pytest.param({}, {"freshness_number": 5}, None, id="half of its type's is none"),
    ],
)
def test_its_own_expectation_goes_before_its_types(
    session: Session, own: dict[str, Any], type_: dict[str, Any], hours: int | None
) -> None:
    pipeline = pipeline_that_changed(session, **own)
    amend_pipeline_type(session, type_, name="extraction", at=NOON)
    assert stale(session, (hours or 10**5) * HOUR) == []
    assert stale(session, (hours or 10**5) * HOUR + SECOND) == ([pipeline] if hours else [])


@pytest.mark.parametrize("whose", ["pipeline", "type"])
def test_what_is_muted_is_left_out_and_what_was_found_stays(session: Session, whose: str) -> None:
    pipeline = pipeline_that_changed(session, **FRESH)
    other = pipeline_that_changed(session, "other", NOON + HOUR, **FRESH)
    stale(session, 2.5 * HOUR)
    if whose == "type":
        amend_pipeline_type(session, {"mute_freshness": True}, name="extraction", at=NOON)
    else:
        amend(session, other, mute_freshness=True)
    assert stale(session, 9 * HOUR) == []
    assert incidents(session) == [(f"freshness:{pipeline}", "open", 1)]


def test_a_retired_pipeline_is_left_out_and_its_incident_is_over(session: Session) -> None:
    pipeline = pipeline_that_changed(session, **FRESH)
    stale(session, 3 * HOUR)
    retire_pipeline(session, "orders", at=NOON)
    changed(session, pipeline, NOON + HOUR)
    assert stale(session, 9 * HOUR) == []
    assert incidents(session) == [(f"freshness:{pipeline}", "resolved", 1)]


def test_an_incident_is_over_when_nothing_is_expected_any_more(session: Session) -> None:
    pipeline = pipeline_that_changed(session, **FRESH)
    stale(session, 3 * HOUR)
    amend(session, pipeline, freshness_number=None)
    stale(session, 4 * HOUR)
    assert [state for _, state, _ in incidents(session)] == ["resolved"]


def test_a_pipeline_that_has_never_changed_a_row_is_not_stale(session: Session) -> None:
    reported(session, **FRESH)
    assert stale(session, 10**5 * HOUR) == []


@pytest.mark.parametrize(
    ("since", "number", "part", "due"),
    [
        pytest.param("2026-01-31T06:00", 1, DatePart.MONTH, "2026-02-28T06:00", id="the last of February"),
        pytest.param("2028-01-31T06:00", 1, DatePart.MONTH, "2028-02-29T06:00", id="in a leap year"),
        pytest.param("2028-02-29T06:00", 1, DatePart.YEAR, "2029-02-28T06:00", id="a year after a leap day"),
        pytest.param("2026-03-28T12:00", 1, DatePart.DAY, "2026-03-29T12:00", id="a day of 24 hours, in UTC"),
        pytest.param("2026-11-22T12:00", 2, DatePart.WEEK, "2026-12-06T12:00", id="weeks"),
        pytest.param("2026-11-22T12:00", 90, DatePart.MINUTE, "2026-11-22T13:30", id="minutes"),
    ],
)
def test_expectations_go_by_the_calendar_of_utc(
    session: Session, since: str, number: int, part: DatePart, due: str
) -> None:
    # The clocks of Berlin change on 29 March 2026.
    session.execute(text("SET LOCAL timezone = 'Europe/Berlin'"))
    start, end = (datetime.fromisoformat(time).replace(tzinfo=timezone.utc) for time in (since, due))
    pipeline = pipeline_that_changed(session, at=start, freshness_number=number, freshness_datepart=part)
    assert check_freshness(session, at=end) == []
    (finding,) = check_freshness(session, at=end + timedelta(microseconds=1))
    assert (finding.pipeline_id, finding.details["due_at"]) == (pipeline, end.isoformat())


@pytest.mark.parametrize("part", list(DatePart))
def test_an_expectation_beyond_the_calendar_is_never_stale_and_stops_nobody(session: Session, part: DatePart) -> None:
    pipeline_that_changed(session, freshness_number=2**31 - 1, freshness_datepart=part)
    short = pipeline_that_changed(session, "short", **FRESH)
    assert stale(session, 3 * HOUR) == [short]


def test_many_who_check_at_once_find_each_once(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipelines = [pipeline_that_changed(session, f"p{number}", **FRESH) for number in range(20)]
        runs = [report_start(session, pipeline, started_at=NOON) for pipeline in pipelines]
        amend_pipeline_type(session, QUICK, name="extraction", at=NOON)

    def check(session: Session) -> list[Any]:
        return [*stale(session, 3 * HOUR), *late(session, NOON + HOUR)]

    found = [one for some in at_once(ledger, 8, check) for one in some]
    assert sorted(found) == sorted([*pipelines, *runs])
    with ledger.begin() as session:
        assert {count for _, _, count in incidents(session)} == {1}
        assert len(told(session)) == 40
