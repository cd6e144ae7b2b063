"""`/supersync/pipelines/{key}`: one pipeline, its runs, charts of them, and what it is made of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.domain.check import Metric
from supersync_core.domain.historical_sync import percent
from supersync_core.domain.pipeline import PipelineKind, dagster_key
from supersync_core.errors import ConfigError, NotFound
from supersync_core.ledger.historical_tables import HistoricalSyncJob
from supersync_core.services.board import Standing
from supersync_core.services.cdc.overview import overview
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.configuration.mask import shown_spec
from supersync_core.services.details import Details, pipeline_details
from supersync_core.services.freshness_board import freshness_of
from supersync_core.services.historical_sync.requests import list_jobs
from supersync_core.services.past import page_of, read_measured, read_past
from supersync_dagster.api.auth import require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ContextDep, SessionDep
from supersync_dagster.web.asked import PageNumber, pages_of
from supersync_dagster.web.charts import as_json
from supersync_dagster.web.health import UNKNOWN, chips_now
from supersync_dagster.web.live import View
from supersync_dagster.web.render import fragment, page
from supersync_dagster.web.rows import Row
from supersync_dagster.web.run_charts import run_charts
from supersync_dagster.web.stream import stream

PATH = "/supersync/pipelines/{key}"
PER_PAGE = 25
IN_CHARTS = 200
"""Runs."""
IMPORTS = 10
"""Jobs of an import of calls that are listed."""
VIEWER = [Depends(require(Role.VIEWER))]

router = APIRouter(include_in_schema=False)


@router.get(PATH, dependencies=VIEWER)
def read_pipeline(
    key: str,
    request: Request,
    session: SessionDep,
    context: ContextDep,
    number: PageNumber = 1,
    run: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The page; that of its history on which `run` is."""
    view: View = request.app.state.live.view()
    row = _row(view, key)
    if run is not None:
        number = page_of(session, row.standing, run, per_page=PER_PAGE)
    details = pipeline_details(session, row.standing.id)
    return page(
        request,
        "pipeline.html",
        view=view,
        row=row,
        chips=chips_now(context) or UNKNOWN,
        details=details,
        standing=freshness_of(session, row.standing.id, at=context.clock()),
        spec=yaml.safe_dump(shown_spec(_told(row, details)), sort_keys=False, allow_unicode=True, width=100),
        ends=_ends(details.spec, _types(context)),
        **stream_of(session, context, row),
        **past_of(session, row.standing, number),
    )


def stream_of(session: Session, context: ApiContext, row: Row) -> dict[str, Any]:
    """What the templates need to show how it streams, if it does."""
    if row.standing.kind is not PipelineKind.CDC:
        return {"it": None}
    pipeline = get_cdc_pipeline(session, row.standing.name)
    warning = context.settings.retained_warning_bytes
    return {"it": overview(session, pipeline, at=context.clock()), "warning_bytes": warning}


@router.get(f"{PATH}/history", dependencies=VIEWER)
def read_history(key: str, request: Request, session: SessionDep, number: PageNumber = 1) -> Response:
    """Its runs and their charts alone."""
    row = _row(request.app.state.live.view(), key)
    past = past_of(session, row.standing, number)
    return page(request, "past.html", page_path=PATH.format(key=key), row=row, **past)


@router.get(f"{PATH}/events", dependencies=VIEWER)
async def read_events(key: str, request: Request, since: str | None = None) -> Response:
    """Its state, how far its run is, and that one has ended."""
    row = _row(await request.app.state.live.coming(), key)
    return stream(request, PipelinePainter(row), page_path=PATH.format(key=key), tag=since)


class PipelinePainter:
    """The head of the page, and an event `run-ended` that makes the page ask for its history anew."""

    def __init__(self, row: Row) -> None:
        """`row`: as the stream begins."""
        self._key, self._last = row.key, row.standing.last

    def paint(self, view: View, seen: str | None, around: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
        """Nothing while the pipeline stays as it is, or is there no more."""
        row, changed = view.row(self._key), view.since(seen)
        if row is None or (changed is not None and row not in changed):
            return
        yield None, fragment("pipeline_partial.html", row=row, toast=None, **around)
        # Whoever comes with an old view may have missed an end, too.
        if changed is None or row.standing.last != self._last:
            self._last = row.standing.last
            yield "run-ended", row.key


def _row(view: View, key: str) -> Row:
    row = view.row(key)
    if row is None:
        raise NotFound("there is no such pipeline, or nobody declares it any more")
    return row


def _told(row: Row, details: Details) -> Mapping[str, Any]:
    """What it is made of, as its declaration says or its reporter."""
    return details.spec if row.is_ours else details.extra or {}


def _ends(spec: Mapping[str, Any], types: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The declared sides with the name of their connection, and its type where it is known."""
    sides = ((side, spec[side]) for side in ("source", "target") if isinstance(spec.get(side), Mapping))
    names = ((side, str(part["connection"])) for side, part in sides if part.get("connection"))
    return [(side, name, types.get(name, "")) for side, name in names]


def _types(context: ApiContext) -> Mapping[str, str]:
    """The type of each connection by its name, as far as the configuration can be read."""
    try:
        configuration = context.configuration()
    except ConfigError:
        return {}
    return {name: one.type for name, one in configuration.connections.items()} if configuration else {}


def past_of(session: Session, standing: Standing, number: int) -> dict[str, Any]:
    """A page of history, and the newest runs for the charts."""
    past = read_past(session, standing, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    runs = read_measured(session, standing, limit=IN_CHARTS)
    always = (Metric.THROUGHPUT,) if standing.kind is PipelineKind.CDC else ()
    charts = run_charts(runs, always=always)
    return {
        "past": past,
        "total": past.total,
        "number": number,
        "pages": pages_of(past.total, PER_PAGE),
        "charts": charts,
        "drawn": as_json([round(run.ended_at.timestamp(), 3) for run in runs], charts),
        "key_of": dagster_key,
        "imports": imports_of(session, standing),
        "percent": percent,
    }


def imports_of(session: Session, standing: Standing) -> Sequence[HistoricalSyncJob]:
    """The newest imports of calls, none of another kind of pipeline. An import may take several runs."""
    return list_jobs(session, standing.id, limit=IMPORTS) if standing.kind is PipelineKind.HISTORICAL_SYNC else ()
