"""What was told, what is on its way, and what was given up; each can be sent again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from supersync_core.errors import NotFound
from supersync_core.ledger.check_tables import Alert, Delivery
from supersync_core.ledger.deliveries import DeliveryFilter, reset_delivery, select_alerts, select_deliveries

MAX_ID = 2**63 - 1


def list_alerts(
    session: Session, *, incident_id: int | None = None, before: int | None = None, limit: int
) -> tuple[Sequence[Alert], int | None]:
    """Alerts, the newest first, and the `before` with which the next ones are found; None: there are no more."""
    found = select_alerts(session, incident_id=incident_id, before=before, limit=limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def list_deliveries(session: Session, wanted: DeliveryFilter, *, limit: int) -> tuple[Sequence[Delivery], int | None]:
    """Deliveries, the newest first, and the `before` with which the next ones are found; None: there are no more."""
    found = select_deliveries(session, wanted, limit=limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def resend_delivery(session: Session, delivery_id: int, *, at: datetime) -> Delivery:
    """Send an alert to a channel again, or at once where it waits for its next try. Raises NotFound.

    One that was delivered or given up goes in a new message: so a receiver that drops repetitions takes it. One that
    waits goes with the message that it is part of.
    """
    found = reset_delivery(session, delivery_id, at=at) if 0 < delivery_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    return found
