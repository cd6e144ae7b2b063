"""What has run: pages of history, one entry, and the end of old ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import NotFound
from supersync_core.ledger import history as rows
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.history import Named, Place, Wanted
from supersync_core.services.pipelines import get_pipeline

__all__ = ["Named", "Page", "Place", "Wanted", "get_entry", "get_pipeline_id", "list_history", "purge_history"]

PURGE_BATCH = 5_000
"""Executions that one transaction deletes, so that none holds its locks for long."""
MAX_ID = 2**63 - 1


@dataclass(frozen=True)
class Page:
    """Entries, the newest first; how many there are on all pages; and `after`, the place after which the next begin."""

    entries: Sequence[Named]
    total: int
    after: Place | None


def list_history(session: Session, wanted: Wanted, *, limit: int, offset: int = 0, after: Place | None = None) -> Page:
    """A page of runs. `after`: continue there, so that what has begun meanwhile moves nothing."""
    found = rows.select_page(session, wanted, limit=limit + 1, offset=offset, after=after)
    entries = found[:limit]
    last = entries[-1].execution if len(found) > limit else None
    return Page(
        entries=entries,
        total=rows.count(session, wanted),
        after=Place(last.queued_at, last.id) if last else None,
    )


def get_entry(session: Session, kind: PipelineKind, execution_id: int) -> Named:
    """One execution of a pipeline of that kind. Raises NotFound, also for a number that no execution can have."""
    found = rows.find_entry(session, kind, execution_id) if 0 < execution_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"there is no history entry {execution_id}")
    return found


def get_pipeline_id(session: Session, kind: PipelineKind, name: str) -> int:
    """The id of a pipeline of that kind, also of a retired one: its history stays. Raises NotFound."""
    pipeline = get_pipeline(session, name)
    return pipeline.id if pipeline.kind is kind else get_pipeline(session, name, kind=kind).id


def purge_history(ledger: Ledger, kind: PipelineKind, *, older_than_days: int, at: datetime) -> int:
    """Delete executions of a kind that ended so many days before `at`, in batches; how many.

    A live one is never deleted, and neither is one of whose children one lives. Running totals stay.
    """
    deleted = 0
    while True:
        with ledger.begin() as session:
            batch = rows.delete_ended(session, kind, before=at - timedelta(days=older_than_days), limit=PURGE_BATCH)
        deleted += batch
        if batch < PURGE_BATCH:
            return deleted
