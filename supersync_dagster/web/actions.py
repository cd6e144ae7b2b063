"""What the buttons do: trigger, pause, resume, cancel; of a pipeline that streams pause, resume, stop."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import Conflict, NotFound
from supersync_core.services.audit import record
from supersync_core.services.cancels import cancel_pipeline
from supersync_core.services.pauses import pause_pipeline, resume_pipeline
from supersync_core.services.triggers import TriggerRequest, trigger
from supersync_dagster.api.auth import TRAIL, IdentityDep, caller_of, require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ContextDep
from supersync_dagster.web import cdc_actions
from supersync_dagster.web.failures import wants_fragment
from supersync_dagster.web.live import LiveBoard
from supersync_dagster.web.render import page
from supersync_dagster.web.rows import Row

Action = Literal["trigger", "pause", "resume", "cancel", "stop"]
Page = Literal["board", "pipeline"]

router = APIRouter(include_in_schema=False)


@router.post("/supersync/pipelines/{key}/actions", dependencies=[Depends(require(Role.OPERATOR))])
def act(  # noqa: PLR0913  # what the request is, and what it needs
    key: str,
    action: Annotated[Action, Form()],
    request: Request,
    context: ContextDep,
    identity: IdentityDep,
    origin: Annotated[Page, Form(alias="page")] = "board",
) -> Response:
    """Do it, and show the row as it is now; without scripts, lead back to the page."""
    live: LiveBoard = request.app.state.live
    row = live.view().row(key)
    if row is None or not row.is_ours:
        raise NotFound(f"there is no pipeline with the key {key!r} that can be run from here")
    with context.ledger.begin() as session:
        message = _action(row, action)(session, context, row, identity.name)
        at = context.clock()
        record(session, caller_of(request.scope), f"sync.{action}", row.standing.name, result=200, at=at)
        context.board.forget_after(session)
    request.scope[TRAIL].recorded = True
    live.forget()
    if not wants_fragment(request):
        return RedirectResponse(f"../{key}" if origin == "pipeline" else f"../../../supersync#row-{key}", 303)
    now = live.view().row(key) or row
    template, path = _PAGES[origin]
    return page(request, template, page_path=path.format(key=key), rows=[now], row=now, shown=None, toast=message)


def _action(row: Row, action: Action) -> Callable[[Session, ApiContext, Row, str], str]:
    """What a button does. Raises Conflict for one that pipelines of that kind have not."""
    known = _STREAM_ACTIONS if row.standing.kind is PipelineKind.CDC else _ACTIONS
    if action not in known:
        raise Conflict(f"{row.standing.title} cannot be told to {action}")
    return known[action]


def _trigger(session: Session, context: ApiContext, row: Row, caller: str) -> str:
    wanted = TriggerRequest(row.standing.kind, row.standing.name)
    trigger(session, context.launcher, wanted, caller=caller, at=context.clock())
    return f"{row.standing.title}: a run is queued"


def _pause(session: Session, context: ApiContext, row: Row, _: str) -> str:
    pause_pipeline(session, context.launcher, row.standing.name, kind=row.standing.kind, at=context.clock())
    return f"{row.standing.title} is paused"


def _resume(session: Session, context: ApiContext, row: Row, _: str) -> str:
    resume_pipeline(session, context.launcher, row.standing.name, kind=row.standing.kind, at=context.clock())
    return f"{row.standing.title} is resumed"


def _cancel(session: Session, context: ApiContext, row: Row, _: str) -> str:
    cancel_pipeline(session, context.launcher, row.standing.name, kind=row.standing.kind, at=context.clock())
    return f"{row.standing.title}: the run is told to end"


_PAGES: dict[Page, tuple[str, str]] = {
    "board": ("rows_partial.html", "/supersync"),
    "pipeline": ("pipeline_partial.html", "/supersync/pipelines/{key}"),
}
_STREAM_ACTIONS: dict[Action, Callable[[Session, ApiContext, Row, str], str]] = {
    "pause": cdc_actions.pause,
    "resume": cdc_actions.resume,
    "stop": cdc_actions.stop,
}
_ACTIONS: dict[Action, Callable[[Session, ApiContext, Row, str], str]] = {
    "trigger": _trigger,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
}
