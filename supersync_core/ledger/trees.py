"""Read what was reported of executions: one with all below it, or pages of many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, select
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.pages import ALL, Page, paged
from supersync_core.ledger.tables import Execution

_NAMES = (
    *("id", "parent_id", "pipeline_id", "managed", "state", "queued_at", "started_at", "ended_at"),
    *("rows_extracted", "rows_inserted", "rows_updated", "rows_deleted", "watermark_before", "watermark_after"),
)
# Plain rows: a tree may have ten thousand, and objects that could be written back cost many times as much.
# JSON is passed on as text: nobody here looks into it.
_JSON = {"extra_text": Execution.extra, "flags_text": Execution.anomaly_flags}
_COLUMNS = [
    *(Execution.__table__.c[name] for name in _NAMES),
    *(cast(column, Text).label(name) for name, column in _JSON.items()),
]

ReportedExecution = Row[Any]
"""The columns of an execution that are reported, by their names in the ledger, in this order: `id`, `parent_id`,
`pipeline_id`, `managed`, `state`, `queued_at`, `started_at`, `ended_at`, `rows_extracted`, `rows_inserted`,
`rows_updated`, `rows_deleted`, `watermark_before`, `watermark_after`; then `extra` and `anomaly_flags` as JSON."""


def select_tree(session: Session, execution_id: int) -> Sequence[ReportedExecution]:
    """An execution and all that it is an ancestor of, each after its parent; [] where there is none. One query.

    They come by id, save where a parent was made known after its child.
    """
    tree = select(Execution.id).where(Execution.id == execution_id).cte("tree", recursive=True)
    # UNION, not UNION ALL: each is there once, and it ends in any case.
    tree = tree.union(select(Execution.id).join(tree, Execution.parent_id == tree.c.id))
    found = session.execute(select(*_COLUMNS).join(tree, tree.c.id == Execution.id).order_by(Execution.id)).all()
    late = any(row.parent_id is not None and row.parent_id > row.id for row in found if row.id != execution_id)
    return _parents_first(found, execution_id) if late else found


def _parents_first(rows: Sequence[ReportedExecution], root_id: int) -> Sequence[ReportedExecution]:
    children: dict[int, list[ReportedExecution]] = {}
    for row in rows:
        if row.id != root_id:
            children.setdefault(row.parent_id, []).append(row)
    ordered = [row for row in rows if row.id == root_id]
    for row in ordered:  # it grows meanwhile
        ordered.extend(children.get(row.id, ()))
    return ordered


@dataclass(frozen=True)
class Filter:
    """Which executions; None and () mean any. `since` and `until` bound the start, both inclusive.

    `parent_id` 0: those without a parent.
    """

    pipeline_id: int | None = None
    parent_id: int | None = None
    states: tuple[ExecutionState, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on executions."""
        found: list[ColumnElement[bool]] = []
        if self.pipeline_id is not None:
            found.append(Execution.pipeline_id == self.pipeline_id)
        if self.parent_id is not None:
            found.append(Execution.parent_id == self.parent_id if self.parent_id else Execution.parent_id.is_(None))
        if self.states:
            found.append(Execution.state.in_(self.states))
        if self.since is not None:
            found.append(Execution.queued_at >= self.since)
        if self.until is not None:
            found.append(Execution.queued_at <= self.until)
        return found


def select_reported(session: Session, wanted: Filter, page: Page = ALL) -> Sequence[ReportedExecution]:
    """Executions. The time of their queueing is the start of those that others run."""
    return session.execute(paged(select(*_COLUMNS).where(*wanted.conditions()), Execution, page)).all()
