"""The API in front of Dagster's UI: whose a path is, and that Dagster's routes are as they were."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from dagster_graphql.schema import create_schema
from fastapi import FastAPI
from starlette.testclient import TestClient

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.ledger.database import Ledger
from supersync_core.services.executions import get_execution, open_execution, start_execution
from supersync_core.services.pipelines import get_pipeline
from supersync_dagster import webserver
from supersync_dagster.webserver import HostedApps, Listen, SupersyncWebserver, create_web_app, reaping
from tests.acceptance.console import until
from tests.dagster.conftest import ORDERS, Project
from tests.dagster.workspace import workspace

ORIGIN = "http://127.0.0.1:3000"
UI = "__NEXT_DATA__"


def application(name: str, *owns: str) -> FastAPI:
    """One that knows GET /<name>, GET /shared (the one called first) and POST /shared (the other)."""
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        log.append("began")
        yield
        log.append("ended")

    app = FastAPI(lifespan=lifespan)
    app.state.owns, app.state.log = owns, log
    app.add_api_route(f"/{name}", lambda: name)
    app.add_api_route("/shared", lambda: name, methods=["GET" if name == "first" else "POST"])
    app.add_api_route("/health", lambda: name)
    return app


@pytest.fixture
def apps() -> list[FastAPI]:
    return [application("first", "/api/first/"), application("second")]


def claimed(apps: list[FastAPI], path: str, method: str = "GET", accept: str = "*/*") -> Any:
    """Which of the applications takes the path: 0, 1, "nobody" (but not Dagster), or None for Dagster."""
    headers = [(b"accept", accept.encode())]
    scope = {"type": "http", "path": path, "root_path": "", "method": method, "headers": headers}
    match, found = HostedApps(apps, html_passes=["/health"]).matches(scope)
    if match.name == "NONE":
        return None
    app = found["supersync.app"]
    return apps.index(app) if app else "nobody"


BROWSER = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("request_", "app"),
    [
        pytest.param({"path": "/first"}, 0, id="the first one's"),
        pytest.param({"path": "/second"}, 1, id="the second one's"),
        pytest.param({"path": "/second", "method": "PUT"}, 1, id="another method, for its 405"),
        pytest.param({"path": "/shared"}, 0, id="a path of two: by method"),
        pytest.param({"path": "/shared", "method": "POST"}, 1, id="a path of two: by the other method"),
        pytest.param({"path": "/api/first/nope"}, 0, id="below what it owns, for its 404"),
        pytest.param({"path": "/api/nope"}, "nobody", id="no page of the UI below /api/"),
        pytest.param({"path": "/runs"}, None, id="Dagster's"),
        pytest.param({"path": "/first/more"}, None, id="Dagster's, though it begins like ours"),
        pytest.param({"path": "/health"}, 0, id="a probe"),
        pytest.param({"path": "/health", "accept": BROWSER}, None, id="a browser at Dagster's page"),
        pytest.param({"path": "/second", "accept": BROWSER}, 1, id="a browser at a page of ours"),
    ],
)
def test_a_path_is_taken_by_the_application_that_knows_it(
    apps: list[FastAPI], request_: dict[str, str], app: int | str | None
) -> None:
    assert claimed(apps, **request_) == app


def test_a_websocket_is_dagsters(apps: list[FastAPI]) -> None:
    assert HostedApps(apps).matches({"type": "websocket", "path": "/first", "headers": []})[0].name == "NONE"


def test_applications_inside_begin_and_end_with_the_server(project: Project, apps: list[FastAPI]) -> None:
    with workspace(project) as process:
        server = SupersyncWebserver(process, apps, "")
        with TestClient(server.create_asgi_app()):
            assert [app.state.log for app in apps] == [["began"], ["began"]]
    assert [app.state.log for app in apps] == [["began", "ended"]] * 2


@cache
def schema() -> Any:
    """Dagster's, which is the same for all."""
    return create_schema()


