"""What the buttons on incidents do: acknowledge, mute, unmute, resolve."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.errors import BadData, NotFound
from supersync_core.ledger.check_tables import Alert
from supersync_core.services.alerts import resend_delivery
from supersync_core.services.audit import record
from supersync_core.services.incidents import (
    acknowledge_incident,
    mute_incident,
    resolve_incident,
    unmute_incident,
)
from supersync_dagster.api.auth import TRAIL, CallerDep, IdentityDep, caller_of, require
from supersync_dagster.api.deps import ContextDep
from supersync_dagster.web.failures import wants_fragment
from supersync_dagster.web.incidents import PATH, about
from supersync_dagster.web.render import page

Action = Literal["acknowledge", "mute", "unmute", "resolve"]
Page = Literal["list", "incident"]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Wish:
    """What the form says. `hours` 0: the mute has no end; `until`: its end in UTC, instead of them."""

    action: Annotated[Action, Form()]
    reason: Annotated[str, Form()] = ""
    hours: Annotated[int, Form(ge=0, le=24 * 366)] = 0
    until: Annotated[str, Form(max_length=40)] = ""
    page: Annotated[Page, Form()] = "incident"

    def end(self, at: datetime) -> datetime | None:
        """When the mute ends. Raises BadData."""
        if not self.until:
            return at + timedelta(hours=self.hours) if self.hours else None
        try:
            found = datetime.fromisoformat(self.until)
        except ValueError as error:
            raise BadData("the end of the mute is not a time") from error
        return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


@router.post(f"{PATH}/{{incident_id}}/actions", dependencies=[Depends(require(Role.OPERATOR))])
def act(
    incident_id: int,
    request: Request,
    context: ContextDep,
    identity: IdentityDep,
    wish: Annotated[Wish, Depends()],
) -> Response:
    """Do it, and show the incident as it is now; without scripts, lead back to the page."""
    at = context.clock()
    with context.ledger.begin() as session:
        _ACTIONS[wish.action](session, incident_id, wish, identity.name, at)
        record(session, caller_of(request.scope), f"incident.{wish.action}", str(incident_id), result=200, at=at)
    request.scope[TRAIL].recorded = True
    request.app.state.incidents.forget()
    if not wants_fragment(request):
        return RedirectResponse("../../incidents" if wish.page == "list" else f"../{incident_id}", 303)
    template, path = _PAGES[wish.page]
    toast = f"Incident {incident_id} is {_DONE[wish.action]}"
    with context.ledger.begin() as session:
        values = about(request, session, incident_id, at)
    return page(request, template, page_path=path.format(id=incident_id), toast=toast, **values)


@router.post(f"{PATH}/{{incident_id}}/deliveries/{{delivery_id}}", dependencies=[Depends(require(Role.OPERATOR))])
def resend(incident_id: int, delivery_id: int, request: Request, context: ContextDep, caller: CallerDep) -> Response:
    """Send an alert to a channel again, or at once."""
    at = context.clock()
    with context.ledger.begin() as session:
        delivery = resend_delivery(session, delivery_id, at=at)
        if session.get_one(Alert, delivery.alert_id).incident_id != incident_id:
            raise NotFound(f"incident {incident_id} has no delivery {delivery_id}")
        record(session, caller, "alert.resend", f"{delivery_id} to {delivery.channel}", result=200, at=at)
        toast = f"It is on its way to {delivery.channel}"
    request.scope[TRAIL].recorded = True
    request.app.state.incidents.forget()
    if not wants_fragment(request):
        return RedirectResponse(f"../../{incident_id}#alerts", 303)
    with context.ledger.begin() as session:
        values = about(request, session, incident_id, at)
    path = f"{PATH}/{incident_id}"
    return page(request, "incident_details_partial.html", page_path=path, toast=toast, **values)


def _acknowledge(session: Session, incident_id: int, wish: Wish, by: str, at: datetime) -> None:
    acknowledge_incident(session, incident_id, by=by, reason=wish.reason.strip() or None, at=at)


def _mute(session: Session, incident_id: int, wish: Wish, by: str, at: datetime) -> None:
    mute_incident(session, incident_id, by=by, reason=wish.reason.strip() or None, until=wish.end(at), at=at)


def _unmute(session: Session, incident_id: int, wish: Wish, by: str, _: datetime) -> None:
    unmute_incident(session, incident_id, by=by, reason=wish.reason.strip() or None)


def _resolve(session: Session, incident_id: int, wish: Wish, by: str, at: datetime) -> None:
    resolve_incident(session, incident_id, by=by, reason=wish.reason.strip() or None, at=at)


_PAGES: dict[Page, tuple[str, str]] = {
    "list": ("incident_row_partial.html", PATH),
    "incident": ("incident_partial.html", f"{PATH}/{{id}}"),
}
_ACTIONS: dict[Action, Callable[[Session, int, Wish, str, datetime], None]] = {
    "acknowledge": _acknowledge,
    "mute": _mute,
    "unmute": _unmute,
    "resolve": _resolve,
}
_DONE: dict[Action, str] = {
    "acknowledge": "acknowledged",
    "mute": "muted",
    "unmute": "open again",
    "resolve": "resolved",
}
