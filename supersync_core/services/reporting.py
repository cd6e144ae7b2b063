"""What pipelines have done in the last days: by day and pipeline, today included."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.ledger.reporting import Line, Report, Sums, select_report
from supersync_core.ledger.tables import PipelineType

__all__ = ["Line", "MAX_DAYS", "Report", "ReportFilter", "Sums", "report_days", "type_names"]

MAX_DAYS = 30


@dataclass(frozen=True)
class ReportFilter:
    """`days`: 1 to `MAX_DAYS`, in UTC; 1 is today. `contains`: part of a pipeline's name or title, whatever its case.

    `type_name`: of the pipelines' type. The empty text means any.
    """

    days: int = 7
    contains: str = ""
    type_name: str = ""


def report_days(
    session: Session, wanted: ReportFilter, *, at: datetime, limit: int | None = None, offset: int = 0
) -> Report:
    """The report on the days that end with that of `at`, or a page of it. A day without an execution is there, too."""
    today = at.astimezone(timezone.utc).date()
    days = [today - timedelta(days=ago) for ago in range(wanted.days)][::-1]
    since = datetime.combine(days[0], datetime.min.time(), timezone.utc)
    found = select_report(
        session, since, contains=wanted.contains, type_name=wanted.type_name, limit=limit, offset=offset
    )
    return Report(found.lines, found.total, {day: found.days.get(day, NOTHING) for day in days}, found.sums)


NOTHING = Sums(executions=0, failed=0, inserts=0, updates=0, deletes=0, rows=0, seconds=None, throughput=None)


def type_names(session: Session) -> list[str]:
    """The names of all types of pipelines, in order."""
    return list(session.scalars(select(PipelineType.name).order_by(PipelineType.name_key)))
