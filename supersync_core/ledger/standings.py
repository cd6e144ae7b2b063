"""Read how pipelines stand to their checks: what was found last, and what has happened since."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.check_tables import CheckResult, CheckRule
from supersync_core.ledger.expected import changed_at, expected, until
from supersync_core.ledger.tables import Execution, Pipeline, PipelineType

COLUMNS = (
    *(CheckResult.id, CheckResult.pipeline_id, Pipeline.name, CheckResult.kind, CheckRule.metric),
    *(CheckResult.passed, CheckResult.details, CheckResult.execution_id),
    *(Execution.dagster_run_id, Execution.ended_at),
)
"""Of a result, of its pipeline, its rule and its execution."""


def select_news(session: Session, *, after: int, limit: int) -> Sequence[Row[Any]]:
    """The newest result of each check of which there is one after that id, by id: `COLUMNS`."""
    newest = (
        select(func.max(CheckResult.id).label("id"))
        .outerjoin(CheckRule, CheckRule.id == CheckResult.rule_id)
        .where(CheckResult.id > after)
        .group_by(CheckResult.pipeline_id, CheckResult.kind, CheckRule.metric)
        .subquery()
    )
    found = (
        select(*COLUMNS)
        .join(newest, newest.c.id == CheckResult.id)
        .join(Pipeline, Pipeline.id == CheckResult.pipeline_id)
        .outerjoin(CheckRule, CheckRule.id == CheckResult.rule_id)
        .outerjoin(Execution, Execution.id == CheckResult.execution_id)
    )
    return session.execute(found.order_by(CheckResult.id).limit(limit)).all()


def select_judged(session: Session, pipeline_ids: Collection[int]) -> Sequence[Row[Any]]:
    """The newest success of each pipeline that was judged: pipeline_id, name, execution_id, flags, bands, its run."""
    run = (Execution.dagster_run_id, Execution.ended_at)
    newest = (
        select(Execution.id, Execution.anomaly_flags, Execution.bands, *run)
        .where(
            Execution.pipeline_id == Pipeline.id,
            Execution.state == ExecutionState.SUCCEEDED,
            Execution.judged_at.is_not(None),
        )
        .order_by(Execution.ended_at.desc())
        .limit(1)
        .lateral()
    )
    ids = (Pipeline.id.label("pipeline_id"), newest.c.id.label("execution_id"))
    said = (newest.c.anomaly_flags.label("flags"), newest.c.bands, newest.c.dagster_run_id, newest.c.ended_at)
    found = select(*ids, Pipeline.name, *said).join(newest, true()).where(Pipeline.id.in_(pipeline_ids))
    return session.execute(found).all()


def select_results_of(session: Session, execution_ids: Collection[int]) -> Sequence[Row[Any]]:
    """What the anomaly rules found of these executions: `COLUMNS`."""
    found = (
        select(*COLUMNS)
        .join(Pipeline, Pipeline.id == CheckResult.pipeline_id)
        .join(CheckRule, CheckRule.id == CheckResult.rule_id)
        .join(Execution, Execution.id == CheckResult.execution_id)
        .where(CheckResult.execution_id.in_(execution_ids), CheckResult.kind == CheckKind.ANOMALY)
    )
    return session.execute(found).all()


def select_expectations(session: Session, pipeline_ids: Collection[int], *, at: datetime) -> Sequence[Row[Any]]:
    """The newest result of each pipeline about its freshness and timeliness: `COLUMNS`, and whether it is over.

    Stale data is over once it has changed, a late execution once a later one has succeeded in time; and both when
    nothing is expected any more.
    """
    newest = (
        select(func.max(CheckResult.id).label("id"))
        .where(
            CheckResult.pipeline_id.in_(pipeline_ids),
            CheckResult.kind.in_([CheckKind.FRESHNESS, CheckKind.TIMELINESS]),
        )
        .group_by(CheckResult.pipeline_id, CheckResult.kind)
        .subquery()
    )
    later, again = aliased(Execution), aliased(CheckResult)
    in_time = exists().where(
        later.pipeline_id == Execution.pipeline_id,
        later.started_at > Execution.started_at,
        later.state == ExecutionState.SUCCEEDED,
        ~exists().where(again.execution_id == later.id, again.kind == CheckKind.TIMELINESS),
    )
    is_over = case(
        (CheckResult.kind == CheckKind.FRESHNESS, func.coalesce(until(changed_at, "freshness") >= at, true())),
        else_=or_(expected("timeliness").number.is_(None), in_time),
    )
    found = (
        select(*COLUMNS, is_over.label("is_over"))
        .join(newest, newest.c.id == CheckResult.id)
        .join(Pipeline, Pipeline.id == CheckResult.pipeline_id)
        .outerjoin(PipelineType, PipelineType.id == Pipeline.type_id)
        .outerjoin(CheckRule, CheckRule.id == CheckResult.rule_id)
        .outerjoin(Execution, Execution.id == CheckResult.execution_id)
    )
    return session.execute(found).all()
