"""Read who belongs to executions: the parent that began each, and the children that it began."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.tables import Execution, Pipeline


@dataclass(frozen=True)
class Relative:
    """An execution with its pipeline; `title`: or again the name. `retired`: the pipeline has no page any more."""

    id: int
    parent_id: int | None
    pipeline: str
    title: str
    retired: bool
    state: ExecutionState
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """From start to end; None while either is unknown."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at and self.ended_at else None


@dataclass(frozen=True)
class Children:
    """The first of an execution's children, by id, and how many there are."""

    first: Sequence[Relative]
    total: int


def select_relatives(session: Session, execution_ids: Collection[int]) -> dict[int, Relative]:
    """The executions with those ids, by id."""
    found = session.execute(select(*_COLUMNS).join(Pipeline).where(Execution.id.in_(execution_ids)))
    return {row.id: Relative(*row) for row in found}


def select_children(session: Session, parent_ids: Collection[int], *, limit: int) -> dict[int, Children]:
    """The first `limit` children of each of the executions that has some."""
    same = Execution.parent_id
    placed = (
        select(
            *_COLUMNS,
            func.count().over(partition_by=same).label("total"),
            func.row_number().over(partition_by=same, order_by=Execution.id).label("place"),
        )
        .join(Pipeline)
        .where(same.in_(parent_ids))
        .subquery()
    )
    found: dict[int, tuple[list[Relative], int]] = {}
    for *values, total, _ in session.execute(select(placed).where(placed.c.place <= limit).order_by(placed.c.id)):
        child = Relative(*values)
        found.setdefault(child.parent_id or 0, ([], total))[0].append(child)
    return {parent: Children(first, total) for parent, (first, total) in found.items()}


_COLUMNS = (
    *(Execution.id, Execution.parent_id, Pipeline.name, func.coalesce(Pipeline.title, Pipeline.name).label("title")),
    Pipeline.retired_at.is_not(None).label("retired"),
    *(Execution.state, Execution.started_at, Execution.ended_at),
)
