"""Hold what has succeeded to the rules of its pipeline: is it unusual? (Watcher: anomaly detection)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from operator import attrgetter
from typing import Any

from supersync_core.domain.anomaly import MAD_SCALE, Baseline, Sums, Verdict, judge_value
from supersync_core.domain.check import Method
from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.ledger import baselines
from supersync_core.ledger.baselines import History, Waiting
from supersync_core.ledger.database import Ledger
from supersync_core.services.incidents import report_findings

BATCH = 2_000
"""Executions that one transaction judges."""


@dataclass(frozen=True)
class Judged:
    """An execution that was looked at. `verdicts` by the id of the rule; of a rule that said nothing there is none."""

    execution_id: int
    pipeline_id: int
    pipeline: str
    ended_at: datetime
    verdicts: Mapping[int, Verdict]

    @property
    def unusual(self) -> Sequence[Verdict]:
        """Those by which it is unusual; none: nobody has to know."""
        return [verdict for verdict in self.verdicts.values() if verdict.unusual]


def anomaly_subject(pipeline_id: int) -> str:
    """The subject of the incident that a pipeline's executions are unusual."""
    return f"anomaly:{pipeline_id}"


def judge(ledger: Ledger, *, at: datetime, limit: int = BATCH) -> Sequence[Judged]:
    """Judge at most `limit` successes that wait for it, the oldest first; all that were judged. One transaction.

    An execution is held to the successes of its pipeline that started in the same hour of the day in UTC and ended
    within the rule's lookback before `at`, itself and those flagged for that metric left out. What is unusual is
    flagged, kept as results and reported as an incident of its pipeline, one alert for an execution. Any number may
    judge at once. Call it again while it returns `limit`.
    """
    with ledger.begin() as session:
        waiting = baselines.lock_unjudged(session, limit=limit)
        if not waiting:
            return ()
        groups = {(execution.pipeline_id, execution.hour) for execution in waiting}
        histories = baselines.select_histories(session, groups, at=at)
        held = {
            key: [_Held(one) for one in sorted(found, key=attrgetter("rule_id"))] for key, found in histories.items()
        }
        judged = [
            _judged(execution, held.get((execution.pipeline_id, execution.hour), ()), at) for execution in waiting
        ]
        baselines.write_judgements(session, [_judgement(one) for one in judged], at=at)
        results = [row for one in judged if one.unusual for row in _results(one, at)]
        baselines.replace_results(session, [one.execution_id for one in judged], results)
        report_findings(session, [_finding(one) for one in judged if one.unusual], at=at)
    return judged


class _Held:
    """A rule with the history of one hour, from which each run that is part of it is taken out before it is judged."""

    def __init__(self, history: History) -> None:
        self.history, self.rule = history, history.rule
        self._sums = Sums(history.executions, Fraction(history.total), Fraction(history.squares))
        self._known: dict[Decimal | None, Baseline] = {}

    def judge(self, execution: Waiting, at: datetime) -> Verdict | None:
        value = execution.values[self.rule.metric_field]
        if value is None or execution.ended_at < at - timedelta(days=self.rule.lookback_days):
            return None
        is_part = not execution.flags.get(self.rule.metric_field.value)
        return judge_value(self.rule, Fraction(value), self._baseline(value if is_part else None))

    def _baseline(self, without: Decimal | None) -> Baseline:
        if without not in self._known:
            self._known[without] = self._make_baseline(without)
        return self._known[without]

    def _make_baseline(self, without: Decimal | None) -> Baseline:
        if self.rule.method is Method.ZSCORE:
            return (self._sums if without is None else self._sums.without(Fraction(without))).baseline
        return _robust_baseline(self._sorted, None if without is None else float(without))

    @cached_property
    def _sorted(self) -> Any:
        import numpy

        return numpy.sort(numpy.array(self.history.values, dtype=float))


def _robust_baseline(values: Any, without: float | None) -> Baseline:
    """Median and median absolute deviation of sorted values, less one of them."""
    # Here, because most processes that know this module judge nothing.
    import numpy
    from scipy.stats import median_abs_deviation  # type: ignore[import-untyped]

    if without is not None:
        values = numpy.delete(values, numpy.searchsorted(values, without))
    if not len(values):
        return Baseline(0, Fraction(), Fraction())
    deviation = MAD_SCALE * Fraction(float(median_abs_deviation(values)))
    return Baseline(len(values), Fraction(float(numpy.median(values))), deviation**2)


def _judged(execution: Waiting, rules: Sequence[_Held], at: datetime) -> Judged:
    verdicts = {held.history.rule_id: held.judge(execution, at) for held in rules}
    said = {rule_id: verdict for rule_id, verdict in verdicts.items() if verdict is not None}
    return Judged(execution.id, execution.pipeline_id, execution.pipeline, execution.ended_at, said)


def _judgement(judged: Judged) -> dict[str, Any]:
    flags = {verdict.rule.metric_field.value: True for verdict in judged.unusual}
    bands = {
        verdict.rule.metric_field.value: [verdict.low, float(verdict.baseline.center), verdict.high]
        for verdict in judged.verdicts.values()
    }
    return {"id": judged.execution_id, "flags": flags or None, "bands": bands or None}


def _results(judged: Judged, at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "pipeline_id": judged.pipeline_id,
            "rule_id": rule_id,
            "execution_id": judged.execution_id,
            "passed": not verdict.unusual,
            "details": describe_verdict(verdict),
            "checked_at": at,
        }
        for rule_id, verdict in judged.verdicts.items()
    ]


def describe_verdict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON, as it is kept. `z_score` is null where the history has no deviation."""
    return {
        "metric": verdict.rule.metric_field.value,
        "value": verdict.value,
        "z_score": verdict.score,
        "mean": float(verdict.baseline.center),
        "deviation": verdict.baseline.deviation,
        "z_threshold": verdict.rule.z_threshold,
        "low": verdict.low,
        "high": verdict.high,
        "method": verdict.rule.method.value,
        "executions": verdict.baseline.executions,
    }


def _finding(judged: Judged) -> Finding:
    lines = [
        f"{verdict.rule.metric_field.value}: {verdict.value:g} (usual: {verdict.low:g} to {verdict.high:g})"
        for verdict in judged.unusual
    ]
    return Finding(
        kind=IncidentKind.ANOMALY,
        subject=anomaly_subject(judged.pipeline_id),
        level=Level.WARNING,
        title=f"{judged.pipeline}: unusual numbers",
        message="\n".join(lines),
        details={
            "execution_id": judged.execution_id,
            "anomalies": [describe_verdict(verdict) for verdict in judged.unusual],
        },
        pipeline_id=judged.pipeline_id,
    )
