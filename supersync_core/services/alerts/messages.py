"""What goes to a channel: several alerts in one message, as JSON or as text."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from supersync_core.domain.incident import IncidentKind, Level

INCIDENT_PAGE = "/supersync/incidents/{id}"
"""Where an incident is seen, below the address of the pages."""


@dataclass(frozen=True)
class Told:
    """An alert in a message. `delivery` is the same however often it is sent to that channel."""

    delivery: uuid.UUID
    alert_id: int
    incident_id: int
    kind: IncidentKind
    subject: str
    level: Level
    pipeline: str | None
    title: str
    message: str
    details: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Message:
    """Alerts for one channel. One that is sent again has the same id and the same alerts."""

    id: uuid.UUID
    channel: str
    alerts: Sequence[Told]
    base_url: str | None = None

    @property
    def level(self) -> Level:
        """That of the worst of them."""
        return max((alert.level for alert in self.alerts), key=attrgetter("rank"))

    def page(self, alert: Told) -> str | None:
        """Where people see the incident."""
        return self.base_url.rstrip("/") + INCIDENT_PAGE.format(id=alert.incident_id) if self.base_url else None

    def as_json(self) -> bytes:
        """The body of a webhook; the same whenever the same message is sent."""
        alerts = [
            {
                "delivery": str(alert.delivery),
                "alert": alert.alert_id,
                "incident": alert.incident_id,
                "kind": alert.kind.value,
                "subject": alert.subject,
                "level": alert.level.value,
                "pipeline": alert.pipeline,
                "title": alert.title,
                "message": alert.message,
                "details": dict(alert.details),
                "created_at": alert.created_at.isoformat(),
                "url": self.page(alert),
            }
            for alert in self.alerts
        ]
        body = {"id": str(self.id), "channel": self.channel, "alerts": alerts}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def title(self) -> str:
        """A line."""
        if len(self.alerts) == 1:
            return f"[{self.level.value.upper()}] {self.alerts[0].title}"
        return f"[{self.level.value.upper()}] {len(self.alerts)} alerts, the first: {self.alerts[0].title}"

    def as_text(self) -> str:
        """All of it, for people."""
        return "\n\n".join(self._paragraph(alert) for alert in self.alerts)

    def _paragraph(self, alert: Told) -> str:
        head = [f"{alert.level.value}: {alert.title}"] if len(self.alerts) > 1 else []
        page = self.page(alert)
        return "\n".join([*head, alert.message, *([page] if page else [])])
