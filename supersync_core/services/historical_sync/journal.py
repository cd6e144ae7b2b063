"""What an import leaves in the ledger while it goes on."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from supersync_core.clock import utcnow
from supersync_core.domain.historical_sync import CallCounts, FailedRecord
from supersync_core.ledger import historical_jobs as rows
from supersync_core.ledger.database import Ledger
from supersync_core.services.executions import renew_lease


@dataclass(frozen=True)
class LedgerCallJournal:
    """The journal of a job that the owner of an execution does."""

    ledger: Ledger
    job_id: uuid.UUID
    execution_id: int
    owner: str

    def total(self, count: int | None) -> None:
        """See `CallJournal`."""
        with self.ledger.begin() as session:
            rows.note_total(session, self.job_id, count)

    def keep(self, window: str, failed: Sequence[FailedRecord]) -> None:
        """See `CallJournal`."""
        if failed:
            with self.ledger.begin() as session:
                rows.insert_failed(session, self.job_id, window, failed, at=utcnow())

    def permit(self) -> None:
        """See `CallJournal`."""
        with self.ledger.begin() as session:
            renew_lease(session, self.execution_id, owner=self.owner)

    def tell(self, counts: CallCounts) -> None:
        """See `CallJournal`."""
        with self.ledger.begin() as session:
            rows.note_counts(session, self.job_id, counts, at=utcnow())
