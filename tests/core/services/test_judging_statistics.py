"""A thousand made-up histories: every z-score beside scipy's, with everything in them that a history may hold."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy
import pytest
from scipy.stats import median_abs_deviation, zmap
from sqlalchemy import insert, select, text

from supersync_core.domain.check import AnomalyRule, CheckKind, Method, Metric
from supersync_core.domain.execution import ExecutionState, throughput, whole_seconds
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.base import AS_ONE
from supersync_core.ledger.check_tables import CheckResult, CheckRule
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.judging import judge

# Two weeks after the clocks of New York went back, three after those of Berlin.
NOW = datetime(2026, 11, 15, 12, tzinfo=timezone.utc)
HISTORIES = 1_000
COUNTS = {
    Metric.TOTAL_ROWS: "rows_extracted",
    Metric.INSERTS: "rows_inserted",
    Metric.UPDATES: "rows_updated",
    Metric.SOFT_DELETES: "rows_deleted",
}


@dataclass
class Run:
    """An execution as it is written, and what a person would read in it."""

    row: dict[str, Any]
    id: int = 0

    def value(self, metric: Metric) -> float | None:
        seconds = whole_seconds(self.row["started_at"], self.row["ended_at"])
        if metric is Metric.DURATION_SECONDS:
            return seconds
        if metric is Metric.THROUGHPUT:
            return throughput(self.row["rows_extracted"], seconds)
        return self.row[COUNTS[metric]]  # type: ignore[no-any-return]

    def counts_for(self, rule: AnomalyRule) -> bool:
        return (
            self.row["state"] is ExecutionState.SUCCEEDED
            and self.row["ended_at"] >= NOW - timedelta(days=rule.lookback_days)
            and not (self.row["anomaly_flags"] or {}).get(rule.metric_field.value)
            and self.value(rule.metric_field) is not None
        )


@dataclass
class Story:
    """A pipeline's rules and runs; those that wait for a judgement are among the runs."""

    rules: list[AnomalyRule]
    runs: list[Run] = field(default_factory=list)

    def expected(self, run: Run, rule: AnomalyRule) -> float | None:
        """The score of a run that waits, as scipy has it; None where nothing is to be said."""
        value = run.value(rule.metric_field)
        if value is None or run.row["ended_at"] < NOW - timedelta(days=rule.lookback_days):
            return None
        usual = numpy.array(
            [
                other.value(rule.metric_field)
                for other in self.runs
                if other is not run and other.counts_for(rule) and hour(other) == hour(run)
            ],
            dtype=float,
        )
        if len(usual) < rule.minimum_executions:
            return None
        if rule.method is Method.MAD:
            deviation = median_abs_deviation(usual, scale=1 / 1.4826)
            return float((value - numpy.median(usual)) / deviation) if deviation else None
        return float(zmap([value], usual, ddof=1)[0]) if len(set(usual)) > 1 else None


def hour(run: Run) -> int:
    return int(run.row["started_at"].hour)


def story(seed: int) -> Story:
    chance = random.Random(seed)
    rules = [
        AnomalyRule(
            metric,
            z_threshold=chance.choice([1.0, 2.5, 3.0]),
            lookback_days=chance.choice([1, 14, 15, 30]),
            minimum_executions=chance.choice([5, 5, 8, 12]),
            method=chance.choice([Method.ZSCORE, Method.ZSCORE, Method.MAD]),
        )
        for metric in chance.sample(list(Metric), 2)
    ]
    hours = chance.sample(range(24), chance.choice([1, 2, 3]))
    size = chance.choice([1, 30, 1_000, 10**9])
    told = Story(rules)
    for days in range(40):
        told.runs += [run(chance, days, one, size) for one in hours if chance.random() < 0.9]
    return told


