"""Clean up what is old: executions of every pipeline, and what was found about them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from supersync_core.ledger.cleanup import (
    delete_executions,
    delete_old_freshness,
    delete_old_requests,
    lock_old_executions,
)
from supersync_core.ledger.database import Ledger

MIN_RETENTION_DAYS = 90
"""Nothing younger is ever cleaned up (Watcher: `retention_days`, minimum 90)."""


@dataclass(frozen=True)
class CleanedUp:
    """How many rows are gone. `parent_links`, `child_links`: links between executions, by the side that is gone."""

    executions: int
    timeliness: int
    anomaly: int
    freshness: int
    parent_links: int
    child_links: int


def clean_up(ledger: Ledger, *, retention_days: int, batch_size: int, at: datetime) -> CleanedUp:
    """Delete executions that began before midnight UTC that many days ago, `batch_size` in a transaction.

    The time of their start decides, not their number: so one that was reported late takes no younger one with it.
    """
    midnight = at.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    before = midnight - timedelta(days=retention_days)
    counts = Counter[str]()
    while True:
        with ledger.begin() as session:
            ids = lock_old_executions(session, before=before, limit=batch_size)
            if not ids:
                break
            counts += delete_executions(session, ids)
    while True:
        with ledger.begin() as session:
            gone = delete_old_freshness(session, before=before, limit=batch_size)
            counts["freshness"] += gone
            if gone < batch_size:
                delete_old_requests(session, before=before)
                break
    names = ("executions", "timeliness", "anomaly", "freshness", "parent_links", "child_links")
    return CleanedUp(**{name: counts[name] for name in names})
