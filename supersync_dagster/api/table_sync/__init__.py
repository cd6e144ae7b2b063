"""The table sync dialect: jobs, triggers, history and a stream of their status, to the letter of its document."""

from fastapi import FastAPI

from supersync_core.services.board import LOOK_S
from supersync_dagster.api.app import new_app
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.sse import Broadcast
from supersync_dagster.api.table_sync.routes import router
from supersync_dagster.api.table_sync.status import StatusPage
from supersync_dagster.api.table_sync.wire import error_body

UPDATE_S = 5.0
"""The document: a stream has a `sync_update` every five seconds."""


def create_app(context: ApiContext) -> FastAPI:
    """The application of the dialect."""
    app = new_app(
        context, name="table_sync", title="supersync: table sync", body=error_body, owns=[f"{router.prefix}/"]
    )
    app.state.status = StatusPage(context.board)
    app.state.stream = Broadcast("sync_update", app.state.status.body, look_s=LOOK_S, every_s=UPDATE_S)
    app.include_router(router)
    return app
