"""Read pages of history, and delete what is old."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.api_tables import begun_at, is_a_run
from supersync_core.ledger.executions import LIVE_STATES
from supersync_core.ledger.tables import Execution, Pipeline


@dataclass(frozen=True)
class Wanted:
    """Which runs; None and () mean any.

    `since` and `until` bound the time at which it started, or was queued where it never started; both inclusive.
    """

    kind: PipelineKind
    pipeline_id: int | None = None
    states: tuple[ExecutionState, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """As conditions on executions and their pipelines."""
        yield Pipeline.kind == self.kind
        yield is_a_run
        if self.pipeline_id is not None:
            yield Execution.pipeline_id == self.pipeline_id
        if self.states:
            yield Execution.state.in_(self.states)
        if self.since is not None:
            yield begun_at >= self.since
        if self.until is not None:
            yield begun_at <= self.until


class Place(NamedTuple):
    """Where an execution stands in history."""

    queued_at: datetime
    id: int


@dataclass(frozen=True)
class Named:
    """An execution with the name of its pipeline, and its title or again the name."""

    execution: Execution
    pipeline: str
    title: str


def select_page(session: Session, wanted: Wanted, *, limit: int, offset: int, after: Place | None) -> Sequence[Named]:
    """Runs with their pipelines' names and titles, the newest first.

    `after`: those older than a place.
    """
    page = _named().where(*wanted.conditions())
    if after is not None:
        page = page.where(tuple_(Execution.queued_at, Execution.id) < tuple_(after.queued_at, after.id))
    newest = page.order_by(Execution.queued_at.desc(), Execution.id.desc())
    return [Named(*row) for row in session.execute(newest.limit(limit).offset(offset))]


def count(session: Session, wanted: Wanted) -> int:
    """How many runs there are."""
    query = select(func.count()).select_from(Execution).join(Pipeline, Pipeline.id == Execution.pipeline_id)
    return session.scalar(query.where(*wanted.conditions())) or 0


def count_newer(session: Session, wanted: Wanted, execution_id: int) -> int:
    """How many runs stand before that one on the pages; 0 where it is none of them."""
    it = aliased(Execution)
    is_newer = tuple_(Execution.queued_at, Execution.id) > tuple_(it.queued_at, it.id)
    newer = select(func.count()).select_from(Execution).join(Pipeline, Pipeline.id == Execution.pipeline_id)
    newer = newer.join(it, and_(it.id == execution_id, it.pipeline_id == wanted.pipeline_id, is_newer))
    return session.scalar(newer.where(*wanted.conditions())) or 0


def find_entry(session: Session, kind: PipelineKind, execution_id: int) -> Named | None:
    """An execution of a pipeline of that kind, with the pipeline's name and title."""
    row = session.execute(_named().where(Execution.id == execution_id, Pipeline.kind == kind)).one_or_none()
    return Named(*row) if row is not None else None


def delete_ended(session: Session, kind: PipelineKind, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` executions that ended before a time, and their children with them; how many of them.

    Those that somebody else has locked are left for later.
    """
    child = aliased(Execution)
    has_live_child = select(child.id).where(child.parent_id == Execution.id, child.state.in_(LIVE_STATES)).exists()
    old = (
        select(Execution.id)
        .join(Pipeline, Pipeline.id == Execution.pipeline_id)
        .where(Pipeline.kind == kind, Execution.parent_id.is_(None), Execution.ended_at < before, ~has_live_child)
        .order_by(Execution.id)
        .limit(limit)
        .with_for_update(of=Execution, skip_locked=True)
    )
    deleted = session.execute(delete(Execution).where(Execution.id.in_(old)).returning(Execution.id))
    return len(deleted.all())


def _named() -> Select[Execution, str, str]:
    title = func.coalesce(Pipeline.title, Pipeline.name)
    return select(Execution, Pipeline.name, title).join(Pipeline, Pipeline.id == Execution.pipeline_id)
