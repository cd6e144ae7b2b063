"""The applications behind the one port: a FastAPI of its own for each dialect, for the pages and for the docs."""

from collections.abc import Collection
from importlib import import_module
from typing import Any

from fastapi import Depends, FastAPI

from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import refuse_when_read_only
from supersync_dagster.api.errors import Body, ProblemBody, answer_errors, problem_body

__all__ = ["APPS", "ApiContext", "create_apps", "new_app"]

APPS = (
    "supersync_dagster.api.table_sync",
    "supersync_dagster.api.channel_sync",
    "supersync_dagster.api.historical_sync",
    "supersync_dagster.api.watcher",
    "supersync_dagster.api.deltaforge",
    "supersync_dagster.api.system",
    "supersync_dagster.api.audit",
    "supersync_dagster.api.incidents",
    "supersync_dagster.api.openlineage",
    "supersync_dagster.web",
)
"""Modules with `create_app(context) -> FastAPI`; where two know a path, the first one answers."""


_WRONG: dict[int | str, dict[str, Any]] = {422: {"model": ProblemBody, "description": "What was sent is wrong"}}


def create_apps(context: ApiContext) -> list[FastAPI]:
    """All of them, in the order in which they are asked whether a path is theirs.

    Each knows in `state.documents` the titles and addresses of the OpenAPI documents of all.
    """
    apps: list[FastAPI] = [import_module(name).create_app(context) for name in APPS]
    documents = [(app.title, app.openapi_url) for app in apps if app.openapi_url]
    for app in apps:
        app.state.documents = documents
    return apps


def new_app(  # noqa: PLR0913  # what makes one dialect differ from another
    context: ApiContext,
    *,
    name: str,
    title: str,
    body: Body = problem_body,
    mistake_status: int = 422,
    owns: Collection[str] = (),
    harmless: Collection[str] = (),
    documented: bool = True,
    **fastapi: Any,
) -> FastAPI:
    """An application of the API, before its routes are added.

    `body`: how it says what went wrong; `mistake_status`: how it answers a mistake in what was sent. `owns`: prefixes
    of paths below which it answers everything, also with 404.
    `harmless`: paths of routes that change nothing though their method would (a login), for a read-only server.
    `documented`: it shows its OpenAPI document at `/api/openapi/<name>.json`, and so in `/api/docs`.
    """
    app = FastAPI(
        title=title,
        openapi_url=f"/api/openapi/{name}.json" if documented else None,
        docs_url=None,
        redoc_url=None,
        # A path with a slash too many is another path, not a redirect to a host that a client has named.
        redirect_slashes=False,
        dependencies=[Depends(refuse_when_read_only)],
        responses=_WRONG if body is problem_body else None,
        **fastapi,
    )
    app.state.context, app.state.owns, app.state.harmless = context, tuple(owns), frozenset(harmless)
    answer_errors(app, body, mistake_status)
    return app
