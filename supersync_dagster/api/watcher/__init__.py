"""The Watcher dialect: pipelines that anybody runs, executions, lineage and checks, to the letter of its document.

fields   what its values are read from          wire, *_wire   its bodies and words
others   the routes of one noun each
"""

from fastapi import FastAPI

from supersync_dagster.api.app import new_app
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.watcher import (
    address_types,
    addresses,
    checks,
    executions,
    lineage,
    maintenance,
    openapi,
    pipeline_types,
    pipelines,
    rules,
)
from supersync_dagster.api.watcher.pipelines_page import PipelinesPage
from supersync_dagster.api.watcher.reports import Reports
from supersync_dagster.api.watcher.wire import error_body


def create_app(context: ApiContext) -> FastAPI:
    """The application of the dialect."""
    app = new_app(context, name="watcher", title="supersync: watcher", body=error_body)
    app.state.reports = Reports(context.ledger, context.clock)
    app.state.pipelines_page = PipelinesPage(context.ledger)
    # What is asked for most is looked for first.
    app.include_router(executions.reports)
    nouns = (pipelines, executions, lineage, addresses, pipeline_types, address_types, rules, checks, maintenance)
    for noun in nouns:
        app.include_router(noun.router)
    plain = app.openapi
    app.openapi = lambda: openapi.show(plain())  # type: ignore[method-assign]  # as FastAPI's manual has it
    return app
