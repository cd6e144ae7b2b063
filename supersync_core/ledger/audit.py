"""Add to the audit and read it. Nothing here changes a row, and the database would refuse it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from supersync_core.ledger.perimeter_tables import AuditEntry


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; None means any. `since` and `until` are inclusive; `before`: older than the entry of that id."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    result: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def insert_entries(session: Session, entries: Sequence[Mapping[str, Any]]) -> None:
    """Add entries, in one statement."""
    session.execute(insert(AuditEntry), entries)


def select_entries(session: Session, wanted: AuditFilter, limit: int) -> Sequence[AuditEntry]:
    """Entries, the newest first."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    for name in ("actor", "action", "target", "result"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(AuditEntry, name) == value)
    if wanted.since is not None:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEntry.at <= wanted.until)
    if wanted.before is not None:
        query = query.where(AuditEntry.id < wanted.before)
    return session.scalars(query).all()
