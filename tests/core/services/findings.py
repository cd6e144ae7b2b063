"""What checks have found, written by hand, for tests that look at it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, Metric
from supersync_core.ledger.check_tables import CheckResult
from supersync_core.ledger.tables import Execution
from supersync_core.services.anomaly_rules import put_rule
from tests.core.services.reports import NOON, ended

HOUR = timedelta(hours=1)


def judged(session: Session, pipeline_id: int, value: int, *, at: datetime = NOON, unusual: bool) -> int:
    """An execution that was held to a rule on its total rows, usual being 90 to 110; its id."""
    rule, _ = put_rule(session, pipeline_id, Metric.TOTAL_ROWS, {}, active=True, at=NOON)
    id_ = ended(session, pipeline_id, start=at, total_rows=value)
    execution = session.get_one(Execution, id_)
    execution.judged_at, execution.bands = at + HOUR, {"total_rows": [90.0, 100.0, 110.0]}
    if unusual:
        execution.anomaly_flags = {"total_rows": True}
        details = {"metric": "total_rows", "value": float(value), "z_score": 9.5, "mean": 100.0, "deviation": 3.3}
        found(
            session, pipeline_id, CheckKind.ANOMALY, id_, rule_id=rule, details={**details, "low": 90.0, "high": 110.0}
        )
    session.flush()
    return id_


def late(session: Session, pipeline_id: int, *, at: datetime = NOON) -> int:
    """An execution that took too long; its id."""
    id_ = ended(session, pipeline_id, start=at, seconds=3600)
    found(session, pipeline_id, CheckKind.TIMELINESS, id_, details={"message": "an hour instead of a minute"})
    return id_


def unflag(session: Session, execution_id: int) -> None:
    """Somebody says that it was usual."""
    session.get_one(Execution, execution_id).anomaly_flags = {"total_rows": False}
    session.delete(session.scalars(select(CheckResult).filter_by(execution_id=execution_id)).one())
    session.flush()


def found(
    session: Session, pipeline_id: int, kind: CheckKind, execution_id: int | None, *, passed: bool = False, **more: Any
) -> None:
    session.add(
        CheckResult(
            pipeline_id=pipeline_id, kind=kind, execution_id=execution_id, passed=passed, checked_at=NOON + HOUR, **more
        )
    )
    session.flush()
