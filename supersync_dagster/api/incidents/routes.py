"""`/api/v1/incidents`: what somebody has to take care of, and what is done about it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.services import incidents as service
from supersync_core.services.incident_pages import read_details
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import IdentityDep, require
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.api.errors import ProblemBody
from supersync_dagster.api.incidents.wire import Details, Incident, MuteWish, Page, Wanted, Wish
from supersync_dagster.api.json_route import StrictRoute

VIEWER, OPERATOR = ([Depends(require(role))] for role in (Role.VIEWER, Role.OPERATOR))
IncidentId = Annotated[int, Path(description="An incident's id.")]

Change = Callable[[Session, str, datetime], object]
"""What is done to an incident, by whom and when."""
Act = Callable[[str, int, Change], Incident]


async def _act(session: SessionDep, identity: IdentityDep, clock: ClockDep, audit: AuditDep) -> Act:
    def act(word: str, incident_id: int, change: Change) -> Incident:
        at = clock()
        change(session, identity.name, at)
        session.flush()
        audit(f"incident.{word}", str(incident_id))
        return Incident.of(service.read_incident(session, incident_id, at=at))

    return act


ActDep = Annotated[Act, Depends(_act)]
WishDep = Annotated[Wish, Body(default_factory=Wish)]
MuteWishDep = Annotated[MuteWish, Body(default_factory=MuteWish)]
_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": ProblemBody, "description": "There is no such incident"},
    409: {"model": ProblemBody, "description": "It is resolved, or not muted"},
}

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], route_class=StrictRoute)


@router.get("", dependencies=VIEWER)
def list_incidents(session: SessionDep, clock: ClockDep, wanted: Annotated[Wanted, Query()]) -> Page:
    """Incidents that are asked for, the newest first."""
    entries, before = service.list_incidents(session, wanted.filter(), limit=wanted.limit, at=clock())
    return Page(incidents=[Incident.of(entry) for entry in entries], next_cursor=before)


@router.get("/{incident_id}", dependencies=VIEWER, responses={404: _ERRORS[404]})
def get_incident(incident_id: IncidentId, session: SessionDep, clock: ClockDep) -> Details:
    """One of them, with what was found and who was told."""
    return Details.about(read_details(session, incident_id, at=clock()))


@router.post("/{incident_id}/acknowledge", dependencies=OPERATOR, responses=_ERRORS)
def acknowledge(incident_id: IncidentId, act: ActDep, wish: WishDep) -> Incident:
    """Say that somebody takes care of it: nobody is alerted any more."""
    return act(
        "acknowledge",
        incident_id,
        lambda session, by, at: service.acknowledge_incident(session, incident_id, by=by, reason=wish.reason, at=at),
    )


@router.post("/{incident_id}/mute", dependencies=OPERATOR, responses=_ERRORS)
def mute(incident_id: IncidentId, act: ActDep, wish: MuteWishDep) -> Incident:
    """Let nobody be alerted until a time, or until somebody unmutes it."""
    return act(
        "mute",
        incident_id,
        lambda session, by, at: service.mute_incident(
            session, incident_id, by=by, reason=wish.reason, until=wish.until, at=at
        ),
    )


@router.post("/{incident_id}/unmute", dependencies=OPERATOR, responses=_ERRORS)
def unmute(incident_id: IncidentId, act: ActDep, wish: WishDep) -> Incident:
    """Open a muted one again."""
    return act(
        "unmute",
        incident_id,
        lambda session, by, _: service.unmute_incident(session, incident_id, by=by, reason=wish.reason),
    )


@router.post("/{incident_id}/resolve", dependencies=OPERATOR, responses=_ERRORS)
def resolve(incident_id: IncidentId, act: ActDep, wish: WishDep) -> Incident:
    """Say that it is over. What is found afterwards opens a new one."""
    return act(
        "resolve",
        incident_id,
        lambda session, by, at: service.resolve_incident(session, incident_id, by=by, reason=wish.reason, at=at),
    )
