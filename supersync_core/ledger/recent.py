"""Read the newest closed executions of many pipelines at once."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import column, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.api_tables import is_a_run
from supersync_core.ledger.tables import Execution


class PastRun(NamedTuple):
    """A closed run. `rows_written`: inserted and updated."""

    id: int
    state: ExecutionState
    started_at: datetime | None
    ended_at: datetime
    rows_read: int
    rows_written: int

    @property
    def seconds(self) -> float:
        """From start to end; 0 for one that was closed before it began."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at else 0.0


def select_recent(session: Session, pipeline_ids: Collection[int], *, limit: int) -> dict[int, tuple[PastRun, ...]]:
    """The newest `limit` of each pipeline, the oldest first; a pipeline that has none is left out."""
    if not pipeline_ids:
        return {}
    wanted = (
        func.unnest(literal(list(pipeline_ids), ARRAY(BIGINT)))
        .table_valued(column("id", BIGINT), name="wanted")
        .render_derived()
    )
    newest = (
        select(
            Execution.id,
            Execution.state,
            Execution.started_at,
            Execution.ended_at,
            func.coalesce(Execution.rows_extracted, 0).label("rows_read"),
            (func.coalesce(Execution.rows_inserted, 0) + func.coalesce(Execution.rows_updated, 0)).label("written"),
        )
        .where(Execution.pipeline_id == wanted.c.id, is_a_run, Execution.ended_at.is_not(None))
        .order_by(Execution.ended_at.desc())
        .limit(limit)
        .lateral("newest")
    )
    found: dict[int, list[PastRun]] = {}
    for pipeline_id, *values in session.execute(select(wanted.c.id, newest).join(newest, true())):
        found.setdefault(pipeline_id, []).append(PastRun(*values))
    return {
        pipeline_id: tuple(sorted(runs, key=lambda run: (run.ended_at, run.id))) for pipeline_id, runs in found.items()
    }


def find_watermark(session: Session, pipeline_id: int) -> str | None:
    """How far the source was read by the newest success that says it."""
    newest = (
        select(Execution.watermark_after)
        .where(
            Execution.pipeline_id == pipeline_id,
            Execution.parent_id.is_(None),
            Execution.ended_at.is_not(None),
            Execution.watermark_after.is_not(None),
            Execution.state == ExecutionState.SUCCEEDED,
        )
        .order_by(Execution.ended_at.desc())
    )
    return session.scalar(newest.limit(1))
