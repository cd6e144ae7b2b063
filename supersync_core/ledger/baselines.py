"""What waits for a judgement, the history that it is held to, and what came out."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    case,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, JSONB
from sqlalchemy.orm import Session

from supersync_core.domain.check import AnomalyRule, CheckKind, Method, Metric
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.base import AS_ONE
from supersync_core.ledger.check_tables import CheckResult, CheckRule
from supersync_core.ledger.execution_metrics import METRICS
from supersync_core.ledger.tables import START_HOUR, Execution, Pipeline
from supersync_core.ledger.unnested import unnested_json

_HOUR: ColumnElement[int] = literal_column(START_HOUR, Integer)


class Waiting(NamedTuple):
    """A success that no check has looked at. `hour`: of its start, in UTC; `flags`: by metric, of an earlier look."""

    id: int
    pipeline_id: int
    pipeline: str
    hour: int
    ended_at: datetime
    flags: Mapping[str, bool]
    values: Mapping[Metric, Decimal | None]


class History(NamedTuple):
    """What a rule compares with: the successes of a pipeline that started in one hour of the day.

    Exact sums over those that the rule's lookback holds, that were not flagged for its metric and reported it.
    `values` themselves only where the rule's method needs them.
    """

    rule_id: int
    rule: AnomalyRule
    executions: int
    total: Decimal
    squares: Decimal
    values: Sequence[Decimal]


def lock_unjudged(session: Session, *, limit: int) -> Sequence[Waiting]:
    """Successes that no check has looked at, the oldest first, locked; what somebody else judges is left out."""
    waiting = (
        select(Execution.id, Execution.pipeline_id, Pipeline.name, _HOUR, Execution.ended_at, Execution.anomaly_flags)
        .add_columns(*METRICS.values())
        .join(Pipeline, Pipeline.id == Execution.pipeline_id)
        .where(Execution.judged_at.is_(None), Execution.state == ExecutionState.SUCCEEDED)
        .order_by(Execution.ended_at)
        .limit(limit)
        .with_for_update(of=Execution, skip_locked=True)
    )
    return [
        Waiting(id_, pipeline_id, name, int(hour), ended_at, flags or {}, dict(zip(METRICS, values, strict=True)))
        for id_, pipeline_id, name, hour, ended_at, flags, *values in session.execute(waiting)
    ]


def select_histories(
    session: Session, groups: Collection[tuple[int, int]], *, at: datetime
) -> Mapping[tuple[int, int], Sequence[History]]:
    """The histories for the active rules of pipelines, by pipeline and hour of the day; `groups` are such pairs.

    One statement. Rules of one lookback share one pass over their history, whatever the number of runs held to it.
    """
    wanted = _unnested(groups)
    rules = _rules(wanted.c.pipeline_id)
    # In hours: a day may have 23 of them in the zone of the connection.
    since = literal(at, Execution.ended_at.type) - func.make_interval(0, 0, 0, 0, rules.c.lookback * 24)
    numbers = (
        select(*(_unflagged(metric).label(metric.value) for metric in Metric))
        .where(Execution.pipeline_id == wanted.c.pipeline_id, wanted.c.hour == _HOUR)
        .where(Execution.state == ExecutionState.SUCCEEDED, Execution.ended_at >= since)
        .offset(0)  # keeps PostgreSQL from computing each number anew for each of the sums
        .correlate(wanted, rules)
        .lateral("numbers")
    )
    sums = (
        select(*(total for metric in Metric for total in _sums(numbers.c[metric.value], metric, rules.c.robust)))
        .select_from(numbers)
        .lateral("sums")
    )
    found = (
        select(wanted.c.pipeline_id, wanted.c.hour, rules.c.rules, sums)
        .select_from(wanted)
        .join(rules, true())
        .join(sums, true())
    )
    histories: dict[tuple[int, int], list[History]] = {}
    for pipeline_id, hour, of_one_lookback, *values in session.execute(found):
        by_metric = {metric: values[4 * place : 4 * place + 4] for place, metric in enumerate(Metric)}
        for kept in of_one_lookback:
            rule = AnomalyRule.from_settings(kept["metric"], kept["settings"])
            executions, total, squares, each = by_metric[rule.metric_field]
            sums_of_it = (executions, total or Decimal(), squares or Decimal(), each or ())
            histories.setdefault((pipeline_id, hour), []).append(History(kept["id"], rule, *sums_of_it))
    return histories


def write_judgements(session: Session, rows: Sequence[Mapping[str, Any]], *, at: datetime) -> None:
    """Note that executions were judged: `id`, and where there are some `flags` and `bands`."""
    judged = unnested_json(rows, "judged", id=BIGINT, flags=JSONB, bands=JSONB)
    values = {"judged_at": at, "anomaly_flags": judged.c.flags, "bands": judged.c.bands}
    session.execute(update(Execution).where(Execution.id == judged.c.id).values(values), execution_options=_BLIND)


def replace_results(session: Session, execution_ids: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Let the anomaly results of these executions be exactly `rows`."""
    ids = literal(list(execution_ids), ARRAY(BIGINT))
    old = delete(CheckResult).where(CheckResult.execution_id == func.any(ids), CheckResult.kind == CheckKind.ANOMALY)
    session.execute(old, execution_options=_BLIND)
    if rows:
        values = [{**row, "kind": CheckKind.ANOMALY} for row in rows]
        session.execute(insert(CheckResult), values, execution_options=AS_ONE)


