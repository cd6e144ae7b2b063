"""The channel sync dialect: syncs of chat channels to the letter of its document, and what they have made.

wire, error_wire, routes                    syncs and schedules
knowledge_wire, knowledge_query, knowledge  channels, facts, graph, wiki
"""

from fastapi import FastAPI

from supersync_core.services.channel_sync.directory import Directory
from supersync_dagster.api.app import new_app
from supersync_dagster.api.channel_sync import knowledge, openapi, routes
from supersync_dagster.api.channel_sync.error_wire import error_body
from supersync_dagster.api.context import ApiContext


def create_app(context: ApiContext) -> FastAPI:
    """The application of the dialect."""
    app = new_app(context, name="channel_sync", title="supersync: channel sync", body=error_body, owns=("/api/sync/",))
    app.state.directory = Directory(context.configuration)
    app.include_router(routes.router)
    app.include_router(knowledge.router)
    plain = app.openapi
    app.openapi = lambda: openapi.show(plain())  # type: ignore[method-assign]  # as FastAPI's manual has it
    return app
