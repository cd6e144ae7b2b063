"""A stream in windows: what a CDC run did in each few minutes is an execution below its own (DESIGN: five minutes).

So counts, throughput, anomaly rules and lateness work for a stream as for a batch.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.engines.cdc.tally import Tally
from supersync_core.ledger.checks import has_anomaly_rule
from supersync_core.ledger.pipelines import note_success
from supersync_core.ledger.tables import Execution
from supersync_core.ledger.totals import add_to_totals

WINDOW = timedelta(minutes=5)


@dataclass
class Windows:
    """The windows of one run. `since`: the begin of the one that is open."""

    pipeline_id: int
    execution_id: int
    since: datetime
    done: Tally

    def close(self, session: Session, tally: Tally, *, at: datetime) -> Execution | None:
        """Close the open window and begin the next one; None for one in which nothing came.

        It is written as it ended: one that its run did not live to close is no window, and its events come again.
        """
        begin, before = self.since, self.done
        self.since, self.done = at, replace(tally)
        if tally.events == before.events or at <= begin:
            return None
        window = Execution(
            pipeline_id=self.pipeline_id,
            parent_id=self.execution_id,
            managed=True,
            state=ExecutionState.SUCCEEDED,
            queued_at=begin,
            started_at=begin,
            ended_at=at,
            rows_extracted=tally.events - before.events,
            rows_inserted=tally.created - before.created,
            rows_updated=tally.updated - before.updated,
            rows_deleted=tally.deleted - before.deleted,
            bytes=tally.bytes - before.bytes,
            judged_at=None if has_anomaly_rule(session, self.pipeline_id) else at,
        )
        session.add(window)
        session.flush()
        note_success(session, window)
        add_to_totals(session, window)
        return window
