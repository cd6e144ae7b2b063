"""Read and write checkpoints."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.ledger.tables import Checkpoint


def find_checkpoint(session: Session, pipeline_id: int, *, part: str = "") -> Checkpoint | None:
    """Where that part of the pipeline stands; None before its first success."""
    return session.get(Checkpoint, (pipeline_id, part))


def select_checkpoints(session: Session, pipeline_id: int) -> Sequence[Checkpoint]:
    """Where every part of the pipeline stands."""
    mine = select(Checkpoint).where(Checkpoint.pipeline_id == pipeline_id)
    return session.scalars(mine.order_by(Checkpoint.part)).all()


def store_checkpoint(
    session: Session,
    pipeline_id: int,
    position: Mapping[str, Any],
    *,
    part: str = "",
    execution_id: int | None = None,
    at: datetime,
) -> None:
    """Replace what is stored for that part of the pipeline."""
    values = {"position": dict(position), "execution_id": execution_id, "updated_at": at}
    new = insert(Checkpoint).values(pipeline_id=pipeline_id, part=part, **values)
    session.execute(new.on_conflict_do_update(index_elements=[Checkpoint.pipeline_id, Checkpoint.part], set_=values))
