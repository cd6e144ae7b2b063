"""What checks have found is read page by page; anomalies can be taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, Metric
from supersync_core.errors import NotFound
from supersync_core.ledger.check_tables import CheckResult, Incident
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.anomaly_rules import put_rule
from supersync_core.services.check_results import ResultFilter, list_results, unflag_anomalies
from supersync_core.services.expectations import check_freshness, check_timeliness
from supersync_core.services.judging import judge
from tests.core.services.expecting import FRESH, HOUR, QUICK, incidents, pipeline_that_changed
from tests.core.services.reports import MINUTE, NOON, ended, reported

DAY = timedelta(days=1)
NOW = NOON + 30 * MINUTE
ROWS, INSERTS, SECONDS = Metric.TOTAL_ROWS, Metric.INSERTS, Metric.DURATION_SECONDS


@pytest.fixture
def pipeline(ledger: Ledger) -> int:
    """One with rules on rows and inserts, and usual runs on the days before."""
    with ledger.begin() as session:
        pipeline = reported(session)
        for metric in (ROWS, INSERTS):
            put_rule(session, pipeline, metric, {"minimum_executions": 5}, active=True, at=NOON)
        for number, rows in enumerate((90, 100, 110, 100, 90, 110)):
            ended(session, pipeline, start=NOON - (number + 1) * DAY, total_rows=rows, inserts=rows)
        session.execute(update(Execution).values(judged_at=NOON))
    return pipeline


def unusual(ledger: Ledger, pipeline: int, rows: int = 300, inserts: int = 300, minutes: int = 0) -> int:
    """A run that is judged."""
    with ledger.begin() as session:
        run = ended(session, pipeline, start=NOON + minutes * MINUTE, total_rows=rows, inserts=inserts)
    judge(ledger, at=NOW + minutes * MINUTE)
    return run


def unflag(ledger: Ledger, pipeline: int, execution: int, *metrics: Metric) -> None:
    with ledger.begin() as session:
        unflag_anomalies(session, pipeline, execution, metrics, at=NOW + HOUR)


def flags(ledger: Ledger, execution: int) -> dict[str, bool] | None:
    with ledger.begin() as session:
        return session.get_one(Execution, execution).anomaly_flags


def kept(ledger: Ledger) -> list[str]:
    with ledger.begin() as session:
        return [result.details["metric"] for result in session.scalars(select(CheckResult).order_by(CheckResult.id))]


def states(ledger: Ledger) -> list[str]:
    with ledger.begin() as session:
        return [state for _, state, _ in incidents(session)]


def test_what_is_taken_back_is_false_and_its_results_are_gone(ledger: Ledger, pipeline: int) -> None:
    run = unusual(ledger, pipeline)
    assert flags(ledger, run) == {"total_rows": True, "inserts": True}
    unflag(ledger, pipeline, run, INSERTS)
    assert (flags(ledger, run), kept(ledger)) == ({"total_rows": True, "inserts": False}, ["total_rows"])
    assert states(ledger) == ["open"]
    unflag(ledger, pipeline, run, ROWS, INSERTS, SECONDS)
    assert (flags(ledger, run), kept(ledger)) == ({"total_rows": False, "inserts": False}, [])
    assert states(ledger) == ["resolved"]


def test_results_of_rules_that_were_passed_go_with_their_metric_alone(ledger: Ledger, pipeline: int) -> None:
    run = unusual(ledger, pipeline, inserts=100)
    assert kept(ledger) == ["total_rows", "inserts"]
    unflag(ledger, pipeline, run, ROWS)
    assert (kept(ledger), states(ledger)) == (["inserts"], ["resolved"])


def test_what_is_taken_back_counts_as_usual_again(ledger: Ledger, pipeline: int) -> None:
    run = unusual(ledger, pipeline)
    baselines = []
    for minutes in (1, 2):
        with ledger.begin() as session:
            ended(session, pipeline, start=NOON + minutes * MINUTE, total_rows=100, inserts=100)
        (judged,) = judge(ledger, at=NOW)
        baselines += [v.baseline.executions for v in judged.verdicts.values() if v.rule.metric_field is ROWS]
        if minutes == 1:
            unflag(ledger, pipeline, run, ROWS)
    assert baselines == [6, 8]


def test_an_incident_stays_while_another_execution_is_unusual(ledger: Ledger, pipeline: int) -> None:
    runs = [unusual(ledger, pipeline, minutes=minutes) for minutes in (0, 1)]
    unflag(ledger, pipeline, runs[0], ROWS, INSERTS)
    assert states(ledger) == ["open"]
    unflag(ledger, pipeline, runs[1], ROWS, INSERTS)
    assert states(ledger) == ["resolved"]


def test_only_results_of_the_given_pipeline_are_deleted(ledger: Ledger, pipeline: int) -> None:
    with ledger.begin() as session:
        other = reported(session, "other")
    run = unusual(ledger, pipeline)
    for given in (other, 0, 2**63):
        with ledger.begin() as session:
            session.execute(update(Execution).where(Execution.id == run).values(anomaly_flags={"total_rows": True}))
        unflag(ledger, given, run, ROWS)
        assert (flags(ledger, run), kept(ledger)) == ({"total_rows": False}, ["total_rows", "inserts"])
        assert states(ledger) == ["open"]


@pytest.mark.parametrize(
    ("execution", "metrics", "message"),
    [
        pytest.param(2**63, [ROWS], "there is no execution", id="no such number"),
        pytest.param(10**9, [ROWS], "there is no execution", id="not there"),
        pytest.param("usual", [ROWS], "has no anomaly flags", id="without flags"),
        pytest.param("unusual", [SECONDS], "is not flagged for duration_seconds", id="another metric"),
        pytest.param("unusual", [], "is not flagged for no metric", id="no metric"),
        pytest.param("taken back", [ROWS, INSERTS], "is not flagged for inserts, total_rows", id="taken back"),
    ],
)
def test_what_is_not_flagged_is_not_taken_back(
    ledger: Ledger, pipeline: int, execution: str | int, metrics: list[Metric], message: str
) -> None:
    made = {"unusual": unusual(ledger, pipeline), "taken back": unusual(ledger, pipeline, minutes=1)}
    made["usual"] = unusual(ledger, pipeline, 100, 100, minutes=2)
    unflag(ledger, pipeline, made["taken back"], ROWS, INSERTS)
    before = kept(ledger)
    with pytest.raises(NotFound, match=message):
        unflag(ledger, pipeline, execution if isinstance(execution, int) else made[execution], *metrics)
    assert (kept(ledger), states(ledger)) == (before, ["open"])


@pytest.fixture
def everything(ledger: Ledger, pipeline: int) -> dict[str, list[int]]:
    """Results of each kind: their ids by a word for them."""
    unusual(ledger, pipeline, inserts=100)
    with ledger.begin() as session:
        stale = pipeline_that_changed(session, "stale", **FRESH)
        check_freshness(session, at=NOON + 3 * HOUR)
        late = reported(session, "late", **QUICK)
        ended(session, late, seconds=900)
        check_timeliness(session, at=NOON + HOUR)
        assert len({pipeline, stale, late}) == 3
        rows = session.scalars(select(CheckResult).order_by(CheckResult.id)).all()
    fired, passed, freshness, timeliness = (row.id for row in rows)
    return {"anomaly": [passed, fired], "fired": [fired], "freshness": [freshness], "timeliness": [timeliness]}


def listed(session: Session, wanted: ResultFilter) -> list[int]:
    found, _ = list_results(session, wanted, limit=99)
    return [one.result.id for one in found]


def test_results_are_read_by_kind_pipeline_execution_and_time(
    session: Session, pipeline: int, everything: dict[str, list[int]]
) -> None:
    newest_first = everything["timeliness"] + everything["freshness"] + everything["anomaly"]
    assert listed(session, ResultFilter()) == newest_first
    for kind in (CheckKind.ANOMALY, CheckKind.FRESHNESS, CheckKind.TIMELINESS):
        assert listed(session, ResultFilter(kind=kind)) == everything[kind.value]
    assert listed(session, ResultFilter(pipeline_id=pipeline)) == everything["anomaly"]
    assert listed(session, ResultFilter(kind=CheckKind.ANOMALY, passed=False)) == everything["fired"]
    assert listed(session, ResultFilter(since=NOON + HOUR)) == everything["timeliness"] + everything["freshness"]
    late = session.get_one(CheckResult, everything["timeliness"][0])
    assert listed(session, ResultFilter(execution_id=late.execution_id)) == everything["timeliness"]


def test_results_come_with_the_names_of_their_pipelines(session: Session, everything: dict[str, list[int]]) -> None:
    found, _ = list_results(session, ResultFilter(), limit=99)
    assert [one.pipeline for one in found] == ["late", "stale", "orders", "orders"]


def test_pages_of_results_go_on_where_the_one_before_has_ended(
    session: Session, everything: dict[str, list[int]]
) -> None:
    seen, before, more = [], None, True
    while more:
        page, before = list_results(session, ResultFilter(before=before), limit=3)
        seen += [one.result.id for one in page]
        more = before is not None
    assert seen == listed(session, ResultFilter())


def test_an_incident_that_somebody_else_has_opened_since_is_left_alone(ledger: Ledger, pipeline: int) -> None:
    run = unusual(ledger, pipeline)
    with ledger.begin() as session:
        session.execute(update(Incident).values(subject="anomaly:of another"))
    unflag(ledger, pipeline, run, ROWS, INSERTS)
    assert states(ledger) == ["open"]
