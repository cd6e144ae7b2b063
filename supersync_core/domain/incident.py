"""What somebody has to be told about: its kind, how bad it is, and who takes care of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class IncidentKind(str, Enum):
    """What went wrong. Check kinds keep their words; `failure`: a run failed; `queue`: too much waits for a check."""

    FRESHNESS = "freshness"
    TIMELINESS = "timeliness"
    ANOMALY = "anomaly"
    DRIFT = "drift"
    DEAD_LETTERS = "dead_letters"
    FAILURE = "failure"
    QUEUE = "queue"


class IncidentState(str, Enum):
    """Who takes care of it. Only `resolved` is final; while it is not `open`, new findings alert nobody."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    RESOLVED = "resolved"


class Level(str, Enum):
    """How bad it is (Watcher: alert levels)."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The larger, the worse."""
        return list(Level).index(self)


class DeliveryState(str, Enum):
    """How far an alert is on its way to a channel."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Finding:
    """Something that went wrong. Findings of one `subject` belong to one incident until that is resolved.

    `subject` says what it is about, such as `freshness:7`. `title` is a line and `message` plain text; `details` are
    JSON. `repeats`: each finding of an open incident alerts, as with anomalies; else the first does, and one that is
    worse than those before it.
    """

    kind: IncidentKind
    subject: str
    level: Level
    title: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    pipeline_id: int | None = None
    repeats: bool = True
