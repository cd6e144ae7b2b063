"""What tests of freshness and timeliness share."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, DatePart
from supersync_core.ledger.check_tables import Alert, CheckResult, Incident
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.expectations import check_freshness, check_timeliness
from tests.core.services.reports import NOON, reported

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FRESH: dict[str, Any] = {"freshness_number": 2, "freshness_datepart": DatePart.HOUR}
QUICK: dict[str, Any] = {"timeliness_number": 10, "timeliness_datepart": DatePart.MINUTE}


def changed(session: Session, pipeline: int, at: datetime = NOON, column: str = "last_inserted_at") -> None:
    """Let rows of the pipeline have changed last at a time."""
    session.execute(update(Pipeline).where(Pipeline.id == pipeline).values({column: at}))


def pipeline_that_changed(session: Session, name: str = "orders", at: datetime = NOON, **given: Any) -> int:
    pipeline = reported(session, name, **given)
    changed(session, pipeline, at)
    return pipeline


def amend(session: Session, pipeline: int, **values: Any) -> None:
    session.execute(update(Pipeline).where(Pipeline.id == pipeline).values(values))


def stale(session: Session, after: timedelta) -> list[int | None]:
    """The pipelines that a check finds stale that long after noon."""
    return [finding.pipeline_id for finding in check_freshness(session, at=NOON + after)]


def late(session: Session, at: datetime, lookback: timedelta | None = None) -> list[Any]:
    """The executions that a check finds late."""
    return [finding.details["execution_id"] for finding in check_timeliness(session, lookback=lookback, at=at)]


def results(session: Session, kind: CheckKind) -> list[CheckResult]:
    session.expire_all()
    return list(session.scalars(select(CheckResult).where(CheckResult.kind == kind).order_by(CheckResult.id)))


def incidents(session: Session) -> list[tuple[str, str, int]]:
    session.expire_all()
    found = session.scalars(select(Incident).order_by(Incident.id))
    return [(incident.subject, incident.state.value, incident.findings) for incident in found]


def told(session: Session) -> list[str]:
    return list(session.scalars(select(Alert.title).order_by(Alert.id)))
