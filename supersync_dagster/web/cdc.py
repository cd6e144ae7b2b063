"""The pages of a CDC pipeline beside its own: how it streams, its dead letters, its schemas and their drift."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import NotFound
from supersync_core.services.cdc.dead_letters import count, peek
from supersync_core.services.cdc.overview import table_histories
from supersync_core.services.cdc.pipelines import Pipeline, get_cdc_pipeline
from supersync_core.services.cdc.sensing import list_drift, list_sensed
from supersync_core.services.cdc.views import shown_position
from supersync_dagster.api.auth import require
from supersync_dagster.api.deps import ContextDep, SessionDep
from supersync_dagster.web.asked import Words
from supersync_dagster.web.live import View
from supersync_dagster.web.pipeline import PATH, stream_of
from supersync_dagster.web.render import page
from supersync_dagster.web.rows import Row
from supersync_dagster.web.stream import Still, stream

DEAD_LETTERS = f"{PATH}/dead-letters"
SCHEMAS = f"{PATH}/schemas"
PER_PAGE = 50
KINDS = ("serialization", "routing", "too_large")
VIEWER = [Depends(require(Role.VIEWER))]

router = APIRouter(include_in_schema=False)

After = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get(f"{PATH}/stream", dependencies=VIEWER)
def read_stream(key: str, request: Request, session: SessionDep, context: ContextDep) -> Response:
    """How it streams, alone."""
    row = stream_row(request, key)
    values = stream_of(session, context, row)
    return page(request, "stream.html", page_path=PATH.format(key=key), row=row, **values)


@router.get(DEAD_LETTERS, dependencies=VIEWER)
def read_dead_letters(  # noqa: PLR0913  # what is asked for, and what it needs
    key: str, request: Request, session: SessionDep, sink: Words = "", kind: Words = "", after: After = 0
) -> Response:
    """A page of them, the oldest first."""
    row = stream_row(request, key)
    values = dead_letters_of(session, row, sink, kind, after)
    return page(request, "dead_letters.html", row=row, **values)


@router.get(SCHEMAS, dependencies=VIEWER)
def read_schemas(key: str, request: Request, session: SessionDep) -> Response:
    """The forms of its tables, what was sensed of them, and what does not fit."""
    row = stream_row(request, key)
    pipeline = get_cdc_pipeline(session, row.standing.name)
    return page(
        request,
        "schemas.html",
        row=row,
        tables=table_histories(session, pipeline),
        sensed=list_sensed(session, pipeline),
        drift=list_drift(session, pipeline),
    )


@router.get(f"{PATH}/quiet", dependencies=VIEWER)
async def read_events(key: str, request: Request) -> Response:
    """The banner, as it changes, for these pages."""
    return stream(request, Still(), page_path=DEAD_LETTERS.format(key=key), tag=None)


def stream_row(request: Request, key: str) -> Row:
    """The row of a CDC pipeline. Raises NotFound."""
    view: View = request.app.state.live.view()
    row = view.row(key)
    if row is None or row.standing.kind is not PipelineKind.CDC:
        raise NotFound("there is no such CDC pipeline")
    return row


def dead_letters_of(session: Session, row: Row, sink: str, kind: str, after: int) -> dict[str, Any]:
    """What the template needs to show a page of dead letters."""
    pipeline = get_cdc_pipeline(session, row.standing.name)
    found = peek(session, pipeline, limit=PER_PAGE + 1, sink_id=sink, error_kind=kind, after_seq=after)
    return {
        "letters": found[:PER_PAGE],
        "has_more": len(found) > PER_PAGE,
        "total": count(session, pipeline),
        "asked": {"sink": sink, "kind": kind, "after": after},
        "sinks": _sinks(pipeline),
        "kinds": KINDS,
        "shown_position": shown_position,
    }


def _sinks(pipeline: Pipeline) -> list[str]:
    return [str(sink["config"]["id"]) for sink in pipeline.spec["spec"]["sinks"]]
