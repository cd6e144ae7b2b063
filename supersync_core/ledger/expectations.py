"""Find what is stale or late, and what is over: each in one statement, whatever the number of pipelines."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    SQLColumnExpression,
    and_,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, insert
from sqlalchemy.orm import Session, aliased

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.incident import IncidentKind, IncidentState
from supersync_core.ledger.api_tables import begun_at
from supersync_core.ledger.base import AS_ONE
from supersync_core.ledger.check_tables import CheckResult, Incident
from supersync_core.ledger.expected import Check, changed_at, expected, until
from supersync_core.ledger.tables import Execution, Pipeline, PipelineType
from supersync_core.ledger.unnested import unnested_json

_IS_LATE = and_(CheckResult.kind == CheckKind.TIMELINESS, CheckResult.execution_id == Execution.id)
_WAS_RUNNING = and_(
    CheckResult.kind == CheckKind.TIMELINESS, CheckResult.details["state"].astext == ExecutionState.RUNNING.value
)


def select_stale(session: Session, *, at: datetime) -> Sequence[Row[Any]]:
    """Pipelines whose newest change is too old, for the first time: pipeline_id, name, data_at, what is expected.

    Without those that are muted or retired, and those that have never changed any row.
    """
    known = exists().where(
        CheckResult.pipeline_id == Pipeline.id,
        CheckResult.kind == CheckKind.FRESHNESS,
        CheckResult.data_at == changed_at,
    )
    due = until(changed_at, "freshness")
    stale = _pipelines("freshness", changed_at.label("data_at"), due.label("due_at")).where(due < at, ~known)
    return session.execute(stale.order_by(Pipeline.id)).all()


def select_late(session: Session, *, lookback: timedelta | None, recent: timedelta, at: datetime) -> Sequence[Row[Any]]:
    """Executions that took or take too long, of which no result is kept: what is expected, and what is so.

    Those that started within `lookback`; None: those that run, and those that ended within `recent`. A failure is
    never late. Without those of pipelines that are muted or retired.
    """
    if lookback is not None:
        # By the expression, for its index; it is the start of whatever has started.
        return session.execute(_late(at).where(begun_at >= at - lookback).order_by(Execution.id)).all()
    runs = Execution.state == ExecutionState.RUNNING
    # Two queries, so that each has its index.
    late = _late(at).where(runs).union_all(_late(at).where(Execution.ended_at >= at - recent))
    return sorted(session.execute(late).all(), key=lambda row: int(row.execution_id))


def insert_results(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[tuple[int, int | None]]:
    """Keep results, all of one kind, of what nobody else has kept meanwhile; their pipelines and executions."""
    if not rows:
        return set()
    new = insert(CheckResult).on_conflict_do_nothing().returning(CheckResult.pipeline_id, CheckResult.execution_id)
    return {(row[0], row[1]) for row in session.execute(new, rows, execution_options=AS_ONE)}


def lock_ended_late(session: Session) -> Sequence[Row[Any]]:
    """Results about executions that ran when they were found late and have ended since, locked."""
    columns = (CheckResult.id, CheckResult.details, Execution.state, Execution.started_at, Execution.ended_at)
    ended = select(*columns).join(Execution, _IS_LATE).where(_WAS_RUNNING, Execution.ended_at.is_not(None))
    return session.execute(ended.with_for_update(of=CheckResult, skip_locked=True)).all()


def update_details(session: Session, details: Mapping[int, Mapping[str, Any]]) -> None:
    """Replace the details of results, by their ids."""
    rows = [{"id": id_, "details": dict(values)} for id_, values in details.items()]
    new = unnested_json(rows, "new", id=BIGINT, details=JSONB)
    changed = update(CheckResult).where(CheckResult.id == new.c.id).values(details=new.c.details)
    session.execute(changed, execution_options={"synchronize_session": False})


def select_fresh_again(session: Session, *, at: datetime) -> Sequence[str]:
    """Subjects of freshness incidents that are over: the data has changed, or nothing is expected of it any more."""
    stale = until(changed_at, "freshness") < at
    return _over(session, IncidentKind.FRESHNESS, func.coalesce(not_(stale), true()))


def select_in_time_again(session: Session) -> Sequence[str]:
    """Subjects of timeliness incidents that are over: a run that started after the late ones has succeeded in time.

    Or nothing is expected of the pipeline any more. Not while a late one runs.
    """
    late = (
        select(Execution.started_at)
        .join(CheckResult, _IS_LATE)
        .where(CheckResult.pipeline_id == Incident.pipeline_id, CheckResult.checked_at >= Incident.opened_at)
    )
    newest = late.with_only_columns(func.max(Execution.started_at)).correlate(Incident).scalar_subquery()
    later = aliased(Execution)
    in_time = (
        select(later.id)
        .where(
            later.pipeline_id == Incident.pipeline_id,
            later.started_at > func.coalesce(newest, Incident.opened_at),
            later.state == ExecutionState.SUCCEEDED,
            ~exists().where(CheckResult.kind == CheckKind.TIMELINESS, CheckResult.execution_id == later.id),
        )
        .correlate(Incident)
        .exists()
    )
    runs = late.where(Execution.state == ExecutionState.RUNNING).correlate(Incident).exists()
    return _over(session, IncidentKind.TIMELINESS, or_(expected("timeliness").number.is_(None), and_(in_time, ~runs)))


def _pipelines(check: Check, *columns: SQLColumnExpression[Any]) -> Select[Any]:
    """Pipelines of which something is expected, their type's mute and their own left out."""
    number, datepart, inherited = expected(check)
    rule = (number.label("number"), datepart.label("datepart"), inherited.label("inherited"))
    muted = func.coalesce(getattr(PipelineType, f"mute_{check}"), literal(False))
    return (
        select(Pipeline.id.label("pipeline_id"), Pipeline.name, *rule, *columns)
        .outerjoin(PipelineType, PipelineType.id == Pipeline.type_id)
        .where(Pipeline.retired_at.is_(None), ~getattr(Pipeline, f"mute_{check}"), ~muted)
    )


def _late(at: datetime) -> Select[Any]:
    due = until(Execution.started_at, "timeliness")
    run = (Execution.id.label("execution_id"), Execution.state, Execution.started_at, Execution.ended_at)
    too_long = func.coalesce(Execution.ended_at, literal(at, Execution.ended_at.type)) > due
    return (
        _pipelines("timeliness", *run, due.label("due_at"))
        .join(Execution, Execution.pipeline_id == Pipeline.id)
        .where(too_long, Execution.state != ExecutionState.FAILED, ~exists().where(_IS_LATE))
    )


def _over(session: Session, kind: IncidentKind, condition: ColumnElement[bool]) -> Sequence[str]:
    over = (
        select(Incident.subject)
        .join(Pipeline, Pipeline.id == Incident.pipeline_id)
        .outerjoin(PipelineType, PipelineType.id == Pipeline.type_id)
        .where(Incident.kind == kind, Incident.state != IncidentState.RESOLVED)
        .where(or_(Pipeline.retired_at.is_not(None), condition))
    )
    return session.scalars(over).all()
