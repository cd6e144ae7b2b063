"""Read and write dead letters."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from supersync_core.ledger.cdc_tables import DeadLetterRow


def insert_dead_letters(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add some."""
    session.execute(insert(DeadLetterRow), [dict(row) for row in rows])


def select_resting(session: Session, pipeline_id: int, sink_id: str, event_ids: Sequence[str]) -> frozenset[str]:
    """Which of these events are dead letters of a sink that nobody wants to be delivered again."""
    mine = select(DeadLetterRow.event_id).where(
        DeadLetterRow.pipeline_id == pipeline_id,
        DeadLetterRow.sink_id == sink_id,
        DeadLetterRow.event_id.in_(event_ids),
        DeadLetterRow.replay_at.is_(None),
    )
    return frozenset(session.scalars(mine))


def count_dead_letters(session: Session, pipeline_id: int, *, up_to_seq: int | None = None, sink_id: str = "") -> int:
    """How many a pipeline has, in all or up to a number."""
    mine = select(func.count()).select_from(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id)
    if up_to_seq is not None:
        mine = mine.where(DeadLetterRow.seq <= up_to_seq)
    if sink_id:
        mine = mine.where(DeadLetterRow.sink_id == sink_id)
    return session.scalar(mine) or 0


def mark_for_replay(
    session: Session, pipeline_id: int, *, up_to_seq: int, sink_ids: Sequence[str], at: datetime
) -> int:
    """Let those up to a number be delivered again, as far as they are whole; how many."""
    mine = update(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id, DeadLetterRow.seq <= up_to_seq)
    whole = mine.where(DeadLetterRow.sink_id.in_(sink_ids), ~DeadLetterRow.payload_truncated)
    marked = whole.values(replay_at=func.coalesce(DeadLetterRow.replay_at, at)).returning(DeadLetterRow.seq)
    return len(session.execute(marked).all())


def select_for_replay(
    session: Session, pipeline_id: int, *, sink_ids: Sequence[str], limit: int
) -> Sequence[DeadLetterRow]:
    """Those that are to be delivered again, the oldest first."""
    waiting = select(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id)
    mine = waiting.where(DeadLetterRow.replay_at.is_not(None), DeadLetterRow.sink_id.in_(sink_ids))
    return session.scalars(mine.order_by(DeadLetterRow.seq).limit(limit)).all()


def delete_these_dead_letters(session: Session, pipeline_id: int, seqs: Sequence[int]) -> None:
    """Delete a pipeline's with these numbers."""
    session.execute(delete(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id, DeadLetterRow.seq.in_(seqs)))


def count_all_dead_letters(session: Session) -> dict[int, int]:
    """How many each pipeline has, of those that have any."""
    counts = select(DeadLetterRow.pipeline_id, func.count()).group_by(DeadLetterRow.pipeline_id)
    return {pipeline_id: count for pipeline_id, count in session.execute(counts)}


def select_dead_letters(  # noqa: PLR0913  # as many filters as the document has
    session: Session,
    pipeline_id: int,
    *,
    limit: int,
    after_seq: int = 0,
    sink_id: str = "",
    error_kinds: Sequence[str] = (),
) -> Sequence[DeadLetterRow]:
    """A page, the oldest first."""
    page = select(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id, DeadLetterRow.seq > after_seq)
    if sink_id:
        page = page.where(DeadLetterRow.sink_id == sink_id)
    if error_kinds:
        page = page.where(DeadLetterRow.error_kind.in_(error_kinds))
    return session.scalars(page.order_by(DeadLetterRow.seq).limit(limit)).all()


def delete_dead_letters(session: Session, pipeline_id: int, *, up_to_seq: int | None = None) -> int:
    """Delete a pipeline's, all or those up to a number; how many."""
    gone = delete(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id)
    if up_to_seq is not None:
        gone = gone.where(DeadLetterRow.seq <= up_to_seq)
    return len(session.execute(gone.returning(DeadLetterRow.seq)).all())


def delete_oldest_dead_letters(session: Session, pipeline_id: int, *, keep: int) -> int:
    """Delete a pipeline's oldest ones, so that so many stay; how many."""
    newest = select(DeadLetterRow.seq).where(DeadLetterRow.pipeline_id == pipeline_id)
    kept = newest.order_by(DeadLetterRow.seq.desc()).limit(keep)
    gone = delete(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id, DeadLetterRow.seq.not_in(kept))
    return len(session.execute(gone.returning(DeadLetterRow.seq)).all())


def delete_expired_dead_letters(session: Session, pipeline_id: int, *, before: datetime) -> int:
    """Delete a pipeline's that were put aside before a time; how many."""
    gone = delete(DeadLetterRow).where(DeadLetterRow.pipeline_id == pipeline_id, DeadLetterRow.created_at < before)
    return len(session.execute(gone.returning(DeadLetterRow.seq)).all())
