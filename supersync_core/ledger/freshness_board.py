"""Read what is expected of every pipeline and how it stands, in one query."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.check_tables import CheckResult
from supersync_core.ledger.expected import changed_at, expected, until
from supersync_core.ledger.tables import Execution, Pipeline, PipelineType


def select_freshness(session: Session, *, late_since: datetime, pipeline_id: int | None = None) -> Sequence[Row[Any]]:
    """A row for each pipeline that is not retired, by name; or for one.

    `freshness_*` and `timeliness_*`: what is expected, and whether that is the type's. `changed_at`: the newest change
    of its rows; `stale_from`: when that is too old. `late`: executions found late since a time, with the newest of
    them. `running_since`: the start of the oldest that runs; `overdue_from`: when that has taken too long.
    """
    late = _late(late_since)
    running = _running()
    rows = (
        select(
            *(Pipeline.id, Pipeline.name, func.coalesce(Pipeline.title, Pipeline.name).label("title"), Pipeline.kind),
            PipelineType.name.label("type_name"),
            *_expectations(),
            changed_at.label("changed_at"),
            until(changed_at, "freshness").label("stale_from"),
            func.coalesce(late.c.late, 0).label("late"),
            *(late.c.late_at, late.c.late_execution_id, running.c.running_since),
            until(running.c.running_since, "timeliness").label("overdue_from"),
        )
        .outerjoin(PipelineType, PipelineType.id == Pipeline.type_id)
        .outerjoin(late, late.c.pipeline_id == Pipeline.id)
        .outerjoin(running, running.c.pipeline_id == Pipeline.id)
        .where(Pipeline.retired_at.is_(None))
        .order_by(Pipeline.name_key)
    )
    return session.execute(rows if pipeline_id is None else rows.where(Pipeline.id == pipeline_id)).all()


def _expectations() -> list[ColumnElement[Any]]:
    freshness, timeliness = expected("freshness"), expected("timeliness")
    columns = {f"freshness_{name}": column for name, column in freshness._asdict().items()}
    columns |= {f"timeliness_{name}": column for name, column in timeliness._asdict().items()}
    columns |= {"mute_freshness": Pipeline.mute_freshness, "mute_timeliness": Pipeline.mute_timeliness}
    columns["type_mute_freshness"] = func.coalesce(PipelineType.mute_freshness, False)
    columns["type_mute_timeliness"] = func.coalesce(PipelineType.mute_timeliness, False)
    return [column.label(name) for name, column in columns.items()]


def _late(since: datetime) -> Any:
    newest_first = aggregate_order_by(CheckResult.execution_id, CheckResult.checked_at.desc(), CheckResult.id.desc())
    late = select(
        CheckResult.pipeline_id,
        func.count().label("late"),
        func.max(CheckResult.checked_at).label("late_at"),
        func.array_agg(newest_first)[1].label("late_execution_id"),
    )
    kind = CheckResult.kind == CheckKind.TIMELINESS
    found = late.where(kind, ~CheckResult.passed, CheckResult.checked_at >= since)
    return found.group_by(CheckResult.pipeline_id).subquery("late_ones")


def _running() -> Any:
    since = select(Execution.pipeline_id, func.min(Execution.started_at).label("running_since"))
    return since.where(Execution.state == ExecutionState.RUNNING).group_by(Execution.pipeline_id).subquery("running")
