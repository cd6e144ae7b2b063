"""`/supersync/incidents`: what somebody has to take care of, what was found, and who was told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.domain.incident import IncidentKind, IncidentState, Level
from supersync_core.services.incident_pages import incident_page, read_details
from supersync_core.services.incidents import IncidentFilter
from supersync_dagster.api.auth import require
from supersync_dagster.api.deps import ClockDep, SessionDep
from supersync_dagster.web.asked import Words
from supersync_dagster.web.live import View
from supersync_dagster.web.render import page
from supersync_dagster.web.stream import Still, stream

PATH = "/supersync/incidents"
PER_PAGE = 50
VIEWER = [Depends(require(Role.VIEWER))]
MUTES = {1: "1 hour", 8: "8 hours", 24: "1 day", 168: "7 days", 720: "30 days", 0: "until somebody unmutes it"}
"""Hours."""

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Asked:
    """The filter of the page. `pipeline`: its key."""

    state: IncidentState = IncidentState.OPEN
    kind: IncidentKind | Literal[""] = ""
    level: Level | Literal[""] = ""
    pipeline: Words = ""

    def wanted(self, view: View, before: int | None) -> IncidentFilter:
        """As the service takes it. An unknown pipeline has no incidents."""
        row = view.row(self.pipeline) if self.pipeline else None
        return IncidentFilter(
            states=(self.state,),
            kinds=(IncidentKind(self.kind),) if self.kind else (),
            level=Level(self.level) if self.level else None,
            pipeline_id=None if not self.pipeline else row.standing.id if row else 0,
            before=before,
        )

    def query(self, **changed: Any) -> str:
        """As an address says it."""
        given = {"state": self.state, "kind": self.kind, "level": self.level, "pipeline": self.pipeline, **changed}
        words = {name: getattr(value, "value", value) for name, value in given.items() if value}
        return urlencode(words)


AskedDep = Annotated[Asked, Depends()]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


@router.get(PATH, dependencies=VIEWER)
def read_incidents(
    request: Request, session: SessionDep, clock: ClockDep, asked: AskedDep, before: Before = None
) -> Response:
    """A page of them."""
    pulse = request.app.state.incidents.now()
    return _list(request, session, clock(), asked, before, template="incidents.html", pulse=pulse)


@router.get(f"{PATH}/list", dependencies=VIEWER)
def read_list(
    request: Request, session: SessionDep, clock: ClockDep, asked: AskedDep, before: Before = None
) -> Response:
    """The list alone, once something has changed."""
    return _list(request, session, clock(), asked, before, template="incident_list.html", pulse=None)


@router.get(f"{PATH}/events", dependencies=VIEWER)
async def read_events(
    request: Request, since: str = "", page_: Annotated[str, Query(alias="page", pattern=r"^(list|\d{1,19})$")] = "list"
) -> Response:
    """That something has changed; for the list, or the page of the incident with that id."""
    path = PATH if page_ == "list" else f"{PATH}/{page_}"
    return stream(request, Still(), page_path=path, tag=None, pulse=since or "none")


@router.get(f"{PATH}/{{incident_id}}", dependencies=VIEWER)
def read_incident(incident_id: int, request: Request, session: SessionDep, clock: ClockDep) -> Response:
    """One of them."""
    pulse = request.app.state.incidents.now()
    return page(request, "incident.html", pulse=pulse, **about(request, session, incident_id, clock()))


@router.get(f"{PATH}/{{incident_id}}/details", dependencies=VIEWER)
def read_part(incident_id: int, request: Request, session: SessionDep, clock: ClockDep) -> Response:
    """What may have changed of it, once something has."""
    values = about(request, session, incident_id, clock())
    return page(request, "incident_details.html", page_path=f"{PATH}/{incident_id}", **values)


def about(request: Request, session: Session, incident_id: int, at: datetime) -> dict[str, Any]:
    """What the templates need to show an incident. Raises NotFound."""
    details = read_details(session, incident_id, at=at)
    return {"details": details, "entry": details.entry, "row_of": _rows(request), "mutes": MUTES}


def _list(  # noqa: PLR0913  # what is asked for, and how it is drawn
    request: Request,
    session: Session,
    at: datetime,
    asked: Asked,
    before: int | None,
    **values: Any,
) -> Response:
    view: View = request.app.state.live.view()
    found = incident_page(session, asked.wanted(view, before), limit=PER_PAGE, at=at)
    values |= {"asked": asked, "before": before, "found": found, "states": list(IncidentState)}
    values |= {"kinds": list(IncidentKind), "levels": list(Level), "row_of": _rows(request)}
    return page(request, values.pop("template"), page_path=PATH, view=view, **values)


def _rows(request: Request) -> Any:
    """A function that finds the row of a pipeline by its id."""
    view: View = request.app.state.live.view()
    return {row.standing.id: row for row in view.rows}.get
