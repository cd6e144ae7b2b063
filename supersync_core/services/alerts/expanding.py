"""From an alert to a delivery for each channel that wants it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from supersync_core.ledger.deliveries import expand, lock_unexpanded
from supersync_core.services.configuration import ChannelConfig

AT_ONCE = 1_000
"""Alerts that one transaction expands."""


def expand_alerts(session: Session, channels: Sequence[ChannelConfig], *, at: datetime) -> int:
    """Write a delivery for each alert that is new and each channel that wants it; how many alerts those were.

    Doing it again changes nothing. An alert that no channel wanted then goes nowhere later, whatever is configured.
    """
    alerts = lock_unexpanded(session, limit=AT_ONCE)
    wanted = [
        (alert.id, channel.name)
        for alert in alerts
        for channel in channels
        if channel.wants(alert.kind, alert.level, alert.pipeline)
    ]
    if alerts:
        expand(session, [alert.id for alert in alerts], wanted, at=at)
    return len(alerts)
