"""Incidents, what was found of them, and who was told."""

from fastapi import FastAPI

from supersync_dagster.api.app import new_app
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.incidents import deliveries, routes


def create_app(context: ApiContext) -> FastAPI:
    """The application of the incidents."""
    app = new_app(context, name="incidents", title="supersync: incidents")
    app.include_router(routes.router)
    app.include_router(deliveries.router)
    return app
