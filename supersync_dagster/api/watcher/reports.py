"""What is reported of executions, written for many requests together: they share a transaction, and its commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from sqlalchemy.orm import Session

from supersync_core.clock import Clock
from supersync_core.errors import Unavailable
from supersync_core.ledger.database import Ledger
from supersync_core.services.audit import Caller, Deed, record_all
from supersync_core.services.batches import Batches
from supersync_core.services.reported_executions import Ending, Noted, Starting, report_ends, report_starts


@dataclass(frozen=True)
class Report:
    """An execution that begins, or one that has ended; and who says so."""

    caller: Caller
    what: Starting | tuple[int, Ending]


class Reports:
    """Writes reports, each with its entry in the audit; those that come at about the same time in one commit."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Nothing is written yet, and no thread is started."""
        self._ledger, self._clock = ledger, clock
        self._batches: Batches[Report, Noted] = Batches(self._write, "reports")

    async def note(self, report: Report) -> int:
        """Write a report; the execution's id, once it is committed.

        Raises NotFound, OutOfOrder, and Conflict for what supersync itself runs; and RetryErrors.
        """
        return (await self._batches.submit(report)).execution_id

    def _write(self, reports: Sequence[Report]) -> Sequence[Noted | Exception]:
        try:
            with self._ledger.begin() as session:
                return self._write_in(session, reports)
        except Unavailable:
            raise
        except Exception as error:
            # Nothing of them is written, and it may be the fault of one.
            return [error] if len(reports) == 1 else [self._write([report])[0] for report in reports]

    def _write_in(self, session: Session, reports: Sequence[Report]) -> Sequence[Noted | Exception]:
        at = self._clock()
        starts = [report.what for report in reports if isinstance(report.what, Starting)]
        ends = [report.what for report in reports if not isinstance(report.what, Starting)]
        started = iter(report_starts(session, starts) if starts else [])
        ended = iter(report_ends(session, ends, at=at) if ends else [])
        noted = [next(started if isinstance(report.what, Starting) else ended) for report in reports]
        deeds = [_deed(report, one) for report, one in zip(reports, noted, strict=True) if isinstance(one, Noted)]
        if deeds:
            record_all(session, deeds, at=at)
        return noted


def _deed(report: Report, noted: Noted) -> Deed:
    starts = isinstance(report.what, Starting)
    action, result = ("start", HTTPStatus.CREATED) if starts else ("end", HTTPStatus.NO_CONTENT)
    return Deed(report.caller, f"execution.{action}", f"execution {noted.execution_id} of {noted.pipeline}", result)
