"""Each route asks for a role, and a running server keeps to it."""

import re
from collections.abc import Iterator

import httpx
import pytest
from starlette.routing import Route, WebSocketRoute

from supersync_core.domain.access import Role
from supersync_dagster.api.auth import anyone
from supersync_dagster.api.guard.perimeter import FOREIGN, PUBLIC, PUBLIC_BELOW
from tests.conformance.api.routes import Endpoint, dagsters_routes, our_endpoints, writes
from tests.conformance.api.site import TOKENS, Site

ENDPOINTS = our_endpoints()
# Nothing has these names, so a role that is large enough changes nothing either.
NOWHERE = {
    "job_id:path": "nothing",
    "job_id": "nothing",
    "log_id": "0",
    "key": "nothing",
    "digest": "0",
    "incident_id": "0",
    "pipeline_id": "0",
    "pipeline_execution_id": "0",
    "pipeline_type_id": "0",
    "address_id": "0",
    "address_type_id": "0",
    "anomaly_detection_rule_id": "0",
    "delivery_id": "0",
    "slug": "nothing",
}
BODIES = {
    "/api/v1/sync/trigger": {"job_id": "nothing"},
    "/api/sync": {"channel_id": "nothing"},
    "/api/sync/cancel": {"job_id": "nothing"},
    "/api/sync/schedules": {"channel_id": "nothing"},
    "/start_pipeline_execution": {"pipeline_id": 0},
    "/end_pipeline_execution": {"id": 0, "end_date": "2020-01-01"},
}
DAGSTER = [
    ("GET", "/", None, Role.VIEWER),
    ("GET", "/runs", None, Role.VIEWER),
    ("GET", "/server_info", None, Role.VIEWER),
    ("GET", "/favicon.svg", None, Role.VIEWER),
    ("GET", "/logs/a/compute_logs/b.out", None, Role.VIEWER),
    ("GET", "/notebook", None, Role.VIEWER),
    ("GET", "/download_debug/nothing", None, Role.VIEWER),
    ("GET", "/graphql?query={version}", None, Role.VIEWER),
    ("POST", "/graphql", {"query": "{ version }"}, Role.VIEWER),
    ("POST", "/graphql", {"query": 'mutation { terminateRun(runId: "0") { __typename } }'}, Role.OPERATOR),
    ("POST", "/graphql", {"query": 'mutation { deleteRun(runId: "0") { __typename } }'}, Role.ADMIN),
    ("POST", "/report_asset_materialization/", {"unknown": 1}, Role.OPERATOR),
    ("POST", "/report_asset_check/", {"unknown": 1}, Role.OPERATOR),
    ("POST", "/report_asset_observation/", {"unknown": 1}, Role.OPERATOR),
]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_every_route_says_who_may_ask_for_it(endpoint: Endpoint) -> None:
    assert len(endpoint.asks) == 1, f"{endpoint} needs one of require(Role.…) and anyone among its dependencies"


def test_what_a_route_calls_public_is_what_the_guard_lets_through() -> None:
    public = {endpoint.path for endpoint in ENDPOINTS if endpoint.asks == (anyone,)}
    below = {path for path in public if path.startswith(PUBLIC_BELOW)}
    assert public - below == set(PUBLIC | FOREIGN)


CHANGING = [one for one in ENDPOINTS if one.method not in ("GET", "HEAD", "OPTIONS") and one.path not in FOREIGN]


@pytest.mark.parametrize("endpoint", CHANGING, ids=str)
def test_a_viewer_changes_nothing(endpoint: Endpoint) -> None:
    assert endpoint.path in ("/supersync/login", "/supersync/logout") or endpoint.role in (Role.OPERATOR, Role.ADMIN)


def test_dagster_has_no_other_writing_routes_than_the_guard_knows() -> None:
    found = {
        (route.path, method)
        for route in dagsters_routes()
        if isinstance(route, (Route, WebSocketRoute))
        for method in writes(route)
    }
    assert found == {
        ("/graphql", "POST"),
        ("/graphql", "WEBSOCKET"),
        ("/report_asset_materialization/{asset_key:path}", "POST"),
        ("/report_asset_check/{asset_key:path}", "POST"),
        ("/report_asset_observation/{asset_key:path}", "POST"),
    }


@pytest.fixture(scope="module", params=[None, *Role], ids=lambda role: role.word if role else "nobody")
def asking(request: pytest.FixtureRequest, closed_site: Site) -> Iterator[tuple[httpx.Client, Role | None]]:
    """A client with the token of each role, and one without."""
    role: Role | None = request.param
    headers = {"Authorization": f"Bearer {TOKENS[role.word]}"} if role else {}
    # As many refusals as this leave entries; else strangers are soon not heard any more.
    with closed_site.client(headers=headers, follow_redirects=False) as client:
        yield client, role


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_a_running_server_keeps_to_the_roles(asking: tuple[httpx.Client, Role | None], endpoint: Endpoint) -> None:
    client, role = asking
    path = re.sub(r"\{([^}]+)\}", lambda match: NOWHERE.get(match[1], "nothing"), endpoint.path)
    body = None if endpoint.method in ("GET", "HEAD", "DELETE") else BODIES.get(path, {})
    with client.stream(endpoint.method, path, json=body) as response:
        if path in FOREIGN:
            # No token of ours is one of Supabase, and no role counts there.
            assert response.status_code == (204 if endpoint.method == "OPTIONS" else 401)
        else:
            _check(response, role, endpoint.role)


@pytest.mark.parametrize(("method", "path", "body", "needed"), DAGSTER)
def test_dagsters_routes_are_behind_the_same_roles(
    asking: tuple[httpx.Client, Role | None], method: str, path: str, body: object, needed: Role
) -> None:
    client, role = asking
    with client.stream(method, path, json=body) as response:
        _check(response, role, needed)


def test_a_stranger_hears_whether_all_is_well_and_not_what_there_is(closed_site: Site) -> None:
    with closed_site.client(headers={}) as stranger:
        heard = stranger.get("/health").json()
    known = closed_site.get("/health")
    assert known["checks"]["redshift"]["connections"]
    assert heard["checks"]["redshift"] == {"status": known["checks"]["redshift"]["status"], "connections": {}}


def _check(response: httpx.Response, role: Role | None, needed: Role | None) -> None:
    if needed is None:
        assert response.status_code != 403
        assert response.status_code != 401 or response.request.url.path == "/supersync/login"
    elif role is None:
        assert response.status_code == 401
        assert set(_json(response)) == {"code", "message"}
    elif role < needed:
        assert response.status_code == 403
        assert "text/html" in response.headers["content-type"] or set(_json(response)) == {"code", "message"}
    else:
        assert response.status_code not in (401, 403)


def _json(response: httpx.Response) -> dict[str, str]:
    response.read()
    body: dict[str, str] = response.json()
    return body