_DEFAULT_DAYS = AnomalyRule(Metric.TOTAL_ROWS).lookback_days
# Nothing that the session holds is looked through for what a statement changes.
_BLIND = {"synchronize_session": False}


def _rules(pipeline_id: ColumnElement[int]) -> Any:
    """A pipeline's active rules as JSON by lookback, with the metrics whose values are needed one by one."""
    lookback = func.coalesce(CheckRule.settings["lookback_days"].astext.cast(Integer), _DEFAULT_DAYS)
    kept = func.jsonb_build_object("id", CheckRule.id, "metric", CheckRule.metric, "settings", CheckRule.settings)
    robust = CheckRule.settings["method"].astext == Method.MAD.value
    return (
        select(
            lookback.label("lookback"),
            func.jsonb_agg(kept, type_=JSONB).label("rules"),
            func.array_agg(CheckRule.metric).filter(robust).label("robust"),
        )
        .where(CheckRule.pipeline_id == pipeline_id, CheckRule.kind == CheckKind.ANOMALY, CheckRule.active)
        .group_by(lookback)
        .lateral("rules")
    )


def _unflagged(metric: Metric) -> ColumnElement[Any]:
    """The metric of an execution, null where it was found unusual."""
    is_usual = Execution.anomaly_flags[metric.value].astext.is_distinct_from("true")
    return case((is_usual, METRICS[metric]))


def _sums(value: ColumnElement[Any], metric: Metric, robust: ColumnElement[Any]) -> Iterator[ColumnElement[Any]]:
    yield func.count(value).label(f"{metric.value}_count")
    yield func.sum(value).label(f"{metric.value}_total")
    yield func.sum(value * value).label(f"{metric.value}_squares")
    is_robust = literal(metric.value) == func.any(robust)
    yield func.array_agg(value).filter(is_robust, value.is_not(None)).label(f"{metric.value}_each")


def _unnested(groups: Collection[tuple[int, int]]) -> Any:
    pipelines, hours = zip(*groups, strict=True)
    arrays = (literal(list(pipelines), ARRAY(BIGINT)), literal(list(hours), ARRAY(Integer)))
    pairs = func.unnest(*arrays).table_valued(column("pipeline_id", BIGINT), column("hour", Integer), name="wanted")
    return pairs.render_derived()
