"""Read and write answers that are kept for callers who ask again with the same key."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.ledger.api_tables import KeptAnswer


def delete_answers(session: Session, *, before: datetime) -> None:
    """Forget answers from before a time; those that somebody else is forgetting are left to them."""
    old = select(KeptAnswer.caller, KeptAnswer.key).where(KeptAnswer.created_at < before)
    free = old.with_for_update(skip_locked=True)
    session.execute(delete(KeptAnswer).where(tuple_(KeptAnswer.caller, KeptAnswer.key).in_(free)))


def claim_key(session: Session, caller: str, key: str, request: bytes, *, at: datetime) -> KeptAnswer | None:
    """None: the key is new, and ours until this transaction ends. Else what is kept under it.

    Waits while another transaction holds the same key.
    """
    new = insert(KeptAnswer).values(caller=caller, key=key, request=request, created_at=at)
    mine = new.on_conflict_do_nothing(index_elements=[KeptAnswer.caller, KeptAnswer.key]).returning(KeptAnswer.key)
    if session.scalar(mine) is not None:
        return None
    return session.scalars(select(KeptAnswer).where(KeptAnswer.caller == caller, KeptAnswer.key == key)).one()


def keep_answer(session: Session, caller: str, key: str, answer: dict[str, Any]) -> None:
    """Keep the answer under a key that is ours."""
    session.execute(update(KeptAnswer).where(KeptAnswer.caller == caller, KeptAnswer.key == key).values(answer=answer))
