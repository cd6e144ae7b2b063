"""Read incidents for those who look at them: how many there are, and all that belongs to one."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, null, select
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.incident import IncidentKind, IncidentState
from supersync_core.ledger.check_tables import Alert, CheckResult, Delivery, Incident
from supersync_core.ledger.incidents import IncidentFilter, state_at
from supersync_core.ledger.tables import Execution


class Pulse(NamedTuple):
    """How many incidents are open; and some letters and digits, which are others when an incident has changed."""

    open: int
    tag: str


class Found(NamedTuple):
    """Something that was found of an incident's pipeline: a check's result, or a run that has failed."""

    at: datetime
    execution_id: int | None
    data_at: datetime | None
    details: dict[str, object]


_UNEXPANDED = select(func.count()).select_from(Alert).where(Alert.expanded_at.is_(None))


class Told(NamedTuple):
    """An alert, and how it is on its way to each channel."""

    alert: Alert
    deliveries: Sequence[Delivery]


def select_pulse(session: Session, *, at: datetime) -> Pulse:
    """Counted over what is not resolved, and what is on its way to somebody; what is done leaves that."""
    state = state_at(at)
    counts = [func.count().filter(state == one) for one in IncidentState if one is not IncidentState.RESOLVED]
    on_its_way = select(func.count(), func.coalesce(func.sum(Delivery.tries), 0), _UNEXPANDED.scalar_subquery())
    on_its_way = on_its_way.where(Delivery.delivered_at.is_(None), Delivery.given_up_at.is_(None))
    told = session.execute(on_its_way).one()
    # Their states, the newest of them, and all that was found: together they tell each change.
    rest = (func.max(Incident.id), func.sum(Incident.findings), func.max(Incident.last_found_at))
    row = session.execute(select(*counts, *rest).where(Incident.state != IncidentState.RESOLVED)).one()
    return Pulse(row[0], sha256(repr((*row, *told)).encode()).hexdigest()[:16])


def count_by_state(session: Session, wanted: IncidentFilter, *, at: datetime) -> dict[IncidentState, int]:
    """How many incidents there are in each state that has some."""
    state = state_at(at)
    counts = select(state, func.count()).where(*wanted.conditions(at)).group_by(state)
    return {state: number for state, number in session.execute(counts)}


def select_found(session: Session, incident: Incident, *, limit: int) -> Sequence[Found]:
    """What was found of the incident while it was not resolved, the newest first. One query."""
    results = _results(incident)
    if results is None:
        return []
    at, query = results
    query = query.where(at >= incident.opened_at)
    if incident.resolved_at is not None:
        query = query.where(at <= incident.resolved_at)
    rows = session.execute(query.order_by(at.desc()).limit(limit))
    return [Found(time, execution, data_at, details or {}) for time, execution, data_at, details in rows]


def _results(incident: Incident) -> tuple[ColumnElement[Any], Select[Any]] | None:
    """Where its findings are kept, and when each was found; None: they are counted only."""
    if incident.pipeline_id is None:
        return None
    if incident.kind is IncidentKind.FAILURE:
        runs = select(Execution.ended_at, Execution.id, null(), Execution.error)
        mine = Execution.pipeline_id == incident.pipeline_id
        return Execution.ended_at.expression, runs.where(mine, Execution.state == ExecutionState.FAILED)
    if incident.kind.value not in {kind.value for kind in CheckKind}:
        return None
    columns = (CheckResult.checked_at, CheckResult.execution_id, CheckResult.data_at, CheckResult.details)
    mine = CheckResult.pipeline_id == incident.pipeline_id
    kind = CheckResult.kind == CheckKind(incident.kind.value)
    return CheckResult.checked_at.expression, select(*columns).where(mine, kind, ~CheckResult.passed)


def select_told(session: Session, incident_id: int, *, limit: int) -> Sequence[Told]:
    """The newest alerts about an incident, each with its deliveries by channel."""
    alerts = session.scalars(
        select(Alert).where(Alert.incident_id == incident_id).order_by(Alert.id.desc()).limit(limit)
    ).all()
    on_their_way = select(Delivery).where(Delivery.alert_id.in_([alert.id for alert in alerts]))
    deliveries: dict[int, list[Delivery]] = {}
    for delivery in session.scalars(on_their_way.order_by(Delivery.channel)) if alerts else ():
        deliveries.setdefault(delivery.alert_id, []).append(delivery)
    return [Told(alert, deliveries.get(alert.id, ())) for alert in alerts]
