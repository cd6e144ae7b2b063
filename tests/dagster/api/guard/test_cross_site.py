"""What the pages of strangers, and links, can make a browser ask for."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from supersync_core.domain.access import Role
from tests.dagster.api.guard.conftest import JSON, OWN, Gate, code, log_in

CROSS_SITE: list[Any] = [
    pytest.param({"origin": "http://evil.example"}, id="a foreign origin"),
    pytest.param({"origin": "null"}, id="a sandboxed page"),
    pytest.param({"origin": "http://127.0.0.1:8000"}, id="another port of this machine"),
    pytest.param({"sec-fetch-site": "cross-site"}, id="fetch metadata"),
    pytest.param({"sec-fetch-site": "same-site", **OWN}, id="a neighbour"),
    pytest.param({"content-type": "text/plain"}, id="plain text"),
    pytest.param({"content-type": "application/x-www-form-urlencoded"}, id="a form"),
    pytest.param({"host": "evil.example"}, id="a name that points here"),
]
WRITES = [
    ("POST", "/change", "{}"),
    ("POST", "/graphql", '{"query": "mutation { launchRun }"}'),
    ("POST", "/graphql?query=mutation{launchRun}", "x=1"),
    ("POST", "/report_asset_materialization/a", "{}"),
    ("POST", "/supersync/pipelines/orders/trigger", "{}"),
]


@pytest.mark.parametrize("credentials", ["none", "token", "session"])
@pytest.mark.parametrize("headers", CROSS_SITE)
def test_pages_of_strangers_change_nothing(gate: Gate, credentials: str, headers: dict[str, str]) -> None:
    client = gate.open(auth=None if credentials == "none" else "token")
    own = dict(gate.bearer(Role.ADMIN)) if credentials == "token" else {}
    if credentials == "session":
        log_in(gate, client, Role.ADMIN)
    for method, path, body in WRITES:
        response = client.request(method, path, content=body, headers={**JSON, **own, **headers})
        assert response.status_code in (403, 415, 421)
    assert gate.reached == []


@pytest.mark.parametrize(
    "path",
    [
        "/graphql?query=mutation{launchRun}",
        "/graphql/?query=mutation{launchRun}",
        "//graphql?query=mutation{launchRun}",
        "/graph%71l?query=mutation{launchRun}",
        "/graphql?query={a}&query=mutation{launchRun}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_changes_nothing(gate: Gate, off: TestClient, method: str, path: str) -> None:
    assert off.request(method, f"http://127.0.0.1:3000{path}").status_code in (404, 405)
    assert gate.reached == []


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"content-type": "APPLICATION/JSON"}, id="a type that Dagster would not know"),
        pytest.param({"content-type": "application/json; x=application/graphql"}, id="a type with a parameter"),
    ],
)
def test_what_was_read_is_what_dagster_reads(gate: Gate, on: TestClient, request_: dict[str, str]) -> None:
    headers = {**gate.bearer(Role.VIEWER), **request_}
    path = "/graphql?query=mutation{launchRun}"
    assert on.post(path, content='{"query": "{version}"}', headers=headers).status_code == 200
    assert gate.reached == [{"query": "{version}"}]


def test_headers_that_may_come_but_once_do(off: TestClient) -> None:
    headers = [("content-type", "application/json"), ("content-type", "text/plain")]
    assert code(off.post("/change", content="{}", headers=headers)) == (400, "BAD_REQUEST")
