"""Is the data of every pipeline fresh, and do its runs end in time? (Watcher: freshness, timeliness)"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, DatePart
from supersync_core.domain.execution import ExecutionState, whole_seconds
from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.ledger import expectations as rows
from supersync_core.services.incidents import report_findings, resolve_subjects

RECENT = timedelta(hours=1)
"""A check without a lookback sees what has ended so long ago: it has to be made more often than that."""
MAX_LOOKBACK = timedelta(days=3660)
"""More is as good as ever."""


def freshness_subject(pipeline_id: int) -> str:
    """The subject of the incident that a pipeline's data is stale."""
    return f"freshness:{pipeline_id}"


def timeliness_subject(pipeline_id: int) -> str:
    """The subject of the incident that runs of a pipeline are late."""
    return f"timeliness:{pipeline_id}"


def check_freshness(session: Session, *, at: datetime) -> Sequence[Finding]:
    """Look for pipelines whose newest change is older than they or their types expect; what is newly so.

    Each stale period is found once: it is kept as a result, opens or counts an incident and alerts. An incident whose
    pipeline has fresh data again, or of which nothing is expected any more, is resolved. A pipeline that has never
    changed a row is not stale (Watcher); what is muted or retired is left out. Any number may check at once.
    """
    stale = rows.select_stale(session, at=at)
    kept = rows.insert_results(
        session,
        [
            {
                "pipeline_id": row.pipeline_id,
                "kind": CheckKind.FRESHNESS,
                "passed": False,
                "data_at": row.data_at,
                "details": _freshness_details(row),
                "checked_at": at,
            }
            for row in stale
        ],
    )
    findings = [_stale(row) for row in stale if (row.pipeline_id, None) in kept]
    report_findings(session, findings, at=at)
    resolve_subjects(session, rows.select_fresh_again(session, at=at), reason="it is as expected again", at=at)
    return findings


def check_timeliness(session: Session, *, lookback: timedelta | None = None, at: datetime) -> Sequence[Finding]:
    """Look for executions that did not end within what their pipelines or types expect; what is newly so.

    Those that started within `lookback` (Watcher); None: all that run, and those that ended within the last hour, which
    misses none if it is asked at least so often. One that runs is late by now, any other by its end; a failure never
    is. Each is found once, and what is kept of one that ran is completed when it has ended. The incident of a pipeline
    is resolved by a later success in time.
    """
    span = None if lookback is None else min(lookback, MAX_LOOKBACK)
    late = rows.select_late(session, lookback=span, recent=RECENT, at=at)
    kept = rows.insert_results(
        session,
        [
            {
                "pipeline_id": row.pipeline_id,
                "kind": CheckKind.TIMELINESS,
                "execution_id": row.execution_id,
                "passed": False,
                "details": _timeliness_details(row, at),
                "checked_at": at,
            }
            for row in late
        ],
    )
    findings = [_late(row, at) for row in late if (row.pipeline_id, row.execution_id) in kept]
    report_findings(session, findings, at=at)
    ended = rows.lock_ended_late(session)
    rows.update_details(session, {row.id: row.details | _progress(row, row.details, at) for row in ended})
    resolve_subjects(session, rows.select_in_time_again(session), reason="a run ended in time again", at=at)
    return findings


def _stale(row: Any) -> Finding:
    details = _freshness_details(row)
    return Finding(
        kind=IncidentKind.FRESHNESS,
        subject=freshness_subject(row.pipeline_id),
        level=Level.WARNING,
        title=f"{row.name} is stale",
        message=details["message"],
        details=details,
        pipeline_id=row.pipeline_id,
    )


def _late(row: Any, at: datetime) -> Finding:
    details = _timeliness_details(row, at)
    return Finding(
        kind=IncidentKind.TIMELINESS,
        subject=timeliness_subject(row.pipeline_id),
        level=Level.WARNING,
        title=f"{row.name} is late",
        message=details["message"],
        details=details | {"execution_id": row.execution_id},
        pipeline_id=row.pipeline_id,
    )


def _freshness_details(row: Any) -> dict[str, Any]:
    limit = _limit(row)
    said = f"The newest change is of {_words(row.data_at)}; there should be one within {limit['expected']}."
    return {**limit, "data_at": row.data_at.isoformat(), "due_at": row.due_at.isoformat(), "message": said}


def _timeliness_details(row: Any, at: datetime) -> dict[str, Any]:
    limit = {**_limit(row), "started_at": row.started_at.isoformat(), "due_at": row.due_at.isoformat()}
    return {**limit, **_progress(row, limit, at)}


def _limit(row: Any) -> dict[str, Any]:
    part = DatePart(row.datepart)
    expected = f"{row.number} {part.value}{'s' if row.number > 1 else ''}"
    return {"number": row.number, "datepart": part.value, "inherited": row.inherited, "expected": expected}


def _progress(row: Any, limit: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """How long a run took, or has taken so far."""
    state = ExecutionState(row.state)
    length = timedelta(seconds=whole_seconds(row.started_at, row.ended_at or at))
    done = "has run for" if row.ended_at is None else "took"
    return {
        "state": state.value,
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "duration_seconds": int(length.total_seconds()),
        "message": f"The run that started {_words(row.started_at)} {done} {length}; it should end within"
        f" {limit['expected']}.",
    }


def _words(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
