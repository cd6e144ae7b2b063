"""What checks have found: pages of it, and anomalies that somebody takes back."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from supersync_core.domain.check import Metric
from supersync_core.errors import NotFound
from supersync_core.ledger.check_results import (
    Found,
    ResultFilter,
    delete_anomaly_results,
    has_anomaly_since,
    select_results,
)
from supersync_core.ledger.executions import lock_execution
from supersync_core.ledger.incidents import find_unresolved
from supersync_core.services.incidents import resolve_subject
from supersync_core.services.judging import anomaly_subject

__all__ = ["Found", "ResultFilter", "list_results", "unflag_anomalies"]

MAX_ID = 2**63 - 1


def list_results(session: Session, wanted: ResultFilter, *, limit: int) -> tuple[Sequence[Found], int | None]:
    """Results, the newest first, and the `before` with which the next ones are found; None: there are no more."""
    found = select_results(session, wanted, limit=limit + 1)
    return found[:limit], found[limit - 1].result.id if len(found) > limit else None


def unflag_anomalies(
    session: Session, pipeline_id: int, execution_id: int, metrics: Collection[Metric], *, at: datetime
) -> None:
    """Take back that an execution was unusual in these metrics: from now on it counts as usual (Watcher).

    Its flags that are true become false, and what the rules of the given pipeline have found on these metrics is
    deleted; whether the execution belongs to that pipeline is not asked. Where nothing unusual is left since the
    incident of its pipeline was opened, that is resolved. Raises NotFound for an execution that is not there or has
    no flags, and when none of the metrics is flagged.
    """
    execution = lock_execution(session, execution_id) if 0 < execution_id <= MAX_ID else None
    if execution is None:
        raise NotFound(f"there is no execution {execution_id}")
    flags = execution.anomaly_flags
    if not flags:
        raise NotFound(f"execution {execution_id} has no anomaly flags")
    flagged = [metric for metric in metrics if flags.get(metric.value)]
    if not flagged:
        asked = ", ".join(sorted({metric.value for metric in metrics})) or "no metric"
        raise NotFound(f"execution {execution_id} is not flagged for {asked}")
    execution.anomaly_flags = flags | {metric.value: False for metric in flagged}
    session.flush()
    if 0 < pipeline_id <= MAX_ID:
        delete_anomaly_results(session, execution_id, pipeline_id, flagged)
    subject = anomaly_subject(execution.pipeline_id)
    incident = find_unresolved(session, subject)
    if incident is not None and not has_anomaly_since(session, execution.pipeline_id, incident.opened_at):
        resolve_subject(session, subject, reason="what was found was taken back", at=at)
