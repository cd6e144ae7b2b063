"""Dagster's webserver with the API in front of its UI: the composition root of the web process."""

import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.version import __version__ as dagster_version
from dagster_webserver.webserver import DagsterWebserver
from fastapi import FastAPI
from starlette._utils import get_route_path
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import ASGIApp, Receive, Scope, Send

from supersync_core.clock import utcnow
from supersync_core.errors import RetryError
from supersync_core.ledger.database import Ledger
from supersync_core.services.current_configuration import CurrentConfiguration
from supersync_core.services.reaper import INTERVAL_S, reap
from supersync_core.services.settings import Settings
from supersync_dagster.api.app import ApiContext, create_apps
from supersync_dagster.api.guard import wrap
from supersync_dagster.gateway import DagsterGateway
from supersync_dagster.launcher import DagsterLauncher

logger = logging.getLogger(__name__)

SHUTDOWN_S = 3
"""Requests that go on get so long to end; open event streams never would."""
STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, POOL_OVERFLOW = 15_000, 3600, 20
"""For Dagster's storage, as its own webserver has them."""
LONG_PATH = 200
"""A path that is longer is nobody's usual one, and is not remembered."""
_API = "/api/"
_CLAIMED_BY = "supersync.app"


@dataclass(frozen=True)
class Listen:
    """Where and how to serve. `path_prefix`: below it is Dagster's UI, such as `/dagster`; our own paths stay."""

    host: str
    port: int
    path_prefix: str = ""
    read_only: bool = False


class HostedApps(BaseRoute):
    """One route for all applications of the API: it takes the paths that they know, and leaves the others.

    A path that is known with other methods is taken too, so that it is answered with 405. What begins with `/api/` is
    taken in any case: Dagster's last route would answer it with its UI.
    """

    def __init__(self, apps: Sequence[FastAPI], html_passes: Sequence[str] = ()) -> None:
        """`html_passes`: paths at which a browser gets Dagster's page."""
        self._apps, self._html_passes = apps, frozenset(html_passes)
        # Every route of every application is asked, so the answer is kept.
        self._known = lru_cache(maxsize=1024)(self._find)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See the class."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = get_route_path(scope)
        if path in self._html_passes and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
            return Match.NONE, {}
        app = self._claim(scope["method"], path)
        if app is None and not path.startswith(_API):
            return Match.NONE, {}
        return Match.FULL, {_CLAIMED_BY: app}

    def _claim(self, method: str, path: str) -> FastAPI | None:
        return self._known(method, path) if len(path) <= LONG_PATH else self._find(method, path)

    def _find(self, method: str, path: str) -> FastAPI | None:
        partial = None
        for app in self._apps:
            asked = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
            found = {route.matches(dict(asked))[0] for route in app.router.routes}
            if Match.FULL in found:
                return app
            if Match.PARTIAL in found:
                partial = partial or app
        return partial or next((app for app in self._apps if path.startswith(app.state.owns)), None)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the application that has claimed it."""
        app: ASGIApp = scope[_CLAIMED_BY] or _unknown
        # Each application finds addresses among its own routes: the router outside knows none of them.
        await app({key: value for key, value in scope.items() if key != "router"}, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Addresses are each application's own."""
        raise NoMatchFound(name, path_params)


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"detail": "Not Found", "error": "NotFound"}, status_code=404)(scope, receive, send)


class SupersyncWebserver(DagsterWebserver[Any, Any]):
    """Dagster's webserver, its routes untouched, with the applications of the API before them."""

    def __init__(
        self,
        process_context: WorkspaceProcessContext,
        apps: Sequence[FastAPI],
        path_prefix: str,
        beside: Sequence[Callable[[], AbstractAsyncContextManager[None]]] = (),
    ) -> None:
        """`apps`: in the order in which they are asked for a path. `beside`: what goes on while the server does."""
        self._apps, self._beside = apps, beside
        super().__init__(process_context, path_prefix)

    def build_routes(self) -> list[BaseRoute]:
        """Ours first, because Dagster's last route answers every path with its UI."""
        # Dagster's UI has a page at /health, which a browser asks the server for when it is loaded anew.
        html_passes = () if self._app_path_prefix else ("/health",)
        return [HostedApps(self._apps, html_passes), *super().build_routes()]  # type: ignore[no-untyped-call]

    def create_asgi_app(self, **kwargs: Any) -> Starlette:
        """Nobody else runs the lifespan of the applications inside."""
        return super().create_asgi_app(lifespan=self._lifespan, **kwargs)

    @asynccontextmanager
    async def _lifespan(self, _: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in self._apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            for begin in self._beside:
                await stack.enter_async_context(begin())
            yield


@asynccontextmanager
async def reaping(ledger: Ledger) -> AsyncIterator[None]:
    """Close executions whose owner is dead: a sensor does it too, but none ticks while the code server is away."""
    stopped = threading.Event()

    def work() -> None:
        while not stopped.wait(INTERVAL_S):
            try:
                for execution in reap(ledger, at=utcnow()):
                    logger.warning("closed execution %s of a dead process", execution.public_id)
            except RetryError as error:
                logger.warning("nothing is reaped for now: %s", error)
            except Exception:
                logger.exception("the reaper goes on")

    # Not waited for at exit: a ledger that does not answer must not keep the process alive.
    threading.Thread(target=work, name="reaper", daemon=True).start()
    try:
        yield
    finally:
        stopped.set()


def create_web_app(
    process_context: WorkspaceProcessContext, ledger: Ledger, settings: Settings, listen: Listen
) -> ASGIApp:
    """The whole of what is served on the port: the guard, the API, Dagster's UI.

    Raises ConfigError when `listen` would show it to others and no authentication is configured.
    """
    launcher = DagsterLauncher(DagsterGateway(process_context), ledger)
    context = ApiContext(ledger, launcher, settings, CurrentConfiguration(settings), ui_path=listen.path_prefix)
    beside = [] if listen.read_only else [partial(reaping, ledger)]
    server = SupersyncWebserver(process_context, create_apps(context), listen.path_prefix, beside)
    return wrap(server.create_asgi_app(), context, host=listen.host, path_prefix=listen.path_prefix)


@contextmanager
def opened_workspace(paths: Sequence[Path], *, read_only: bool = False) -> Iterator[WorkspaceProcessContext]:
    """The code locations that the workspace files name, on the Dagster instance of DAGSTER_HOME."""
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, POOL_OVERFLOW)
        target = WorkspaceFileTarget(paths=[str(path) for path in paths])
        with WorkspaceProcessContext(
            instance, workspace_load_target=target, version=dagster_version, read_only=read_only
        ) as process_context:
            yield process_context


def serve(app: ASGIApp, listen: Listen, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, which it raises again. `on_ready` is called once somebody listens."""
    config = uvicorn.Config(
        app, host=listen.host, port=listen.port, log_level="warning", timeout_graceful_shutdown=SHUTDOWN_S
    )
    # What is there by now stays: the collector need not look through all of Dagster again and again.
    gc.collect()
    gc.freeze()
    _Server(config, on_ready).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()