def run(chance: random.Random, days: int, hour: int, size: int) -> Run:
    start = NOW.replace(hour=hour) - timedelta(days=days, minutes=-chance.uniform(0, 59.9))
    rows = [None if chance.random() < 0.05 else chance.randint(size, 2 * size) for _ in COUNTS]
    state = ExecutionState.SUCCEEDED if chance.random() < 0.9 else ExecutionState.FAILED
    waits = state is ExecutionState.SUCCEEDED and chance.random() < 0.15
    flags = {metric.value: chance.random() < 0.5 for metric in Metric} if chance.random() < 0.1 else None
    end = start + timedelta(seconds=chance.choice([0.2, 1, chance.uniform(1, 500)]))
    return Run(
        {
            **dict(zip(COUNTS.values(), rows, strict=True)),
            "state": state,
            "queued_at": start,
            "started_at": start,
            "ended_at": end,
            "judged_at": None if waits else end,
            "anomaly_flags": flags,
        }
    )


@pytest.fixture
def elsewhere(ledger: Ledger) -> Ledger:
    """A ledger whose connections are in a zone that had a day of 25 hours within the histories."""
    with ledger.begin() as session:
        name = session.scalar(text("SELECT current_database()"))
        session.execute(text(f"ALTER DATABASE {name} SET timezone = 'America/New_York'"))
    ledger.dispose()
    with ledger.begin() as session:
        assert session.scalar(text("SHOW timezone")) == "America/New_York"
    return ledger


def write(ledger: Ledger, stories: Iterable[Story]) -> dict[int, Story]:
    """Tell the ledger; the stories by the id of their pipeline."""
    told = list(stories)
    at = {"created_at": NOW, "updated_at": NOW}
    with ledger.begin() as session:
        names = [{"name": f"p{number}", "name_key": f"p{number}", **at} for number in range(len(told))]
        new = insert(Pipeline).values(kind=PipelineKind.EXTERNAL).returning(Pipeline.id, sort_by_parameter_order=True)
        by_id = dict(zip(session.scalars(new, names), told, strict=True))
        rules = [
            {"pipeline_id": id_, "metric": rule.metric_field.value, "settings": rule.settings, **at}
            for id_, one in by_id.items()
            for rule in one.rules
        ]
        session.execute(insert(CheckRule).values(kind=CheckKind.ANOMALY), rules)
        runs = [(id_, run) for id_, one in by_id.items() for run in one.runs]
        executions = insert(Execution).values(managed=False).returning(Execution.id, sort_by_parameter_order=True)
        rows = [{**run.row, "pipeline_id": id_} for id_, run in runs]
        ids = session.scalars(executions, rows, execution_options=AS_ONE)
        for (_, run), id_ in zip(runs, ids, strict=True):
            run.id = id_
    return by_id


def test_z_scores_of_a_thousand_histories_agree_with_scipy(elsewhere: Ledger) -> None:
    stories = write(elsewhere, (story(seed) for seed in range(HISTORIES)))
    # All in one transaction: what the first ones of several flag, the later ones would leave out.
    judged = judge(elsewhere, at=NOW, limit=10**6)
    found = {
        (one.execution_id, verdict.rule.metric_field): verdict for one in judged for verdict in one.verdicts.values()
    }
    expected = {
        (run.id, rule.metric_field): (score, rule)
        for one in stories.values()
        for run in one.runs
        if run.row["judged_at"] is None
        for rule in one.rules
        if (score := one.expected(run, rule)) is not None
    }
    assert found.keys() == expected.keys()
    assert len(expected) > HISTORIES
    assert all(found[key].score == pytest.approx(score, rel=1e-9, abs=1e-9) for key, (score, _) in expected.items())
    unusual = {key for key, (score, rule) in expected.items() if abs(score) > rule.z_threshold}
    assert {key for key, verdict in found.items() if verdict.unusual} == unusual
    assert 100 < len(unusual) < len(expected)
    with elsewhere.begin() as session:
        kept = session.execute(select(CheckResult.execution_id, CheckResult.details, CheckResult.passed)).all()
        succeeded = select(Execution.id).where(Execution.state == ExecutionState.SUCCEEDED)
        assert session.scalars(succeeded.where(Execution.judged_at.is_(None))).all() == []
    scores = {(id_, Metric(details["metric"])): (details["z_score"], passed) for id_, details, passed in kept}
    flagged = {id_ for id_, _ in unusual}
    assert scores == {k: (v.score, not v.unusual) for k, v in found.items() if k[0] in flagged}
