"""Records that failed in an earlier job, as a source of calls: they are tried again."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta

import orjson

from supersync_core.connectors.call_records import BadRecord, CallParser
from supersync_core.connectors.calls import CallPage
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.domain.historical_sync import Call, FailedRecord, Span, Window
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.historical_jobs import count_failed, select_failed
from supersync_core.ledger.historical_tables import FailedCall

PAGE = 1000


class FailedCalls:
    """One window: whatever the job has left."""

    def __init__(self, ledger: Ledger, job_id: uuid.UUID, parser: CallParser) -> None:
        """Nothing is read yet."""
        self._ledger, self._job_id, self._parser = ledger, job_id, parser
        self._interrupt = Interrupt()

    def windows(self, span: Span, size: timedelta) -> Sequence[Window]:
        """One."""
        return [Window("failed", span)]

    def count(self, span: Span) -> int | None:
        """How many there are."""
        with self._ledger.begin() as session:
            return count_failed(session, self._job_id)

    def read(self, window: Window, position: str | None) -> Iterator[CallPage]:
        """In the order in which they failed."""
        after = int(position or 0)
        while True:
            self._interrupt.raise_if_set()
            with self._ledger.begin() as session:
                rows = select_failed(session, self._job_id, after=after, limit=PAGE)
            if not rows:
                return
            after = rows[-1].id
            calls, failed = list[Call](), list[FailedRecord]()
            for row in rows:
                try:
                    calls.append(self._parse(row))
                except BadRecord as error:
                    failed.append(FailedRecord(f"{row.window}:{row.ref}", row.record, str(error)))
            yield CallPage(calls, failed, str(after))

    def cancel(self) -> None:
        """End at the next page."""
        self._interrupt.set()

    def close(self) -> None:
        """Nothing is open."""

    def _parse(self, row: FailedCall) -> Call:
        try:
            record = orjson.loads(row.record)
        except ValueError:
            raise BadRecord(row.error) from None
        if not isinstance(record, dict):
            raise BadRecord(row.error)
        return self._parser.parse(record)
