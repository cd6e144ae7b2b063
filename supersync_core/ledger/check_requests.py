"""Read and write requests for checks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.check_tables import CheckRequest
from supersync_core.ledger.tables import Execution


def insert_request(session: Session, **values: Any) -> int:
    """Write a request; its id."""
    return session.scalars(insert(CheckRequest).values(values).returning(CheckRequest.id)).one()


def lock_requests(session: Session, kind: CheckKind, *, limit: int) -> Sequence[CheckRequest]:
    """Requests that wait, the oldest first, locked; what somebody else is at is left out."""
    waiting = select(CheckRequest).where(CheckRequest.done_at.is_(None), CheckRequest.kind == kind)
    return session.scalars(waiting.order_by(CheckRequest.id).limit(limit).with_for_update(skip_locked=True)).all()


def complete_requests(session: Session, ids: Sequence[int], *, at: datetime) -> None:
    """Note that the checks were made."""
    session.execute(update(CheckRequest).where(CheckRequest.id.in_(ids)).values(done_at=at))


def count_waiting(session: Session) -> Mapping[CheckKind, int]:
    """How many checks wait, by kind; executions that wait for a judgement are those of kind `anomaly`."""
    requests = select(CheckRequest.kind, func.count()).where(CheckRequest.done_at.is_(None)).group_by(CheckRequest.kind)
    counts = {kind: count for kind, count in session.execute(requests)}
    unjudged = (Execution.judged_at.is_(None), Execution.state == ExecutionState.SUCCEEDED)
    executions = session.scalar(select(func.count()).select_from(Execution).where(*unjudged)) or 0
    return counts | {CheckKind.ANOMALY: counts.get(CheckKind.ANOMALY, 0) + executions}
