"""Read and write alerts on their way: one delivery for each channel that wants an alert, sent in messages."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, case, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.incident import DeliveryState, IncidentKind, Level
from supersync_core.ledger.base import AS_ONE
from supersync_core.ledger.check_tables import Alert, Delivery, Incident
from supersync_core.ledger.tables import Pipeline

_WAITING = Delivery.delivered_at.is_(None) & Delivery.given_up_at.is_(None)
_STATES = {
    DeliveryState.WAITING: _WAITING,
    DeliveryState.DELIVERED: Delivery.delivered_at.is_not(None),
    DeliveryState.GIVEN_UP: Delivery.given_up_at.is_not(None),
}
_BLIND = {"synchronize_session": False}


class Unexpanded(NamedTuple):
    """An alert that was not turned into deliveries, with what decides who wants it."""

    id: int
    kind: IncidentKind
    level: Level
    pipeline: str | None


class Claimed(NamedTuple):
    """Deliveries that are ours to send, as one message, until `until`. `tries`: with this one, of the most tried."""

    message_id: uuid.UUID
    ids: Sequence[int]
    tries: int
    until: datetime


def lock_unexpanded(session: Session, *, limit: int) -> Sequence[Unexpanded]:
    """Alerts that were not turned into deliveries, the oldest first, locked; what somebody else is at is left out."""
    waiting = (
        select(Alert.id, Incident.kind, Alert.level, Pipeline.name)
        .join(Incident, Incident.id == Alert.incident_id)
        .outerjoin(Pipeline, Pipeline.id == Incident.pipeline_id)
        .where(Alert.expanded_at.is_(None))
        .order_by(Alert.id)
        .limit(limit)
        .with_for_update(of=Alert, skip_locked=True)
    )
    return [Unexpanded(*row) for row in session.execute(waiting)]


def expand(session: Session, alert_ids: Sequence[int], wanted: Sequence[tuple[int, str]], *, at: datetime) -> None:
    """Write a delivery for each alert and channel that are `wanted`; one that is there is left as it is."""
    if wanted:
        rows = [{"alert_id": id_, "channel": name, "next_try_at": at, "waiting_since": at} for id_, name in wanted]
        session.execute(insert(Delivery).on_conflict_do_nothing(), rows, execution_options=AS_ONE)
    session.execute(update(Alert).where(Alert.id.in_(alert_ids)).values(expanded_at=at), execution_options=_BLIND)


def claim_message(session: Session, channel: str, *, until: datetime, limit: int, at: datetime) -> Claimed | None:
    """What waits for a channel and is due: a message that was sent before, whole, or a new one of at most `limit`.

    None: nothing is due, or the channel is in trouble. Nobody else gets it before `until`.
    """
    # Two that claimed at once would share a message out between them.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"supersync.channel.{channel}", 0))))
    of_channel = (Delivery.channel == channel, _WAITING)
    held = select(Delivery.id).where(*of_channel, Delivery.holds_channel, Delivery.next_try_at > at).limit(1)
    if session.scalar(held) is not None:
        return None
    due = select(Delivery.message_id).where(*of_channel, Delivery.next_try_at <= at).order_by(Delivery.id).limit(1)
    first = session.execute(due).one_or_none()
    if first is None:
        return None
    message_id = first.message_id or uuid.uuid4()
    members = select(Delivery.id).where(*of_channel, Delivery.message_id == first.message_id)
    if first.message_id is None:
        new = (Delivery.message_id.is_(None), Delivery.next_try_at <= at)
        members = select(Delivery.id).where(*of_channel, *new).order_by(Delivery.id).limit(limit)
    values = {"message_id": message_id, "next_try_at": until, "holds_channel": False, "tries": Delivery.tries + 1}
    claim = update(Delivery).where(Delivery.id.in_(members)).values(values).returning(Delivery.id, Delivery.tries)
    rows = session.execute(claim, execution_options=_BLIND).all()
    return Claimed(message_id, sorted(row.id for row in rows), max(row.tries for row in rows), until)


def select_content(session: Session, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """What deliveries tell: their alerts, the incidents of these, and the names of the pipelines."""
    incident = (Incident.id.label("incident_id"), Incident.kind, Incident.subject)
    alert = (Alert.id.label("alert_id"), Alert.level, Alert.title, Alert.message, Alert.details, Alert.created_at)
    content = (
        select(Delivery.public_id, *incident, *alert, Pipeline.name.label("pipeline"))
        .join(Alert, Alert.id == Delivery.alert_id)
        .join(Incident, Incident.id == Alert.incident_id)
        .outerjoin(Pipeline, Pipeline.id == Incident.pipeline_id)
        .where(Delivery.id.in_(ids))
        .order_by(Delivery.id)
    )
    return session.execute(content).all()


def note_delivered(session: Session, claimed: Claimed, *, at: datetime) -> None:
    """The message was taken, also if meanwhile somebody else began to send it again."""
    done = update(Delivery).where(Delivery.id.in_(claimed.ids), _WAITING)
    values = {"delivered_at": at, "holds_channel": False, "error": None}
    session.execute(done.values(values), execution_options=_BLIND)


def note_failed(  # noqa: PLR0913  # what there is to say of a failure
    session: Session,
    claimed: Claimed,
    error: str,
    *,
    next_try_at: datetime,
    holds_channel: bool,
    give_up_before: datetime,
    at: datetime,
) -> None:
    """The message was not taken: it is due again at `next_try_at`, or given up if it has waited for too long.

    Nothing is noted if somebody else has begun to send it, or to send it again by hand.
    """
    mine = update(Delivery).where(Delivery.id.in_(claimed.ids), _WAITING, Delivery.next_try_at == claimed.until)
    gives_up = Delivery.waiting_since < give_up_before
    values = {
        "error": error,
        "next_try_at": next_try_at,
        "holds_channel": case((gives_up, False), else_=holds_channel),
        "given_up_at": case((gives_up, literal(at, Delivery.given_up_at.type)), else_=null()),
    }
    session.execute(mine.values(values), execution_options=_BLIND)


def give_up_strays(session: Session, channels: Collection[str], error: str, *, before: datetime, at: datetime) -> None:
    """Give up what has waited since `before` for a channel that is none of `channels`."""
    strays = update(Delivery).where(_WAITING, Delivery.waiting_since < before, Delivery.channel.not_in(channels))
    session.execute(strays.values(given_up_at=at, error=error, holds_channel=False), execution_options=_BLIND)


def reset_delivery(session: Session, delivery_id: int, *, at: datetime) -> Delivery | None:
    """Let a delivery be due now. One that has ended begins anew, in a message of its own; None: there is none."""
    delivery = session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None:
        return None
    if delivery.delivered_at is None and delivery.given_up_at is None:
        same = or_(Delivery.id == delivery.id, Delivery.message_id == delivery.message_id)
        values: Mapping[str, Any] = {"next_try_at": at, "holds_channel": False}
        session.execute(update(Delivery).where(same, _WAITING).values(values), execution_options=_BLIND)
        session.refresh(delivery)
        return delivery
    delivery.delivered_at = delivery.given_up_at = delivery.message_id = delivery.error = None
    delivery.tries, delivery.holds_channel = 0, False
    delivery.next_try_at = delivery.waiting_since = at
    return delivery


def select_alerts(session: Session, *, incident_id: int | None, before: int | None, limit: int) -> Sequence[Alert]:
    """Alerts, the newest first; of one incident, or of all; older than the one of the id `before`."""
    page = select(Alert).order_by(Alert.id.desc()).limit(limit)
    if incident_id is not None:
        page = page.where(Alert.incident_id == incident_id)
    return session.scalars(page if before is None else page.where(Alert.id < before)).all()


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries; None means any. `before`: older than the one of that id."""

    alert_id: int | None = None
    channel: str | None = None
    state: DeliveryState | None = None
    before: int | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """As conditions on deliveries."""
        if self.alert_id is not None:
            yield Delivery.alert_id == self.alert_id
        if self.channel is not None:
            yield Delivery.channel == self.channel
        if self.state is not None:
            yield _STATES[self.state]
        if self.before is not None:
            yield Delivery.id < self.before


def select_deliveries(session: Session, wanted: DeliveryFilter, *, limit: int) -> Sequence[Delivery]:
    """Deliveries, the newest first."""
    page = select(Delivery).where(*wanted.conditions()).order_by(Delivery.id.desc()).limit(limit)
    return session.scalars(page).all()
