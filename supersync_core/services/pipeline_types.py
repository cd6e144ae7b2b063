"""Types of pipelines: made at first use, with expectations for those that have none of their own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import fold_name
from supersync_core.errors import NotFound
from supersync_core.ledger.pages import ALL, Page, paged
from supersync_core.ledger.pipeline_types import put_pipeline_type
from supersync_core.ledger.tables import PipelineType
from supersync_core.services.named import MAX_ID, amend, delete_unused, lock_type

__all__ = [
    "PipelineType",
    "amend_pipeline_type",
    "delete_pipeline_type",
    "list_pipeline_types",
    "put_pipeline_type",
    "read_pipeline_type",
]


def read_pipeline_type(session: Session, type_id: int) -> PipelineType:
    """The type. Raises NotFound."""
    found = session.get(PipelineType, type_id) if 0 < type_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"there is no pipeline type {type_id}")
    return found


def list_pipeline_types(session: Session, *, contains: str | None = None, page: Page = ALL) -> Sequence[PipelineType]:
    """Types; all of them, or a page. `contains`: part of the name, whatever its case."""
    query = select(PipelineType)
    if contains:
        query = query.where(PipelineType.name_key.contains(fold_name(contains), autoescape=True))
    return session.scalars(paged(query, PipelineType, page)).all()


def amend_pipeline_type(
    session: Session, changes: Mapping[str, Any], *, type_id: int | None = None, name: str = "", at: datetime
) -> PipelineType:
    """Change columns of a type, found by its id or else by its name; None clears one.

    Raises NotFound, and Conflict for a name that is taken.
    """
    found = lock_type(session, PipelineType, "pipeline type", id=type_id, name=name)
    return amend(session, found, changes, at=at)


def delete_pipeline_type(session: Session, type_id: int) -> str:
    """Delete a type that no pipeline has; its name. Raises NotFound, and Conflict for one that a pipeline has."""
    return delete_unused(session, read_pipeline_type(session, type_id), "pipelines")
