"""Every route of every application, and of Dagster's webserver, with the role that it asks for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from dagster_webserver.webserver import DagsterWebserver
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from supersync_core.domain.access import Role
from supersync_core.ledger.database import open_ledger
from supersync_core.services.settings import Settings
from supersync_dagster.api.app import ApiContext, create_apps
from supersync_dagster.api.auth import anyone
from tests.launcher import NotingLauncher

SAFE = {"GET", "HEAD"}


@dataclass(frozen=True)
class Endpoint:
    """A method on a path. `asks`: what the route declares, `anyone` or roles."""

    method: str
    path: str
    asks: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def role(self) -> Role | None:
        """The role that is needed; None: none."""
        return self.asks[0] if isinstance(self.asks[0], Role) else None


def our_endpoints() -> list[Endpoint]:
    """Those of the applications behind the one port."""
    nowhere = open_ledger("postgresql://nobody@127.0.0.1:1/nothing")
    context = ApiContext(nowhere, NotingLauncher(), Settings(), lambda: None)
    found = [endpoint for app in create_apps(context) for route in app.router.routes for endpoint in _endpoints(route)]
    return sorted(found, key=str)


def dagsters_routes() -> list[BaseRoute]:
    """Those of Dagster's own webserver, without a prefix."""
    routes: list[BaseRoute] = DagsterWebserver(None).build_routes()  # type: ignore[no-untyped-call]
    return routes


def _endpoints(route: BaseRoute) -> Iterator[Endpoint]:
    inner = getattr(route, "original_router", None)
    if inner is not None:
        prefix = route.include_context.prefix  # type: ignore[attr-defined]  # as FastAPI's own include_router has it
        within = (endpoint for one in inner.routes for endpoint in _endpoints(one))
        yield from (replace(endpoint, path=prefix + endpoint.path) for endpoint in within)
    elif isinstance(route, APIRoute):
        for method in route.methods:
            yield Endpoint(method, route.path, tuple(_asked(route.dependant)))
    elif isinstance(route, Route):
        # FastAPI's own route for its document: it has no dependencies, and the guard asks for a token.
        for method in route.methods or ():
            if method != "HEAD":
                yield Endpoint(method, route.path, (Role.VIEWER,) if set(route.methods or ()) <= SAFE else ())
    else:
        raise AssertionError(f"a kind of route that the guard's tests do not know: {route!r}")


def _asked(dependant: Any) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        if dependency.call is anyone:
            yield anyone
        elif hasattr(dependency.call, "role"):
            yield dependency.call.role
        yield from _asked(dependency)


def writes(route: BaseRoute) -> set[str]:
    """The methods of a route that may change something; `WEBSOCKET` for a socket."""
    if isinstance(route, WebSocketRoute):
        return {"WEBSOCKET"}
    if isinstance(route, Mount):
        return set()  # static files
    assert isinstance(route, Route)
    return set(route.methods or ()) - SAFE
