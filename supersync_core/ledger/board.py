"""Read how every pipeline stands, in one query."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, func, select, true
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.historical_sync import ANY_AGENCY
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.api_tables import Total, is_a_run
from supersync_core.ledger.executions import LIVE_STATES
from supersync_core.ledger.expected import changed_at, expected, until
from supersync_core.ledger.tables import Execution, Pipeline, PipelineType, Schedule


def select_standings(session: Session) -> Sequence[Row[Any]]:
    """A row per pipeline that is not retired and may run, by name.

    Columns of the pipeline under their own names; of its schedule, of its newest closed and of its live execution with
    the prefixes `schedule_`, `last_` and `live_`, all None where there is none; `succeeded_at`; and how fresh its data
    is expected to be, with its newest change `changed_at`, and `stale_from` when that is too old.
    """
    return session.execute(_QUERY).all()


_COMMON = ("id", "public_id", "state", "trigger", "queued_at", "started_at", "dagster_run_id")
_LAST = (
    *_COMMON,
    "ended_at",
    "rows_extracted",
    "rows_inserted",
    "rows_updated",
    "rows_unchanged",
    "rows_deleted",
    "anomaly_flags",
)
_LIVE = (*_COMMON, "stage", "progress_rows", "progress_bytes", "cancel_requested")
_PIPELINE = ("id", "name", "title", "kind", "desired_state", "group_name")
_SCHEDULE = ("cron", "every_s", "timezone", "enabled", "next_due_at")


_is_template = and_(
    Pipeline.kind == PipelineKind.HISTORICAL_SYNC, func.coalesce(Pipeline.spec["agency"].astext, "") == ANY_AGENCY
)


def _query() -> Select[Any]:
    pipeline, schedule, execution = Pipeline.__table__.c, Schedule.__table__.c, Execution.__table__.c
    mine = and_(execution.pipeline_id == pipeline.id, is_a_run)
    closed = select(
        *(execution[name] for name in _LAST),
        execution.error["message"].astext.label("error"),
        execution.error["retryable"].as_boolean().label("retryable"),
    )
    closed = closed.where(mine, execution.ended_at.is_not(None)).order_by(execution.ended_at.desc())
    running = select(*(execution[name] for name in _LIVE)).where(mine, execution.state.in_(LIVE_STATES))
    last = closed.limit(1).lateral("last")
    live = running.order_by(execution.id.desc()).limit(1).lateral("live")
    succeeded_at = (
        select(func.max(Total.last_ended_at))
        .where(Total.pipeline_id == pipeline.id, Total.state == ExecutionState.SUCCEEDED)
        .scalar_subquery()
    )
    freshness = expected("freshness")
    return (
        select(
            *(pipeline[name] for name in _PIPELINE),
            *(schedule[name].label(f"schedule_{name}") for name in _SCHEDULE),
            *(column.label(f"last_{column.name}") for column in last.c),
            *(column.label(f"live_{column.name}") for column in live.c),
            succeeded_at.label("succeeded_at"),
            freshness.number.label("freshness_number"),
            freshness.datepart.label("freshness_datepart"),
            func.coalesce(Pipeline.mute_freshness | PipelineType.mute_freshness, Pipeline.mute_freshness).label(
                "muted"
            ),
            changed_at.label("changed_at"),
            until(changed_at, "freshness").label("stale_from"),
        )
        .select_from(Pipeline)
        .outerjoin(PipelineType, PipelineType.id == Pipeline.type_id)
        .outerjoin(Schedule, Schedule.pipeline_id == pipeline.id)
        .outerjoin(last, true())
        .outerjoin(live, true())
        .where(pipeline.retired_at.is_(None), ~_is_template)
        .order_by(pipeline.name_key)
    )


_QUERY = _query()
