"""The historical sync dialect: imports of an agency's calls, to the letter of its document, for users of Supabase.

Its callers show tokens of Supabase, and nothing else counts here: no token of ours, no session, no address.
"""

from fastapi import FastAPI

from supersync_core.services.supabase import Supabase, SupabaseSettings
from supersync_dagster.api.app import new_app
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.historical_sync import routes
from supersync_dagster.api.historical_sync.cors import Cors
from supersync_dagster.api.historical_sync.wire import error_body


def create_app(context: ApiContext) -> FastAPI:
    """The application of the dialect."""
    app = new_app(
        context,
        name="historical_sync",
        title="supersync: historical call sync",
        body=error_body,
        mistake_status=400,
        owns=("/functions/v1/",),
    )
    app.state.supabase = Supabase(SupabaseSettings())
    app.include_router(routes.router, prefix="/functions/v1")
    app.include_router(routes.router, include_in_schema=False)
    # Around everything, also what answers an error that nobody has expected.
    app.middleware_stack = Cors(app.build_middleware_stack())
    return app