@pytest.fixture
def client(
    project: Project, ledger: Ledger, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """The whole web server; parametrise indirectly with options of Listen."""
    project.declare({**ORDERS, "every": 300})
    monkeypatch.setattr(SupersyncWebserver, "build_graphql_schema", lambda _: schema())
    options = getattr(request, "param", {})
    listen = Listen("127.0.0.1", 3000, **options)
    with workspace(project, read_only=listen.read_only) as process:
        app = create_web_app(process, ledger, project.resource.settings(), listen)
        with TestClient(app, base_url=ORIGIN) as client:
            yield client


@pytest.mark.parametrize("path", ["/", "/assets", "/runs", "/overview/activity/timeline", "/deployment/daemons"])
def test_the_ui_is_dagsters(client: TestClient, path: str) -> None:
    assert UI in client.get(path).text


def test_a_browser_that_loads_dagsters_health_page_anew_gets_it(client: TestClient) -> None:
    assert UI in client.get("/health", headers={"accept": BROWSER}).text


def test_a_probe_gets_our_health(client: TestClient) -> None:
    assert "checks" in client.get("/health").json()


def test_graphql_is_dagsters(client: TestClient) -> None:
    query = {"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"}
    body = client.post("/graphql", json=query).json()
    assert body["data"]["repositoriesOrError"]["nodes"] == [{"location": {"name": "ours"}}]


def test_the_server_says_its_version(client: TestClient) -> None:
    assert client.get("/server_info").json()["dagster_webserver_version"].startswith("1.13")


@pytest.mark.parametrize("path", ["/api/nope", "/api/v1/nope", "/api/v1/sync/nope"])
def test_an_unknown_path_of_the_api_is_no_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")


def test_an_unknown_method_is_405_as_json(client: TestClient) -> None:
    answer = client.delete("/api/v1/sync/status", headers={"origin": ORIGIN})
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/json")


def test_a_body_that_is_wrong_is_422_as_json(client: TestClient) -> None:
    answer = client.post("/api/v1/sync/trigger", json={"job_id": 7}, headers={"origin": ORIGIN})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/json")


@pytest.mark.parametrize("client", [{"path_prefix": "/dagster"}], indirect=True)
def test_below_a_prefix_is_the_ui_and_our_paths_stay(client: TestClient) -> None:
    assert UI in client.get("/dagster/runs").text
    assert client.get("/dagster/server_info").status_code == 200
    assert client.get("/api/v1/sync/status").json()["jobs"][0]["job_id"] == "orders"
    assert "checks" in client.get("/health", headers={"accept": BROWSER}).json()
    assert client.get("/", follow_redirects=False).headers["location"] == "/dagster"


@pytest.mark.parametrize("client", [{"read_only": True}], indirect=True)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/sync/trigger"),
        ("POST", "/api/v1/sync/jobs/orders/pause"),
        ("POST", "/api/v1/sync/jobs/orders/resume"),
        ("DELETE", "/api/v1/sync/history?older_than_days=30"),
    ],
)
def test_a_read_only_server_changes_nothing(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path, headers={"origin": ORIGIN})
    assert (answer.status_code, "read-only" in answer.text) == (403, True)


@pytest.mark.parametrize("client", [{"read_only": True}], indirect=True)
def test_a_read_only_server_can_be_looked_at(client: TestClient) -> None:
    assert client.get("/api/v1/sync/status").status_code == 200


def reapers() -> int:
    return sum(thread.name == "reaper" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("client", "number"),
    [pytest.param({}, 1, id="served"), pytest.param({"read_only": True}, 0, id="read-only")],
    indirect=["client"],
)
def test_a_server_that_may_change_things_has_a_reaper(client: TestClient, number: int) -> None:
    assert client.get("/health").status_code in (200, 503)
    until(lambda: reapers() == number)


def test_the_reaper_closes_the_execution_of_a_dead_owner_and_ends_with_its_server(
    project: Project, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webserver, "INTERVAL_S", 0.01)
    project.build()
    with ledger.begin() as session:
        queued = open_execution(session, get_pipeline(session, "orders"), trigger=Trigger.MANUAL, at=utcnow())
        start_execution(session, queued.id, owner="somebody", at=utcnow(), ttl=timedelta(seconds=-1))

    def state() -> ExecutionState:
        with ledger.begin() as session:
            return get_execution(session, queued.id).state

    async def serve() -> None:
        async with reaping(ledger):
            until(lambda: state() is ExecutionState.FAILED)

    asyncio.run(serve())
    until(lambda: reapers() == 0)
