"""`/api/v1/deliveries`: who was told, who is still to be told, and to tell somebody again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from supersync_core.domain.access import Role
from supersync_core.services.alerts import list_deliveries, resend_delivery
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import require
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.errors import ProblemBody
from supersync_dagster.api.incidents.wire import Delivery, DeliveryPage, WantedDeliveries
from supersync_dagster.api.json_route import StrictRoute

router = APIRouter(prefix="/api/v1/deliveries", tags=["incidents"], route_class=StrictRoute)


@router.get("", dependencies=[Depends(require(Role.VIEWER))])
def get_deliveries(session: SessionDep, wanted: Annotated[WantedDeliveries, Query()]) -> DeliveryPage:
    """Alerts on their way to channels, the newest first."""
    found, before = list_deliveries(session, wanted.filter(), limit=wanted.limit)
    return DeliveryPage(deliveries=[Delivery.of(one) for one in found], next_cursor=before)


@router.post(
    "/{delivery_id}/resend",
    dependencies=[Depends(require(Role.OPERATOR))],
    responses={404: {"model": ProblemBody, "description": "There is no such delivery"}},
)
def resend(delivery_id: int, session: SessionDep, clock: ClockDep, audit: AuditDep) -> Delivery:
    """Send an alert to its channel again; one that waits for its next try goes at once."""
    delivery = resend_delivery(session, delivery_id, at=clock())
    session.flush()
    audit("delivery.resend", str(delivery_id))
    return Delivery.of(delivery)
