"""Read and write incidents, and the alerts about them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from supersync_core.domain.incident import IncidentKind, IncidentState, Level
from supersync_core.ledger.base import AS_ONE
from supersync_core.ledger.check_tables import Alert, Incident
from supersync_core.ledger.tables import Pipeline

_UNRESOLVED = Incident.state != IncidentState.RESOLVED
_STANDING = (Incident.subject, Incident.id, Incident.state, Incident.level, Incident.findings)


class Standing(NamedTuple):
    """How an incident stands: `state` as it was kept, `findings` so far."""

    subject: str
    id: int
    state: IncidentState
    level: Level
    findings: int


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents; None and () mean any. `level`: this bad or worse; `before`: older than the one of that id."""

    states: tuple[IncidentState, ...] = ()
    kinds: tuple[IncidentKind, ...] = ()
    level: Level | None = None
    pipeline_id: int | None = None
    before: int | None = None

    def conditions(self, at: datetime) -> Iterator[ColumnElement[bool]]:
        """As conditions on incidents."""
        if self.states:
            # As they are kept, for the index; then as they stand.
            kept = {*self.states} | ({IncidentState.MUTED} if IncidentState.OPEN in self.states else set())
            yield Incident.state.in_(kept)
            yield state_at(at).in_(self.states)
        if self.kinds:
            yield Incident.kind.in_(self.kinds)
        if self.level is not None:
            yield Incident.level.in_([level for level in Level if level.rank >= self.level.rank])
        if self.pipeline_id is not None:
            yield Incident.pipeline_id == self.pipeline_id
        if self.before is not None:
            yield Incident.id < self.before


class Entry(NamedTuple):
    """An incident, its state at the time of asking, and the name of its pipeline."""

    incident: Incident
    state: IncidentState
    pipeline: str | None


def state_at(at: datetime) -> ColumnElement[IncidentState]:
    """An incident's state: one whose mute has run out is open again."""
    lapsed = and_(Incident.state == IncidentState.MUTED, Incident.muted_until <= at)
    return case((lapsed, literal(IncidentState.OPEN, Incident.state.type)), else_=Incident.state)


def lock_unresolved(session: Session, subjects: Collection[str]) -> dict[str, Standing]:
    """The incidents of those subjects that are not resolved, by subject, locked for this transaction."""
    found = select(*_STANDING).where(Incident.subject.in_(subjects), _UNRESOLVED)
    # In one order, so that two who find the same things never wait for each other.
    rows = session.execute(found.order_by(Incident.subject).with_for_update())
    return {row.subject: Standing(*row) for row in rows}


def find_unresolved(session: Session, subject: str) -> Incident | None:
    """The incident of a subject that is not resolved."""
    return session.scalar(select(Incident).where(Incident.subject == subject, _UNRESOLVED))


def open_or_count(session: Session, rows: Sequence[Mapping[str, Any]], *, at: datetime) -> dict[str, Standing]:
    """Open an incident for each row, or add its `findings` to the one that its subject has; by subject, as they stand.

    `rows`: subject, kind, level, title, details, pipeline_id, findings; each subject once. One whose mute has run out
    is open again.
    """
    new = upsert(Incident)
    is_muted = case((state_at(at) == IncidentState.OPEN, None), else_=Incident.muted_until)
    put = new.on_conflict_do_update(
        index_elements=[Incident.subject],
        index_where=_UNRESOLVED,
        set_={
            "findings": Incident.findings + new.excluded.findings,
            "last_found_at": func.greatest(Incident.last_found_at, new.excluded.last_found_at),
            "state": state_at(at),
            "muted_until": is_muted,
            **{name: new.excluded[name] for name in ("level", "title", "details")},
        },
    ).returning(*_STANDING)
    ordered = sorted(rows, key=lambda row: str(row["subject"]))
    times = {"opened_at": at, "last_found_at": at}
    found = session.execute(put, [{**row, **times} for row in ordered], execution_options=AS_ONE)
    return {row.subject: Standing(*row) for row in found}


def insert_alerts(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write alerts: incident_id, level, title, message, details, created_at."""
    if rows:
        session.execute(insert(Alert), rows, execution_options=AS_ONE)


def resolve_subjects(
    session: Session, subjects: Collection[str], *, by: str, reason: str | None, at: datetime
) -> Sequence[str]:
    """Resolve what is not resolved of those subjects; which of them."""
    values = {"state": IncidentState.RESOLVED, "resolved_at": at, "muted_until": None, "changed_by": by}
    over = update(Incident).where(Incident.subject.in_(subjects), _UNRESOLVED).values(**values, reason=reason)
    return session.scalars(over.returning(Incident.subject)).all()


def resolve_of_pipeline(session: Session, pipeline_id: int, *, by: str, reason: str, at: datetime) -> None:
    """Resolve what is not resolved of a pipeline."""
    values = {"state": IncidentState.RESOLVED, "resolved_at": at, "muted_until": None, "changed_by": by}
    session.execute(
        update(Incident).where(Incident.pipeline_id == pipeline_id, _UNRESOLVED).values(**values, reason=reason)
    )


def lock_incident(session: Session, incident_id: int) -> Incident | None:
    """The incident as it is now, locked for this transaction."""
    return session.get(Incident, incident_id, with_for_update=True, populate_existing=True)


def select_incidents(session: Session, wanted: IncidentFilter, *, limit: int, at: datetime) -> Sequence[Entry]:
    """Incidents, the newest first."""
    page = _entries(at).where(*wanted.conditions(at)).order_by(Incident.id.desc()).limit(limit)
    return [Entry(*row) for row in session.execute(page)]


def find_incident(session: Session, incident_id: int, *, at: datetime) -> Entry | None:
    """One incident."""
    row = session.execute(_entries(at).where(Incident.id == incident_id)).one_or_none()
    return None if row is None else Entry(*row)


def count_by_level(session: Session, wanted: IncidentFilter, *, at: datetime) -> dict[Level, int]:
    """How many incidents there are of each level that has some."""
    counts = select(Incident.level, func.count()).where(*wanted.conditions(at)).group_by(Incident.level)
    return {level: number for level, number in session.execute(counts)}


def _entries(at: datetime) -> Select[Incident, IncidentState, str | None]:
    named = select(Incident, state_at(at), Pipeline.name.label("pipeline"))
    return named.outerjoin(Pipeline, Pipeline.id == Incident.pipeline_id)
