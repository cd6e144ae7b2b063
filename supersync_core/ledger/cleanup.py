"""Delete what is old: a batch is one transaction, so that nobody waits for long."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, literal, not_, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.ledger.api_tables import begun_at
from supersync_core.ledger.check_tables import CheckRequest, CheckResult
from supersync_core.ledger.executions import FINAL_STATES
from supersync_core.ledger.tables import Execution

_BLIND = {"synchronize_session": False}


def lock_old_executions(session: Session, *, before: datetime, limit: int) -> Sequence[int]:
    """Executions that began before a time, the oldest first, without ours that still run and what others have locked.

    One of others that never ended is old as well: whoever ran it has forgotten it.
    """
    over = or_(not_(Execution.managed), Execution.state.in_(FINAL_STATES))
    old = select(Execution.id).where(begun_at < before, over).order_by(begun_at).limit(limit)
    return session.scalars(old.with_for_update(skip_locked=True)).all()


def delete_executions(session: Session, ids: Sequence[int]) -> Counter[str]:
    """Delete executions with what was found about them; a child that stays has no parent any more.

    Counts: `executions`, `timeliness` and `anomaly` results; `parent_links` of deleted parents, and `child_links` of
    deleted children whose parent stays.
    """
    these = literal(list(ids), ARRAY(BIGINT))
    gone, orphaned = Execution.id == func.any(these), Execution.parent_id == func.any(these)
    counts = Counter[str]()
    results = delete(CheckResult).where(CheckResult.execution_id == func.any(these)).returning(CheckResult.kind)
    counts.update(kind.value for kind in session.scalars(results))
    counts["parent_links"] = session.scalar(select(func.count()).select_from(Execution).where(orphaned)) or 0
    stay = and_(gone, Execution.parent_id.is_not(None), not_(orphaned))
    counts["child_links"] = session.scalar(select(func.count()).select_from(Execution).where(stay)) or 0
    # Thousands of rows, which nobody has loaded: the ORM must not look for each among its objects.
    session.execute(update(Execution).where(orphaned, not_(gone)).values(parent_id=None), execution_options=_BLIND)
    deleted: Any = session.execute(delete(Execution).where(gone), execution_options=_BLIND)
    counts["executions"] = deleted.rowcount
    return counts


def delete_old_freshness(session: Session, *, before: datetime, limit: int) -> int:
    """Delete results about data that was last changed before a time; how many."""
    old = select(CheckResult.id).where(CheckResult.kind == CheckKind.FRESHNESS, CheckResult.data_at < before)
    gone = delete(CheckResult).where(CheckResult.id.in_(old.limit(limit))).returning(CheckResult.id)
    return len(session.execute(gone).all())


def delete_old_requests(session: Session, *, before: datetime) -> None:
    """Delete requests for checks that were made before a time."""
    session.execute(delete(CheckRequest).where(CheckRequest.done_at < before))
