"""The DeltaForge dialect: change data capture, to the letter of its document.

wire   its bodies and words          others   the routes of one part of the document each
"""

from fastapi import FastAPI

from supersync_dagster.api.app import new_app
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deltaforge import journal, pipelines, schemas, sensing, system
from supersync_dagster.api.deltaforge.wire import error_body


def create_app(context: ApiContext) -> FastAPI:
    """The application of the dialect."""
    app = new_app(
        context, name="deltaforge", title="supersync: change data capture", body=error_body, mistake_status=400
    )
    for part in (pipelines, schemas, sensing, journal, system):
        app.include_router(part.router)
    return app
