"""What has succeeded is held to the rules of its pipeline; what is unusual is flagged, kept and reported."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from supersync_core.domain.check import AnomalyRule, Metric
from supersync_core.domain.execution import Counts, ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.ledger.check_tables import Alert, CheckResult, CheckRule, Incident
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.anomaly_rules import put_rule
from supersync_core.services.executions import Outcome, finish_execution, open_execution, start_execution
from supersync_core.services.judging import Judged, judge
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.reported_executions import Ending, report_end
from tests.core.services.reports import NOON, ended, reported

DAY = timedelta(days=1)
NOW = NOON + timedelta(minutes=30)
USUAL = (90, 100, 110, 100, 90, 110)
FEW = {"minimum_executions": 5}


def history(session: Session, pipeline: int, rows: Sequence[int | None] = USUAL, **ending: Any) -> list[int]:
    """A run at noon of each of the days before today, judged already."""
    runs = [
        ended(session, pipeline, start=NOON - (number + 1) * DAY, **{"total_rows": count} | ending)
        for number, count in enumerate(rows)
    ]
    session.execute(update(Execution).where(Execution.id.in_(runs)).values(judged_at=NOON))
    return runs


@pytest.fixture
def pipeline(ledger: Ledger) -> int:
    """One with a rule on its rows, and six usual runs."""
    with ledger.begin() as session:
        pipeline = reported(session)
        put_rule(session, pipeline, Metric.TOTAL_ROWS, FEW, active=True, at=NOON)
        history(session, pipeline)
    return pipeline


def run(ledger: Ledger, pipeline: int, rows: int | None = 300, *, start: datetime = NOON, **ending: Any) -> int:
    with ledger.begin() as session:
        return ended(session, pipeline, start=start, total_rows=rows, **ending)


def correct(ledger: Ledger, execution: int, rows: int) -> None:
    """End it again, with other numbers."""
    with ledger.begin() as session:
        report_end(session, execution, Ending(NOON + timedelta(minutes=1), succeeded=True, total_rows=rows), at=NOW)


def judged(ledger: Ledger, execution: int) -> Judged:
    """The judgement of that execution, with all others that wait."""
    return next(one for one in judge(ledger, at=NOW) if one.execution_id == execution)


def row(ledger: Ledger, execution: int) -> Execution:
    with ledger.begin() as session:
        return session.get_one(Execution, execution)


def kept(ledger: Ledger, table: Any) -> list[Any]:
    with ledger.begin() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def test_an_unusual_execution_is_flagged_kept_and_reported(ledger: Ledger, pipeline: int) -> None:
    execution = run(ledger, pipeline)
    (verdict,) = judged(ledger, execution).unusual
    deviation = 80**0.5
    assert (verdict.value, verdict.low, verdict.high) == (300, 100 - 3 * deviation, 100 + 3 * deviation)
    assert (verdict.score, verdict.baseline.executions) == (200 / deviation, 6)
    found = row(ledger, execution)
    assert (found.judged_at, found.anomaly_flags) == (NOW, {"total_rows": True})
    assert found.bands == {"total_rows": [verdict.low, 100, verdict.high]}
    (result,) = kept(ledger, CheckResult)
    assert (result.pipeline_id, result.execution_id, result.passed, result.checked_at) == (
        *(pipeline, execution),
        *(False, NOW),
    )
    numbers = {
        "metric": "total_rows",
        "value": 300,
        "z_score": verdict.score,
        "mean": 100,
        "deviation": deviation,
        "z_threshold": 3,
        "low": verdict.low,
        "high": verdict.high,
        "method": "zscore",
        "executions": 6,
    }
    assert result.details == numbers
    (incident,) = kept(ledger, Incident)
    assert (incident.subject, incident.title) == (f"anomaly:{pipeline}", "orders: unusual numbers")
    assert incident.details == {"execution_id": execution, "anomalies": [numbers]}
    assert [alert.message for alert in kept(ledger, Alert)] == ["total_rows: 300 (usual: 73.1672 to 126.833)"]


def test_a_usual_execution_is_judged_and_leaves_only_its_band(ledger: Ledger, pipeline: int) -> None:
    execution = run(ledger, pipeline, rows=120)
    found = judged(ledger, execution)
    assert (len(found.verdicts), found.unusual) == (1, [])
    assert (row(ledger, execution).judged_at, row(ledger, execution).anomaly_flags) == (NOW, None)
    assert list(row(ledger, execution).bands or {}) == ["total_rows"]
    assert kept(ledger, CheckResult) == kept(ledger, Incident) == kept(ledger, Alert) == []


def test_too_few_rows_are_unusual_too(ledger: Ledger, pipeline: int) -> None:
    assert judged(ledger, run(ledger, pipeline, rows=0)).unusual


def test_once_a_rule_fires_each_rule_of_the_execution_has_a_result(ledger: Ledger, pipeline: int) -> None:
    with ledger.begin() as session:
        put_rule(session, pipeline, Metric.THROUGHPUT, FEW | {"z_threshold": 10.0}, active=True, at=NOON)
        put_rule(session, pipeline, Metric.INSERTS, FEW, active=True, at=NOON)
    execution = run(ledger, pipeline, rows=150)
    judged(ledger, execution)
    results = {result.details["metric"]: result.passed for result in kept(ledger, CheckResult)}
    assert results == {"total_rows": False, "throughput": True}
    assert row(ledger, execution).anomaly_flags == {"total_rows": True}
    assert set(row(ledger, execution).bands or {}) == {"total_rows", "throughput"}


def test_nothing_waits_nothing_is_judged(ledger: Ledger, pipeline: int) -> None:
    assert judge(ledger, at=NOW) == ()


SILENT: dict[str, dict[str, Any]] = {
    "its metric was not reported": {"rows": None},
    "it started in another hour": {"start": NOON - timedelta(minutes=1)},
    "it ended before the lookback": {"start": NOON - 31 * DAY},
}


@pytest.mark.parametrize("case", SILENT)
def test_nothing_is_said_of_an_execution_without_a_history_to_hold_it_to(
    ledger: Ledger, pipeline: int, case: str
) -> None:
    execution = run(ledger, pipeline, **SILENT[case])
    assert not judged(ledger, execution).verdicts
    assert (row(ledger, execution).judged_at, row(ledger, execution).bands) == (NOW, None)


CHANGED: dict[str, Any] = {
    "failed": update(Execution).values(state=ExecutionState.FAILED),
    "did not report the metric": update(Execution).values(rows_extracted=None),
    "were flagged for the metric": update(Execution).values(anomaly_flags={"total_rows": True}),
    "ended before the lookback": update(Execution).values(
        started_at=NOON - 40 * DAY, queued_at=NOON - 40 * DAY, ended_at=NOON - 39 * DAY
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_executions_that_are_no_measure_are_left_out_of_the_history(ledger: Ledger, pipeline: int, case: str) -> None:
    with ledger.begin() as session:
        runs = list(session.scalars(select(Execution.id).order_by(Execution.id)))
        session.execute(CHANGED[case].where(Execution.id == runs[0]))
    assert judged(ledger, run(ledger, pipeline)).verdicts
    with ledger.begin() as session:
        session.execute(CHANGED[case].where(Execution.id == runs[1]))
    again = run(ledger, pipeline, start=NOON + timedelta(minutes=5))
    with ledger.begin() as session:
        session.execute(
            update(Execution).where(Execution.id > runs[-1], Execution.id < again).values(rows_extracted=None)
        )
    assert not judged(ledger, again).verdicts


@pytest.mark.parametrize("flags", [{"total_rows": False}, {"inserts": True}])
def test_executions_that_are_not_flagged_for_the_metric_count(
    ledger: Ledger, pipeline: int, flags: dict[str, bool]
) -> None:
    with ledger.begin() as session:
        session.execute(update(Execution).values(anomaly_flags=flags))
    (verdict,) = judged(ledger, run(ledger, pipeline)).verdicts.values()
    assert verdict.baseline.executions == 6


def test_each_rule_has_its_own_lookback(ledger: Ledger, pipeline: int) -> None:
    with ledger.begin() as session:
        put_rule(session, pipeline, Metric.DURATION_SECONDS, FEW | {"lookback_days": 5}, active=True, at=NOON)
    verdicts = judged(ledger, run(ledger, pipeline, seconds=61)).verdicts.values()
    # The run of five days ago ended before the time of day at which we ask: four are left, and that is too few.
    assert [verdict.rule.metric_field for verdict in verdicts] == [Metric.TOTAL_ROWS]


@pytest.mark.parametrize(
    ("settings", "unusual"),
    [({}, None), ({"zero_deviation": "flag"}, True)],
    ids=["silent by default", "flagged where the rule says so"],
)
def test_a_history_in_which_all_are_equal(ledger: Ledger, settings: dict[str, Any], unusual: bool | None) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        put_rule(session, pipeline, Metric.TOTAL_ROWS, FEW | settings, active=True, at=NOON)
        history(session, pipeline, [7] * 6)
    execution = run(ledger, pipeline, rows=10**9)
    assert [verdict.unusual for verdict in judged(ledger, execution).verdicts.values()] == [unusual] * bool(unusual)
    assert (row(ledger, execution).bands is None) is (unusual is None)
    assert [result.details["z_score"] for result in kept(ledger, CheckResult)] == [None] * bool(unusual)


def test_a_few_extreme_runs_move_the_mean_and_not_the_median(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        for metric, method in ((Metric.TOTAL_ROWS, "zscore"), (Metric.INSERTS, "mad")):
            put_rule(session, pipeline, metric, FEW | {"method": method}, active=True, at=NOON)
        for number, rows in enumerate((*USUAL, 1_000, 1_000)):
            ended(session, pipeline, start=NOON - (number + 1) * DAY, total_rows=rows, inserts=rows)
    judge(ledger, at=NOW)
    execution = run(ledger, pipeline, rows=500, inserts=500)
    judged(ledger, execution)
    assert row(ledger, execution).anomaly_flags == {"inserts": True}


def test_executions_that_wait_together_are_held_to_each_other(ledger: Ledger, pipeline: int) -> None:
    runs = [run(ledger, pipeline, rows=100, start=NOON + timedelta(minutes=n)) for n in range(3)]
    found = {one.execution_id: one for one in judge(ledger, at=NOW)}
    assert [v.baseline.executions for id_ in runs for v in found[id_].verdicts.values()] == [8, 8, 8]


def test_a_rule_that_is_switched_off_says_nothing(ledger: Ledger, pipeline: int) -> None:
    execution = run(ledger, pipeline)
    with ledger.begin() as session:
        session.execute(update(CheckRule).values(active=False))
    assert not judged(ledger, execution).verdicts
    assert row(ledger, execution).judged_at == NOW


def test_an_execution_that_ends_again_with_other_numbers_is_judged_again(ledger: Ledger, pipeline: int) -> None:
    execution = run(ledger, pipeline, rows=300)
    judged(ledger, execution)
    for rows, results in ((400, [400]), (100, [])):
        correct(ledger, execution, rows)
        judged(ledger, execution)
        assert [result.details["value"] for result in kept(ledger, CheckResult)] == results
        assert row(ledger, execution).anomaly_flags == ({"total_rows": True} if results else None)


def test_a_judgement_is_not_held_to_the_numbers_it_replaces(ledger: Ledger, pipeline: int) -> None:
    execution = run(ledger, pipeline, rows=300)
    for rows in (300, 301, 100):
        correct(ledger, execution, rows)
        found = judged(ledger, execution)
        assert [verdict.baseline.executions for verdict in found.verdicts.values()] == [6]


def test_a_batch_takes_the_oldest_and_leaves_the_rest(ledger: Ledger, pipeline: int) -> None:
    runs = [run(ledger, pipeline, start=NOON + timedelta(minutes=minutes)) for minutes in (2, 0, 1)]
    batches = [[one.execution_id for one in judge(ledger, at=NOW, limit=2)] for _ in range(3)]
    assert batches == [[runs[1], runs[2]], [runs[0]], []]


def test_many_that_judge_at_once_judge_each_execution_once(ledger: Ledger, pipeline: int) -> None:
    runs = [run(ledger, pipeline, start=NOON + timedelta(seconds=second)) for second in range(40)]
    seen: list[int] = []

    def work() -> None:
        while batch := judge(ledger, at=NOW, limit=3):
            seen.extend(one.execution_id for one in batch)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == runs


def test_a_run_of_ours_is_judged_by_its_declared_rules(ledger: Ledger) -> None:
    rule = AnomalyRule(Metric.INSERTS, minimum_executions=5)
    with ledger.begin() as session:
        declaration = PipelineDeclaration("ours", PipelineKind.TABLE_SYNC, anomalies=(rule,))
        pipeline = register_pipeline(session, declaration, at=NOON)
        for number, inserted in enumerate((*USUAL, 300)):
            at = NOON + timedelta(minutes=number)
            execution = open_execution(session, pipeline, trigger=Trigger.SCHEDULE, at=at)
            start_execution(session, execution.id, owner="me", at=at)
            outcome = Outcome(ExecutionState.SUCCEEDED, Counts(inserted, inserted))
            finish_execution(session, execution.id, outcome, at=at + timedelta(seconds=9))
    assert [one.execution_id for one in judge(ledger, at=NOW) if one.unusual] == [execution.id]
