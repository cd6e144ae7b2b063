"""Bodies of `/api/v1/incidents` and `/api/v1/deliveries`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from supersync_core.domain.incident import DeliveryState, IncidentKind, IncidentState, Level
from supersync_core.ledger.check_tables import Delivery as DeliveryRow
from supersync_core.services.alerts import DeliveryFilter
from supersync_core.services.incident_pages import Found, IncidentDetails, Told
from supersync_core.services.incidents import MAX_ID, MAX_REASON, Entry, IncidentFilter

MAX_PAGE = 500


class Incident(BaseModel):
    """An incident. `findings`: how often it was found since it opened. `muted_until` null: its mute has no end."""

    id: int
    kind: IncidentKind
    subject: str = Field(description="what it is about: at most one incident of a subject is not resolved")
    state: IncidentState
    level: Level
    title: str
    pipeline_id: int | None
    pipeline: str | None
    findings: int
    details: dict[str, Any]
    reason: str | None = Field(description="why its state was changed last")
    changed_by: str | None
    muted_until: datetime | None
    opened_at: datetime
    last_found_at: datetime
    resolved_at: datetime | None

    @classmethod
    def of(cls, entry: Entry) -> "Incident":
        """From the ledger."""
        taken = {name for name in cls.model_fields if name not in ("state", "pipeline", "muted_until")}
        values = {name: getattr(entry.incident, name) for name in taken}
        muted = entry.incident.muted_until if entry.state is IncidentState.MUTED else None
        return cls(**values, state=entry.state, pipeline=entry.pipeline, muted_until=muted)


class Page(BaseModel):
    """Incidents, the newest first. `next_cursor`: pass it as `cursor` for those that follow; null on the last page."""

    incidents: list[Incident]
    next_cursor: int | None


class Finding(BaseModel):
    """Something that was found while the incident was not resolved: a check's result, or a run that has failed."""

    at: datetime
    execution_id: int | None
    data_at: datetime | None
    details: dict[str, Any]

    @classmethod
    def of(cls, found: Found) -> "Finding":
        """From the ledger."""
        return cls(**found._asdict())


class Delivery(BaseModel):
    """An alert on its way to a channel. Given up: it was tried in vain for too long.

    `public_id` and `message_id` go along, so that a receiver knows what it has had.
    """

    id: int
    alert_id: int
    channel: str
    state: DeliveryState
    public_id: UUID
    message_id: UUID | None
    tries: int
    next_try_at: datetime | None
    delivered_at: datetime | None
    given_up_at: datetime | None
    error: str | None

    @classmethod
    def of(cls, row: DeliveryRow) -> "Delivery":
        """From the ledger."""
        names = {name for name in cls.model_fields if name not in ("state", "next_try_at")}
        state = (
            *([DeliveryState.DELIVERED] if row.delivered_at else ()),
            *([DeliveryState.GIVEN_UP] if row.given_up_at else ()),
            DeliveryState.WAITING,
        )[0]
        next_try_at = row.next_try_at if state is DeliveryState.WAITING else None
        return cls(**{name: getattr(row, name) for name in names}, state=state, next_try_at=next_try_at)


class DeliveryPage(BaseModel):
    """Deliveries, the newest first. `next_cursor`: pass it as `cursor` for those that follow; null on the last page."""

    deliveries: list[Delivery]
    next_cursor: int | None


class WantedDeliveries(BaseModel):
    """Which deliveries."""

    alert_id: int | None = Field(default=None, ge=0, le=MAX_ID)
    channel: str | None = Field(default=None, max_length=300)
    state: DeliveryState | None = None
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: int | None = Field(default=None, ge=1, le=MAX_ID)

    def filter(self) -> DeliveryFilter:
        """As the service asks for it. PostgreSQL holds no NUL, so no channel has one."""
        channel = self.channel.replace("\0", "?") if self.channel is not None else None
        return DeliveryFilter(self.alert_id, channel, self.state, self.cursor)


class Alert(BaseModel):
    """What somebody was told, and how that is on its way."""

    id: int
    level: Level
    title: str
    message: str
    created_at: datetime
    deliveries: list[Delivery]

    @classmethod
    def of(cls, told: Told) -> "Alert":
        """From the ledger."""
        names = ("id", "level", "title", "message", "created_at")
        deliveries = [Delivery.of(one) for one in told.deliveries]
        return cls(**{name: getattr(told.alert, name) for name in names}, deliveries=deliveries)


class Details(Incident):
    """An incident with what was found and who was told; the newest 50 of each, the newest first."""

    found: list[Finding]
    alerts: list[Alert]

    @classmethod
    def about(cls, details: IncidentDetails) -> "Details":
        """From the service."""
        incident = Incident.of(details.entry).model_dump()
        found, alerts = [Finding.of(one) for one in details.found], [Alert.of(one) for one in details.told]
        return cls(**incident, found=found, alerts=alerts)


class Wanted(BaseModel):
    """Which incidents. `level`: this bad or worse."""

    state: list[IncidentState] = Field(default=[], description="One, or several by repeating it.")
    kind: list[IncidentKind] = Field(default=[], description="One, or several by repeating it.")
    level: Level | None = None
    pipeline_id: int | None = Field(default=None, ge=0, le=MAX_ID)
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: int | None = Field(default=None, ge=1, le=MAX_ID)

    def filter(self) -> IncidentFilter:
        """As the service asks for it."""
        return IncidentFilter(tuple(self.state), tuple(self.kind), self.level, self.pipeline_id, self.cursor)


class Wish(BaseModel):
    """Why; it is shown with the incident."""

    reason: str | None = Field(default=None, max_length=MAX_REASON)


class MuteWish(Wish):
    """Why, and how long; null: until somebody unmutes it."""

    until: AwareDatetime | None = None
