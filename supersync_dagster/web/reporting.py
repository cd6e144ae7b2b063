"""`/supersync/reporting`: what pipelines have done, by day, today included; as a page and as CSV."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from supersync_core.domain.access import Role
from supersync_core.domain.pipeline import dagster_key
from supersync_core.services.reporting import MAX_DAYS, Line, Report, ReportFilter, report_days, type_names
from supersync_dagster.api.auth import require
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.web.asked import PageNumber, Words, pages_of
from supersync_dagster.web.charts import Chart, Series, as_json
from supersync_dagster.web.render import page

PATH = "/supersync/reporting"
PER_PAGE = 50
SPANS = {1: "Today", 2: "2 days", 7: "7 days", 14: "14 days", 30: "30 days"}
VIEWER = [Depends(require(Role.VIEWER))]
COLUMNS = (
    *("day", "pipeline", "type", "executions", "failed", "inserts", "updates", "deletes", "rows"),
    *("average_seconds", "rows_per_second"),
)

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Asked:
    """The filter of the page."""

    q: Words = ""
    type_name: Annotated[Words, Query(alias="type")] = ""
    days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 7

    @property
    def wanted(self) -> ReportFilter:
        """As the service takes it."""
        return ReportFilter(self.days, self.q, self.type_name)

    @property
    def query(self) -> str:
        """As an address says it."""
        given = {"q": self.q, "type": self.type_name, "days": self.days}
        return urlencode({name: value for name, value in given.items() if value})


AskedDep = Annotated[Asked, Depends()]


@router.get(PATH, dependencies=VIEWER)
def read_reporting(
    request: Request, session: SessionDep, clock: ClockDep, asked: AskedDep, number: PageNumber = 1
) -> Response:
    """A page of the report, and charts of all of it."""
    report = report_days(session, asked.wanted, at=clock(), limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    charts = charts_of(report)
    return page(
        request,
        "reporting.html",
        asked=asked,
        report=report,
        types=type_names(session),
        spans=SPANS if asked.days in SPANS else {**SPANS, asked.days: f"{asked.days} days"},
        number=number,
        pages=pages_of(report.total, PER_PAGE),
        charts=charts,
        drawn=as_json(_midnights(report), charts, daily=True),
        key_of=dagster_key,
    )


@router.get(f"{PATH}.csv", dependencies=VIEWER)
def read_csv(session: SessionDep, clock: ClockDep, asked: AskedDep) -> Response:
    """All of it, for a spreadsheet."""
    at = clock()
    report = report_days(session, asked.wanted, at=at)
    name = f"supersync-{at:%Y-%m-%d}-{asked.days}-days.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(as_csv(report.lines), media_type="text/csv; charset=utf-8", headers=headers)


def as_csv(lines: list[Line]) -> str:
    """With a line of names above."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(line) for line in lines)
    return written.getvalue()


def _cells(line: Line) -> Iterator[Any]:
    sums = line.sums
    yield from (line.day.isoformat(), _harmless(line.name), _harmless(line.type_name or ""))
    yield from (sums.executions, sums.failed, sums.inserts, sums.updates, sums.deletes, sums.rows)
    yield from ("" if one is None else round(one, 3) for one in (sums.seconds, sums.throughput))


def _harmless(text: str) -> str:
    """A text that a spreadsheet takes for no formula: https://owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def charts_of(report: Report) -> list[Chart]:
    """One point for each day."""
    sums = list(report.days.values())
    lengths = [None if one.seconds is None else round(one.seconds, 3) for one in sums]
    return [
        Chart(
            "executions",
            "Executions",
            [
                Series("executions", "accent", [one.executions for one in sums]),
                Series("failed", "bad", [one.failed for one in sums]),
            ],
            bars=True,
        ),
        Chart("rows", "Rows", [Series("rows", "accent", [one.rows for one in sums])], bars=True),
        Chart(
            "changes",
            "Rows changed",
            [
                Series("inserts", "good", [one.inserts for one in sums]),
                Series("updates", "accent", [one.updates for one in sums]),
                Series("deletes", "bad", [one.deletes for one in sums]),
            ],
        ),
        Chart("seconds", "Average duration, seconds", [Series("seconds", "accent", lengths)]),
    ]


def _midnights(report: Report) -> list[int]:
    days = (datetime(day.year, day.month, day.day, tzinfo=timezone.utc) for day in report.days)
    return [int(day.timestamp()) for day in days]
