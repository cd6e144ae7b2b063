"""Add to the audit and read it. Nothing here changes a row, and the database would refuse it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.ledger.perimeter_tables import AuditEntry
from supersync_core.ledger.prepared import Prepared


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


# An array for each column: values row by row take the ORM three times as long, and this is written with every request.
_INSERT = Prepared(
    "supersync_audit",
    """
    INSERT INTO supersync.audit (at, actor, role, via, action, target, result, remote, request_id)
    SELECT * FROM unnest(
      CAST(:at AS timestamptz[]), CAST(:actor AS text[]), CAST(:role AS text[]), CAST(:via AS text[]),
      CAST(:action AS text[]), CAST(:target AS text[]), CAST(:result AS int[]), CAST(:remote AS text[]),
      CAST(:request_id AS text[])
    )
""",
)


def insert_entries(session: Session, entries: Sequence[Mapping[str, Any]]) -> None:
    """Add entries, in their order, in one statement."""
    _INSERT.execute(session, {name: [entry[name] for entry in entries] for name in entries[0]})


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
