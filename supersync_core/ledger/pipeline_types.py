"""Read and write the types of pipelines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import fold_name
from supersync_core.ledger.tables import PipelineType


def put_pipeline_type(
    session: Session, name: str, settings: Mapping[str, Any] | None = None, *, at: datetime
) -> tuple[int, bool]:
    """The id of the type of that name, and whether it is new. One that is there keeps its settings."""
    key = fold_name(name)
    known = select(PipelineType.id).where(PipelineType.name_key == key)
    found = session.scalar(known)
    if found is not None:
        return found, False
    new = insert(PipelineType).values(name=name, name_key=key, created_at=at, updated_at=at, **(settings or {}))
    made = session.scalar(new.on_conflict_do_nothing(index_elements=[PipelineType.name_key]).returning(PipelineType.id))
    return (made, True) if made is not None else (session.scalars(known).one(), False)
