"""Executions of pipelines that somebody else runs: begun, ended, and read with all that belongs to them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.errors import AbortError, Conflict, NotFound, OutOfOrder
from supersync_core.ledger.pages import ALL, Page
from supersync_core.ledger.reported import Ended, insert_started, update_ended
from supersync_core.ledger.trees import Filter, ReportedExecution, select_reported, select_tree

__all__ = [
    "Ending",
    "Filter",
    "MAX_ID",
    "Noted",
    "ReportedExecution",
    "Starting",
    "list_reported",
    "read_tree",
    "report_end",
    "report_ends",
    "report_start",
    "report_starts",
]

MAX_ID = 2**63 - 1


@dataclass(frozen=True)
class Ending:
    """How an execution ended, as its reporter says. None: not said, so what was said before stays.

    `succeeded` None for one that runs: it ends without a word on success, as cancelled. `extra`: any JSON object.
    """

    ended_at: datetime
    succeeded: bool | None = None
    total_rows: int | None = None
    inserts: int | None = None
    updates: int | None = None
    soft_deletes: int | None = None
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Starting:
    """A pipeline begins to run, as its reporter says. A parent that is not there is no parent."""

    pipeline_id: int
    started_at: datetime
    watermark: str | None = None
    next_watermark: str | None = None
    parent_id: int | None = None


@dataclass(frozen=True)
class Noted:
    """An execution that was begun or ended, and the name of its pipeline."""

    execution_id: int
    pipeline: str


def report_start(session: Session, pipeline_id: int, *, started_at: datetime, **given: Any) -> int:
    """Note that a pipeline runs; the execution's id. Any number of a pipeline may run at once.

    `given`: see `Starting`. Raises NotFound, and Conflict for a pipeline that supersync runs.
    """
    (found,) = report_starts(session, [Starting(pipeline_id, started_at, **given)])
    return _succeeded(found).execution_id


def report_starts(session: Session, starts: Sequence[Starting]) -> list[Noted | AbortError]:
    """The same for many, in one statement; in place of an execution, what would be raised."""
    rows = [
        {
            "public_id": str(uuid4()),
            "pipeline_id": start.pipeline_id,
            "parent_id": start.parent_id if 0 < (start.parent_id or 0) <= MAX_ID else None,
            "started_at": start.started_at,
            "watermark": start.watermark,
            "next_watermark": start.next_watermark,
        }
        for start in starts
    ]
    found: list[Noted | AbortError] = []
    for start, row in zip(starts, insert_started(session, rows), strict=True):
        if row.pipeline is None:
            found.append(NotFound(f"there is no pipeline {start.pipeline_id}"))
        else:
            found.append(Noted(row.id, row.pipeline) if row.id is not None else _ours(row.pipeline))
    return found


def report_end(session: Session, execution_id: int, ending: Ending, *, at: datetime) -> None:
    """Note how an execution ended, or correct what was noted; the same again changes nothing.

    A success moves its pipeline's watermark on, says when rows of it changed last, and ends the time in which it takes
    lineage (Watcher). Raises NotFound, OutOfOrder, and Conflict for an execution of ours.
    """
    (found,) = report_ends(session, [(execution_id, ending)], at=at)
    _succeeded(found)


def report_ends(session: Session, ends: Sequence[tuple[int, Ending]], *, at: datetime) -> list[Noted | AbortError]:
    """The same for many, in one statement where no two are of one execution; in place of one, what would be raised."""
    found: dict[int, Noted | AbortError] = {}
    waiting = list(enumerate(ends))
    while waiting:
        # One statement changes a row once: who ends an execution that is being ended, comes after that.
        first = {execution_id: number for number, (execution_id, _) in reversed(waiting)}
        now = [(number, end) for number, end in waiting if first[end[0]] == number]
        rows = update_ended(session, [_end_values(*end) for _, end in now], at=at)
        for (number, (execution_id, _)), row in zip(now, rows, strict=True):
            found[number] = _noted_end(execution_id, row)
        waiting = [(number, end) for number, end in waiting if first[end[0]] != number]
    return [found[number] for number in range(len(ends))]


def _end_values(execution_id: int, ending: Ending) -> dict[str, Any]:
    states = {True: ExecutionState.SUCCEEDED.value, False: ExecutionState.FAILED.value, None: None}
    return {
        "id": execution_id,
        "ended_at": ending.ended_at,
        "state": states[ending.succeeded],
        "total_rows": ending.total_rows,
        "inserts": ending.inserts,
        "updates": ending.updates,
        "soft_deletes": ending.soft_deletes,
        "extra": json.dumps(ending.extra) if ending.extra is not None else None,
    }


def _noted_end(execution_id: int, ended: Ended) -> Noted | AbortError:
    if ended.pipeline is None:
        return NotFound(f"there is no execution {execution_id}")
    if ended.outcome == "ours":
        return _ours(ended.pipeline)
    if ended.outcome == "out of order":
        return OutOfOrder("an execution ends after its start")
    return Noted(execution_id, ended.pipeline)


def _succeeded(found: Noted | AbortError) -> Noted:
    if isinstance(found, AbortError):
        raise found
    return found


def list_reported(session: Session, wanted: Filter, page: Page = ALL) -> Sequence[ReportedExecution]:
    """Executions, ours too; all of them, or a page."""
    return select_reported(session, wanted, page)


def read_tree(session: Session, execution_id: int) -> Sequence[ReportedExecution]:
    """An execution and everything below it, each after its parent. Raises NotFound."""
    found = select_tree(session, execution_id)
    if not found:
        raise NotFound(f"there is no execution {execution_id}")
    return found


def _ours(pipeline: str) -> Conflict:
    return Conflict(f"{pipeline} is a pipeline that supersync runs: nobody else may start or end it")
