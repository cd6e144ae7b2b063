"""The button that takes back that a run was unusual."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from supersync_core.domain.access import Role
from supersync_core.domain.check import Metric
from supersync_core.errors import NotFound
from supersync_core.services.audit import record
from supersync_core.services.check_results import unflag_anomalies
from supersync_dagster.api.auth import TRAIL, CallerDep, require
from supersync_dagster.api.deps import ContextDep
from supersync_dagster.web.failures import wants_fragment
from supersync_dagster.web.live import LiveBoard
from supersync_dagster.web.pipeline import PATH, past_of
from supersync_dagster.web.render import page

METRICS = "|".join(metric.value for metric in Metric)

router = APIRouter(include_in_schema=False)


@router.post(f"{PATH}/unflag", dependencies=[Depends(require(Role.OPERATOR))])
def unflag(  # noqa: PLR0913  # what the form says, and what it needs
    key: str,
    flag: Annotated[str, Form(pattern=rf"^\d{{1,19}}-({METRICS})$")],
    request: Request,
    context: ContextDep,
    caller: CallerDep,
    number: Annotated[int, Form(ge=1, le=100_000)] = 1,
) -> Response:
    """Let a metric of a run be usual, as the button says it; then show the page of history that has that number."""
    live: LiveBoard = request.app.state.live
    row = live.view().row(key)
    if row is None:
        raise NotFound(f"there is no pipeline with the key {key!r}")
    execution_id, metric = flag.split("-")
    with context.ledger.begin() as session:
        at = context.clock()
        unflag_anomalies(session, row.standing.id, int(execution_id), [Metric(metric)], at=at)
        record(session, caller, "anomaly.unflag", row.standing.name, result=200, at=at)
        context.board.forget_after(session)
    request.scope[TRAIL].recorded = True
    live.forget()
    request.app.state.incidents.forget()
    if not wants_fragment(request):
        return RedirectResponse(f"../{key}?page={number}#run-{execution_id}", 303)
    now = live.view().row(key) or row
    with context.ledger.begin() as session:
        past = past_of(session, now.standing, number)
    toast = f"{metric.replace('_', ' ')} of that run is fine"
    return page(request, "unflagged.html", page_path=PATH.format(key=key), row=now, toast=toast, **past)
