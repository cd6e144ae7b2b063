"""How pipelines stand to their checks, as Dagster shows it: the checks of each, what was found last, what is over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.pipeline import fold_name
from supersync_core.ledger.standings import select_expectations, select_judged, select_news, select_results_of
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.pipeline_types import PipelineType

__all__ = ["Standing", "check_name", "declared_checks", "existing", "ids_of", "new_findings", "stand"]


@dataclass(frozen=True)
class Standing:
    """Whether a pipeline passes one of its checks. `result_id` of what was found; 0: nothing was.

    `run_id`, `ended_at`: of an execution that was judged, its run in Dagster if it had one.
    """

    pipeline_id: int
    pipeline: str
    check: str
    passed: bool
    details: Mapping[str, Any] = field(default_factory=dict)
    execution_id: int | None = None
    result_id: int = 0
    run_id: str | None = None
    ended_at: datetime | None = None


def check_name(kind: CheckKind, metric: str | None = None) -> str:
    """The name of a check, such as `freshness` or `anomaly_total_rows`."""
    return f"{kind.value}_{metric}" if metric else kind.value


def declared_checks(pipeline: Pipeline, type_: PipelineType | None) -> dict[str, str]:
    """The checks that a pipeline is held to, by name, and what each expects in words.

    What a pipeline does not expect for itself its type expects of it (Watcher).
    """
    found: dict[str, str] = {}
    for kind, words in ((CheckKind.FRESHNESS, "Its data changes within"), (CheckKind.TIMELINESS, "A run ends within")):
        for owner in (pipeline, type_):
            number, part = (getattr(owner, f"{kind.value}_{what}", None) for what in ("number", "datepart"))
            if number is not None and part is not None:
                found.setdefault(check_name(kind), f"{words} {number} {part.value}{'s' if number > 1 else ''}.")
    for rule in pipeline.rules:
        if rule.kind is CheckKind.ANOMALY and rule.active:
            found[check_name(rule.kind, rule.metric)] = f"A run's {rule.metric} is as usual at its hour of the day."
    return found


def ids_of(session: Session, names: Collection[str]) -> dict[str, int]:
    """The ids of pipelines by their folded names, of those that there are."""
    found = select(Pipeline.name_key, Pipeline.id).where(Pipeline.name_key.in_([fold_name(name) for name in names]))
    return {key: id_ for key, id_ in session.execute(found)}


def existing(session: Session, pipeline_ids: Collection[int]) -> set[int]:
    """Those of the pipelines that there are."""
    return set(session.scalars(select(Pipeline.id).where(Pipeline.id.in_(pipeline_ids))))


def new_findings(session: Session, *, after: int, limit: int) -> Sequence[Standing]:
    """What was found last of each check of which something was found since the result `after`, by result."""
    return [_standing(row) for row in select_news(session, after=after, limit=limit)]


def stand(session: Session, pipeline_ids: Collection[int], *, at: datetime) -> Mapping[tuple[int, str], Standing]:
    """How pipelines stand now, by their id and the name of the check. One that has never said anything has no entry."""
    found: dict[tuple[int, str], Standing] = {}
    for row in select_expectations(session, pipeline_ids, at=at):
        one = _standing(row)
        over = Standing(one.pipeline_id, one.pipeline, one.check, passed=True)
        found[one.pipeline_id, one.check] = over if row.is_over else one
    judged = select_judged(session, pipeline_ids)
    for row in judged:
        for metric, (low, mean, high) in (row.bands or {}).items():
            check, passed = check_name(CheckKind.ANOMALY, metric), not (row.flags or {}).get(metric)
            details = {"metric": metric, "low": low, "mean": mean, "high": high}
            run = {"run_id": row.dagster_run_id, "ended_at": row.ended_at}
            one = Standing(row.pipeline_id, row.name, check, passed, details, row.execution_id, **run)
            found[one.pipeline_id, one.check] = one
    results = select_results_of(session, [row.execution_id for row in judged])
    # A result says more than the bounds do; what was taken back has none.
    said = {(one.pipeline_id, one.check): one for one in map(_standing, results)}
    return found | {key: one for key, one in said.items() if key in found and one.passed is found[key].passed}


def _standing(row: Row[Any]) -> Standing:
    check = check_name(row.kind, row.metric)
    run = {"run_id": row.dagster_run_id, "ended_at": row.ended_at} if row.kind is CheckKind.ANOMALY else {}
    return Standing(row.pipeline_id, row.name, check, row.passed, row.details, row.execution_id, row.id, **run)
