"""The pages under /supersync, drawn by the server: the live board, a page per pipeline, login, and `/api/docs`.

Nothing on them comes from another host, and links are relative, so they work below any prefix that a proxy adds.
"""

from fastapi import FastAPI

from supersync_core.services.channel_sync.directory import Directory
from supersync_core.services.incident_pages import IncidentPulse
from supersync_dagster.api.app import new_app
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.session import HARMLESS
from supersync_dagster.api.session import router as session_router
from supersync_dagster.web import (
    actions,
    board,
    cdc,
    cdc_actions,
    channels,
    diagnostics,
    docs,
    freshness,
    incident_actions,
    incidents,
    lineage,
    login,
    pipeline,
    reporting,
    static,
    unflag,
    wiki,
)
from supersync_dagster.web.failures import answer_with_pages
from supersync_dagster.web.live import LiveBoard


def create_app(context: ApiContext) -> FastAPI:
    """The application of the pages."""
    app = new_app(
        context, name="pages", title="supersync: pages", owns=("/supersync/",), harmless=HARMLESS, documented=False
    )
    app.state.live = LiveBoard(context)
    app.state.directory = Directory(context.configuration)
    app.state.incidents = IncidentPulse(context.ledger, context.clock)
    answer_with_pages(app)
    for module in (
        static,
        board,
        pipeline,
        actions,
        cdc,
        cdc_actions,
        unflag,
        reporting,
        lineage,
        freshness,
        incidents,
        incident_actions,
        channels,
        wiki,
        diagnostics,
        login,
        docs,
    ):
        app.include_router(module.router)
    app.include_router(session_router)
    return app
