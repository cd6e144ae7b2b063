"""What the buttons of a CDC pipeline do: pause, resume, stop; dead letters acknowledged, delivered again, purged."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.services.audit import record
from supersync_core.services.cdc import requests
from supersync_core.services.cdc.dead_letters import acknowledge, purge
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.cdc.replay import request_replay
from supersync_dagster.api.auth import TRAIL, CallerDep, Forbidden, IdentityDep, require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ContextDep
from supersync_dagster.web.cdc import DEAD_LETTERS, dead_letters_of, stream_row
from supersync_dagster.web.failures import wants_fragment
from supersync_dagster.web.render import page
from supersync_dagster.web.rows import Row

Wish = Literal["acknowledge", "replay", "purge"]

router = APIRouter(include_in_schema=False)


@router.post(f"{DEAD_LETTERS}/actions", dependencies=[Depends(require(Role.OPERATOR))])
def act_on_dead_letters(  # noqa: PLR0913  # what the form says, and what it needs
    key: str,
    action: Annotated[Wish, Form()],
    request: Request,
    context: ContextDep,
    identity: IdentityDep,
    caller: CallerDep,
    up_to_seq: Annotated[int, Form(ge=0, le=2**63 - 1)] = 0,
) -> Response:
    """Do it, and show what is left."""
    row = stream_row(request, key)
    if action == "purge" and identity.role < Role.ADMIN:
        raise Forbidden("only an admin purges dead letters")
    at = context.clock()
    with context.ledger.begin() as session:
        toast = _WISHES[action](session, row, up_to_seq, context)
        record(session, caller, f"cdc.{action}", f"{row.standing.name}: {toast}", result=200, at=at)
    request.scope[TRAIL].recorded = True
    request.app.state.incidents.forget()
    if not wants_fragment(request):
        return RedirectResponse("../dead-letters", 303)
    with context.ledger.begin() as session:
        values = dead_letters_of(session, row, "", "", 0)
    path = DEAD_LETTERS.format(key=key)
    return page(request, "dead_letters_partial.html", page_path=path, row=row, toast=toast, **values)


def pause(session: Session, context: ApiContext, row: Row, _: str) -> str:
    """Hold it."""
    requests.pause(session, row.standing.name, at=context.clock())
    return f"{row.standing.title} is paused"


def resume(session: Session, context: ApiContext, row: Row, _: str) -> str:
    """Let it go on, or start it again."""
    requests.resume(session, context.launcher, row.standing.name, at=context.clock())
    return f"{row.standing.title} is resumed"


def stop(session: Session, context: ApiContext, row: Row, _: str) -> str:
    """End its run."""
    requests.stop(session, row.standing.name, at=context.clock())
    return f"{row.standing.title} is stopped"


def _acknowledge(session: Session, row: Row, up_to_seq: int, context: ApiContext) -> str:
    pipeline = get_cdc_pipeline(session, row.standing.name)
    acked = acknowledge(session, pipeline, up_to_seq=up_to_seq, at=context.clock())
    return f"{acked} dead letters are acknowledged"


def _replay(session: Session, row: Row, up_to_seq: int, context: ApiContext) -> str:
    pipeline = get_cdc_pipeline(session, row.standing.name)
    asked = request_replay(session, pipeline, up_to_seq=up_to_seq, at=context.clock())
    skipped = f"; {asked.skipped} cannot be" if asked.skipped else ""
    return f"{asked.requested} dead letters will be delivered again{skipped}"


def _purge(session: Session, row: Row, up_to_seq: int, context: ApiContext) -> str:
    purged = purge(session, get_cdc_pipeline(session, row.standing.name), at=context.clock())
    return f"{purged} dead letters are purged"


_WISHES: dict[Wish, Callable[[Session, Row, int, ApiContext], str]] = {
    "acknowledge": _acknowledge,
    "replay": _replay,
    "purge": _purge,
}
