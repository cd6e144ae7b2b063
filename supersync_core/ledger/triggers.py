"""Queue executions of many pipelines at once."""

from datetime import datetime

from sqlalchemy import literal, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.ledger.tables import LIVE, Execution, Pipeline


def insert_for_all_resting(
    session: Session, kind: PipelineKind, *, trigger: Trigger, at: datetime
) -> list[tuple[str, int]]:
    """Queue an execution of each pipeline of a kind that has no live one, in one statement.

    The names of their pipelines, in their order, each with the id of its execution. Left out are pipelines that are
    stopped or retired.
    """
    pipelines = (
        select(
            Pipeline.id,
            literal(ExecutionState.QUEUED, Execution.state.type),
            literal(trigger, Execution.trigger.type),
            literal(at, Execution.queued_at.type),
        )
        .where(Pipeline.kind == kind, Pipeline.retired_at.is_(None), Pipeline.desired_state != DesiredState.STOPPED)
        .order_by(Pipeline.id)  # two that do this at once must meet the same rows in the same order
    )
    columns = [Execution.pipeline_id, Execution.state, Execution.trigger, Execution.queued_at]
    # Defaults are the database's: one of Python's, such as the public id, would be made once for all rows.
    new = insert(Execution).from_select(columns, pipelines, include_defaults=False)
    live_root = text(f"managed AND parent_id IS NULL AND {LIVE}")
    new = new.on_conflict_do_nothing(index_elements=[Execution.pipeline_id], index_where=live_root)
    queued = new.returning(Execution.id, Execution.pipeline_id).cte("queued")
    named = select(Pipeline.name, queued.c.id).join(queued, queued.c.pipeline_id == Pipeline.id)
    return [(name, execution_id) for name, execution_id in session.execute(named.order_by(Pipeline.name_key))]
