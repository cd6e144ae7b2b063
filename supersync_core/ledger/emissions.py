"""Read executions of ours of which a receiver of OpenLineage events is to be told, and note that it was."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Session, aliased

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.lineage import Place
from supersync_core.ledger.lineage_tables import Address, AddressType, LineageEdge
from supersync_core.ledger.tables import Execution, Pipeline


class OwnRun(NamedTuple):
    """An execution of ours, with its pipeline and what it is a part of."""

    execution: Execution
    pipeline: Pipeline
    parent: Execution | None
    parent_pipeline: Pipeline | None


def select_unemitted(session: Session, *, since: datetime, limit: int) -> Sequence[OwnRun]:
    """Executions that ended at `since` or later and of whose end nobody was told, in the order of their ends."""
    waiting = and_(Execution.managed, Execution.emitted_at.is_(None), Execution.ended_at >= since)
    found = _own_runs().where(waiting).order_by(Execution.ended_at, Execution.id).limit(limit)
    return [OwnRun._make(row) for row in session.execute(found)]


def select_running(session: Session, *, but: Collection[int]) -> Sequence[OwnRun]:
    """Executions that run, in the order of their starts, but not those of these ids."""
    running = and_(Execution.managed, Execution.state == ExecutionState.RUNNING, Execution.id != func.all(_array(but)))
    found = _own_runs().where(running).order_by(Execution.started_at, Execution.id)
    return [OwnRun._make(row) for row in session.execute(found)]


def still_unemitted(session: Session, ids: Collection[int]) -> set[int]:
    """Those of the executions that are there, and of whose end nobody was told."""
    waiting = and_(Execution.id == func.any(_array(ids)), Execution.emitted_at.is_(None))
    return set(session.scalars(select(Execution.id).where(waiting)))


def note_emitted(session: Session, ids: Collection[int], *, at: datetime) -> None:
    """Note that a receiver was told of the ends of these executions."""
    session.execute(update(Execution).where(Execution.id == func.any(_array(ids))).values(emitted_at=at))


def select_seen_places(session: Session, pipeline_id: int) -> tuple[list[Place], list[Place]]:
    """From where and to where runs of ours have moved data of the pipeline."""
    sides = []
    for side in (LineageEdge.source_id, LineageEdge.target_id):
        ids = select(side).where(LineageEdge.pipeline_id == pipeline_id, LineageEdge.reported.is_(False))
        places = select(Address.name, AddressType.name, AddressType.group_name).join(
            AddressType, AddressType.id == Address.type_id
        )
        found = session.execute(places.where(Address.id.in_(ids)).order_by(Address.name_key))
        sides.append([Place(*row) for row in found])
    return sides[0], sides[1]


def _own_runs() -> Select[Any, Any, Any, Any]:
    parent, parent_pipeline = aliased(Execution), aliased(Pipeline)
    return (
        select(Execution, Pipeline, parent, parent_pipeline)
        .join(Pipeline, Pipeline.id == Execution.pipeline_id)
        .outerjoin(parent, parent.id == Execution.parent_id)
        .outerjoin(parent_pipeline, parent_pipeline.id == parent.pipeline_id)
    )


def _array(ids: Collection[int]) -> ColumnElement[Sequence[int]]:
    return literal(sorted(ids), ARRAY(BIGINT))
