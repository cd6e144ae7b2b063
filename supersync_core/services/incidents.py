"""What somebody has to take care of: found, alerted, acknowledged, muted, resolved."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy.orm import Session

from supersync_core.domain.incident import Finding, IncidentState, Level
from supersync_core.errors import BadData, IllegalTransition, NotFound
from supersync_core.ledger import incidents as rows
from supersync_core.ledger.check_tables import Incident
from supersync_core.ledger.incidents import Entry, IncidentFilter, Standing

__all__ = [
    "Entry",
    "Finding",
    "Incident",
    "IncidentFilter",
    "acknowledge_incident",
    "count_incidents",
    "list_incidents",
    "mute_incident",
    "read_incident",
    "report_finding",
    "report_findings",
    "resolve_all_of",
    "resolve_incident",
    "resolve_subject",
    "resolve_subjects",
    "unmute_incident",
]

MAX_ID = 2**63 - 1
MAX_REASON = 2_000
OURSELVES = "supersync"
"""Who has changed an incident that nobody touched."""


def report_finding(session: Session, finding: Finding, *, at: datetime) -> int:
    """Open an incident or count one more finding, and alert in this same transaction; the incident's id.

    Nobody is alerted while it is acknowledged or muted. Safe with many who find the same thing at once.
    """
    return report_findings(session, [finding], at=at)[finding.subject]


def report_findings(session: Session, findings: Sequence[Finding], *, at: datetime) -> Mapping[str, int]:
    """As `report_finding`, many in a few statements; the incidents' ids by subject."""
    by_subject = groupby(sorted(findings, key=attrgetter("subject")), key=attrgetter("subject"))
    groups = {subject: list(group) for subject, group in by_subject}
    if not groups:
        return {}
    before = rows.lock_unresolved(session, groups)
    now = rows.open_or_count(session, [_row(group) for group in groups.values()], at=at)
    alerts = [
        {
            "incident_id": now[subject].id,
            "level": finding.level,
            "title": finding.title,
            "message": finding.message,
            "details": dict(finding.details),
            "created_at": at,
        }
        for subject, group in groups.items()
        for finding in _telling(group, before.get(subject), now[subject])
    ]
    rows.insert_alerts(session, alerts)
    return {subject: standing.id for subject, standing in now.items()}


def resolve_subject(session: Session, subject: str, *, reason: str | None = None, at: datetime) -> bool:
    """Resolve the incident of a subject, because what was wrong is over; whether there was one."""
    return bool(resolve_subjects(session, [subject], reason=reason, at=at))


def resolve_subjects(
    session: Session, subjects: Sequence[str], *, reason: str | None = None, at: datetime
) -> Sequence[str]:
    """As `resolve_subject`, many in one statement; the subjects that had one."""
    return rows.resolve_subjects(session, subjects, by=OURSELVES, reason=reason, at=at) if subjects else ()


def resolve_all_of(session: Session, pipeline_id: int, *, reason: str, at: datetime) -> None:
    """Resolve every incident of a pipeline, because there is nobody left whom it concerns."""
    rows.resolve_of_pipeline(session, pipeline_id, by=OURSELVES, reason=reason, at=at)


def acknowledge_incident(
    session: Session, incident_id: int, *, by: str, reason: str | None = None, at: datetime
) -> Incident:
    """Somebody takes care of it: it is counted on, and alerts nobody. Raises NotFound, IllegalTransition, BadData."""
    return _change(session, incident_id, IncidentState.ACKNOWLEDGED, by=by, reason=reason)


def mute_incident(  # noqa: PLR0913  # what a mute says
    session: Session, incident_id: int, *, by: str, reason: str | None, until: datetime | None, at: datetime
) -> Incident:
    """Nobody is alerted until a time, or None: until somebody unmutes it.

    Raises NotFound, IllegalTransition, and BadData for a time that is over.
    """
    if until is not None and until <= at:
        raise BadData("a mute ends after now")
    incident = _change(session, incident_id, IncidentState.MUTED, by=by, reason=reason)
    incident.muted_until = until
    return incident


def unmute_incident(session: Session, incident_id: int, *, by: str, reason: str | None = None) -> Incident:
    """A muted incident is open again. Raises NotFound, IllegalTransition for one that is not muted, BadData."""
    incident = _locked(session, incident_id)
    if incident.state is not IncidentState.MUTED:
        raise IllegalTransition(f"incident {incident_id} is {incident.state.value}, not muted")
    return _change(session, incident_id, IncidentState.OPEN, by=by, reason=reason)


def resolve_incident(
    session: Session, incident_id: int, *, by: str, reason: str | None = None, at: datetime
) -> Incident:
    """It is over; what is found afterwards opens a new one. Raises NotFound, IllegalTransition, BadData."""
    incident = _change(session, incident_id, IncidentState.RESOLVED, by=by, reason=reason)
    incident.resolved_at = at
    return incident


def read_incident(session: Session, incident_id: int, *, at: datetime) -> Entry:
    """One incident; one whose mute has run out at `at` is open. Raises NotFound."""
    found = rows.find_incident(session, incident_id, at=at) if 0 < incident_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"there is no incident {incident_id}")
    return found


def list_incidents(
    session: Session, wanted: IncidentFilter, *, limit: int, at: datetime
) -> tuple[Sequence[Entry], int | None]:
    """Incidents, the newest first, and the `before` with which the next ones are found; None: there are no more."""
    found = rows.select_incidents(session, wanted, limit=limit + 1, at=at)
    return found[:limit], found[limit - 1].incident.id if len(found) > limit else None


def count_incidents(session: Session, wanted: IncidentFilter, *, at: datetime) -> Mapping[Level, int]:
    """How many there are of each level, also of those that have none."""
    return dict.fromkeys(Level, 0) | rows.count_by_level(session, wanted, at=at)


def _row(group: Sequence[Finding]) -> dict[str, object]:
    last = group[-1]
    return {
        "subject": last.subject,
        "kind": last.kind,
        "level": max((finding.level for finding in group), key=attrgetter("rank")),
        "title": last.title,
        "details": dict(last.details),
        "pipeline_id": last.pipeline_id,
        "findings": len(group),
    }


def _telling(group: Sequence[Finding], before: Standing | None, now: Standing) -> Sequence[Finding]:
    """The findings that somebody is to be told of."""
    if now.state is not IncidentState.OPEN:
        return ()
    opened = now.findings == len(group) or (before is not None and before.state is not IncidentState.OPEN)
    worse = before is not None and now.level.rank > before.level.rank
    return [finding for finding in group if finding.repeats] or (group[-1:] if opened or worse else ())


def _change(session: Session, incident_id: int, state: IncidentState, *, by: str, reason: str | None) -> Incident:
    if reason is not None and (len(reason) > MAX_REASON or "\x00" in reason):
        raise BadData(f"a reason has at most {MAX_REASON} characters, all of which can be kept")
    incident = _locked(session, incident_id)
    if incident.state is IncidentState.RESOLVED:
        raise IllegalTransition(f"incident {incident_id} is resolved: it stays as it is")
    incident.state, incident.changed_by, incident.reason, incident.muted_until = state, by, reason, None
    return incident


def _locked(session: Session, incident_id: int) -> Incident:
    incident = rows.lock_incident(session, incident_id) if 0 < incident_id <= MAX_ID else None
    if incident is None:
        raise NotFound(f"there is no incident {incident_id}")
    return incident
