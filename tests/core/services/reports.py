"""What tests of reported pipelines share."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from supersync_core.ledger.database import Ledger
from supersync_core.services.reported_executions import Ending, report_end, report_start
from supersync_core.services.reported_pipelines import report_pipeline

T = TypeVar("T")

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


def reported(session: Session, name: str = "orders", **given: Any) -> int:
    """A pipeline that others run; its id."""
    return report_pipeline(session, name, "extraction", given, at=NOON).id


def ended(session: Session, pipeline_id: int, *, start: datetime = NOON, seconds: float = 60, **ending: Any) -> int:
    """An execution that ended with success, if nothing else is said; its id."""
    execution = report_start(session, pipeline_id, started_at=start)
    end = {"succeeded": True, "ended_at": start + timedelta(seconds=seconds)} | ending
    report_end(session, execution, Ending(**end), at=end["ended_at"])
    return execution


def at_once(ledger: Ledger, callers: int, call: Callable[[Session], T]) -> list[T]:
    """What each of many callers got, each in a transaction of its own that begins when all are there."""
    together = Barrier(callers)

    def one(_: int) -> T:
        with ledger.begin() as session:
            together.wait(30)
            return call(session)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(one, range(callers)))
