"""Read what checks have found, and take anomalies back."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, Metric
from supersync_core.ledger.check_tables import CheckResult, CheckRule
from supersync_core.ledger.tables import Pipeline


@dataclass(frozen=True)
class ResultFilter:
    """Which results; None means any. `since`, inclusive: found then or later; `before`: older than that of the id.

    `passed`: of an execution that is unusual by one rule there are results of the others too, which it has passed.
    """

    kind: CheckKind | None = None
    pipeline_id: int | None = None
    execution_id: int | None = None
    passed: bool | None = None
    since: datetime | None = None
    before: int | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """As conditions on results."""
        for name in ("kind", "pipeline_id", "execution_id", "passed"):
            value = getattr(self, name)
            if value is not None:
                yield getattr(CheckResult, name) == value
        if self.since is not None:
            yield CheckResult.checked_at >= self.since
        if self.before is not None:
            yield CheckResult.id < self.before


class Found(NamedTuple):
    """A result and the name of its pipeline. What its kind found is in the result's `details`."""

    result: CheckResult
    pipeline: str


def select_results(session: Session, wanted: ResultFilter, *, limit: int) -> Sequence[Found]:
    """Results, the newest first."""
    page = select(CheckResult, Pipeline.name).join(Pipeline, Pipeline.id == CheckResult.pipeline_id)
    newest = page.where(*wanted.conditions()).order_by(CheckResult.id.desc()).limit(limit)
    return [Found(*row) for row in session.execute(newest)]


def delete_anomaly_results(session: Session, execution_id: int, pipeline_id: int, metrics: Collection[Metric]) -> None:
    """Delete what the rules of a pipeline on these metrics have found of an execution."""
    names = [metric.value for metric in metrics]
    rules = select(CheckRule.id).where(CheckRule.pipeline_id == pipeline_id, CheckRule.metric.in_(names))
    gone = delete(CheckResult).where(CheckResult.execution_id == execution_id, CheckResult.rule_id.in_(rules))
    session.execute(gone, execution_options={"synchronize_session": False})


def has_anomaly_since(session: Session, pipeline_id: int, since: datetime) -> bool:
    """Whether something unusual that was found of the pipeline since a time has not been taken back."""
    found = exists().where(
        CheckResult.pipeline_id == pipeline_id,
        CheckResult.kind == CheckKind.ANOMALY,
        ~CheckResult.passed,
        CheckResult.checked_at >= since,
    )
    return bool(session.scalar(select(found)))
