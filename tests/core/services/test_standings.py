"""How pipelines stand to their checks."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.check import Metric
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.anomaly_rules import amend_rule, put_rule
from supersync_core.services.expectations import check_freshness, check_timeliness
from supersync_core.services.pipeline_types import PipelineType, amend_pipeline_type, put_pipeline_type
from supersync_core.services.reported_pipelines import amend_pipeline, delete_pipeline
from supersync_core.services.standings import declared_checks, existing, new_findings, stand
from tests.core.services.findings import HOUR, judged, late, unflag
from tests.core.services.reports import NOON, ended, reported


def standing(session: Session, pipeline_id: int, at: datetime = NOON) -> dict[str, bool]:
    """Whether each check passes."""
    return {check: one.passed for (_, check), one in stand(session, {pipeline_id}, at=at).items()}


def news(session: Session, after: int = 0, limit: int = 99) -> list[tuple[str, bool, Any]]:
    return [(one.check, one.passed, one.execution_id) for one in new_findings(session, after=after, limit=limit)]


def test_nothing_found_is_nothing_said(session: Session) -> None:
    ended(session, reported(session))
    assert standing(session, reported(session)) == {}
    assert news(session) == []


def test_the_newest_judged_execution_decides_over_an_anomaly(session: Session) -> None:
    pipeline = reported(session)
    judged(session, pipeline, 300, unusual=True)
    assert standing(session, pipeline) == {"anomaly_total_rows": False}
    judged(session, pipeline, 100, at=NOON + HOUR, unusual=False)
    assert standing(session, pipeline) == {"anomaly_total_rows": True}


def test_an_anomaly_is_said_with_all_that_was_found(session: Session) -> None:
    pipeline = reported(session)
    judged(session, pipeline, 300, unusual=True)
    (one,) = stand(session, {pipeline}, at=NOON).values()
    assert {"value", "z_score", "mean", "deviation", "low", "high"} <= one.details.keys()


def test_what_somebody_takes_back_passes(session: Session) -> None:
    pipeline = reported(session)
    unflag(session, judged(session, pipeline, 300, unusual=True))
    assert standing(session, pipeline) == {"anomaly_total_rows": True}


HOURLY: dict[str, Any] = {
    f"{kind}_{key}": value
    for kind in ("freshness", "timeliness")
    for key, value in (("number", 1), ("datepart", "hour"))
}


def test_stale_data_is_over_once_it_has_changed(session: Session) -> None:
    pipeline = reported(session, **HOURLY)
    changed = ended(session, pipeline, start=NOON - 3 * HOUR, inserts=1)
    at = NOON + HOUR
    check_freshness(session, at=at)
    assert standing(session, pipeline, at) == {"freshness": False}
    assert changed < ended(session, pipeline, start=NOON, inserts=1, seconds=3600)
    assert standing(session, pipeline, at) == {"freshness": True}


def test_a_late_execution_is_over_once_a_later_one_has_succeeded_in_time(session: Session) -> None:
    pipeline = reported(session, **HOURLY)
    ended(session, pipeline, start=NOON, seconds=7200)
    ended(session, pipeline, start=NOON - HOUR)
    ended(session, pipeline, start=NOON + HOUR, succeeded=False)
    ended(session, pipeline, start=NOON + 2 * HOUR, seconds=7200)
    at = NOON + 4 * HOUR
    check_timeliness(session, lookback=9 * HOUR, at=at)
    assert standing(session, pipeline, at) == {"timeliness": False}
    ended(session, pipeline, start=NOON + 3 * HOUR)
    assert standing(session, pipeline, at) == {"timeliness": True}


def test_what_is_not_expected_any_more_is_over(session: Session) -> None:
    pipeline = reported(session, **HOURLY)
    ended(session, pipeline, start=NOON, seconds=7200, inserts=1)
    at = NOON + 9 * HOUR
    check_freshness(session, at=at)
    check_timeliness(session, lookback=10 * HOUR, at=at)
    assert standing(session, pipeline, at) == {"freshness": False, "timeliness": False}
    amend_pipeline(session, dict.fromkeys(HOURLY), pipeline_id=pipeline, at=at)
    assert standing(session, pipeline, at) == {"freshness": True, "timeliness": True}


def test_the_news_are_the_newest_of_each_check_by_number(session: Session) -> None:
    one, two = reported(session, "one"), reported(session, "two")
    judged(session, one, 300, unusual=True)
    latest = judged(session, one, 400, at=NOON + HOUR, unusual=True)
    tardy = late(session, two)
    assert news(session) == [("anomaly_total_rows", False, latest), ("timeliness", False, tardy)]


def test_news_come_in_pages_and_each_once(session: Session) -> None:
    for name in "abc":
        late(session, reported(session, name))
    after, seen = 0, list[str]()
    while page := new_findings(session, after=after, limit=2):
        seen += [one.pipeline for one in page]
        after = page[-1].result_id
    assert seen == ["a", "b", "c"]


def test_each_rule_and_each_expectation_is_a_check(session: Session) -> None:
    pipeline = reported(session, freshness_number=2, freshness_datepart="hour")
    rules = {metric: put_rule(session, pipeline, metric, {}, active=True, at=NOON)[0] for metric in Metric}
    amend_rule(session, rules[Metric.UPDATES], {"active": False}, at=NOON)
    session.flush()
    session.expire_all()
    checks = declared_checks(session.get_one(Pipeline, pipeline), None)
    assert checks["freshness"] == "Its data changes within 2 hours."
    expected = {f"anomaly_{metric.value}" for metric in Metric if metric is not Metric.UPDATES}
    assert set(checks) == {"freshness", *expected}


def test_what_a_pipeline_does_not_say_its_type_does(session: Session) -> None:
    pipeline = reported(session, freshness_number=2, freshness_datepart="hour")
    type_id, _ = put_pipeline_type(session, "extraction", at=NOON)
    expected = {"number": 1, "datepart": "day"}
    changes = {f"{kind}_{key}": value for kind in ("freshness", "timeliness") for key, value in expected.items()}
    amend_pipeline_type(session, changes, type_id=type_id, at=NOON)
    session.expire_all()
    checks = declared_checks(session.get_one(Pipeline, pipeline), session.get(PipelineType, type_id))
    assert checks == {"freshness": "Its data changes within 2 hours.", "timeliness": "A run ends within 1 day."}


def test_a_pipeline_that_is_gone_is_not_there(session: Session) -> None:
    one, two = reported(session, "one"), reported(session, "two")
    delete_pipeline(session, one)
    assert existing(session, {one, two}) == {two}
