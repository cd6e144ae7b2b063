"""Every change and every refusal leaves an entry in the audit, whoever serves it."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from supersync_core.domain.access import Role
from tests.dagster.api.guard.conftest import MUTATION, OWN, Gate, log_in


def test_a_change_leaves_the_entry_that_its_route_writes(gate: Gate, on: TestClient) -> None:
    assert on.post("/audited", headers=gate.bearer(Role.OPERATOR)).status_code == 200
    assert gate.audit() == [("operator", "thing.change", "orders", 200)]


def test_a_change_whose_route_writes_none_leaves_an_entry_all_the_same(gate: Gate, on: TestClient) -> None:
    on.post("/change", json={}, headers=gate.bearer(Role.OPERATOR))
    assert gate.audit() == [("operator", "POST", "/change", 200)]


def test_a_change_that_was_undone_leaves_an_entry_with_what_was_answered(gate: Gate, on: TestClient) -> None:
    assert on.post("/audited?fail=true", headers=gate.bearer(Role.OPERATOR)).status_code == 500
    assert gate.audit() == [("operator", "POST", "/audited", 500)]


def test_a_mutation_of_dagster_leaves_its_name_and_not_what_it_was_given(gate: Gate, on: TestClient) -> None:
    body = {**MUTATION, "variables": {"runConfigData": {"dsn": "canary"}}}
    on.post("/graphql", json=body, headers=gate.bearer(Role.OPERATOR))
    on.post("/report_asset_materialization/orders?description=canary", json={}, headers=gate.bearer(Role.OPERATOR))
    assert gate.audit() == [
        ("operator", "dagster.launchRun", "Go", 200),
        ("operator", "POST", "/report_asset_materialization/orders", 200),
    ]


def test_reading_leaves_none(gate: Gate, on: TestClient) -> None:
    headers = gate.bearer(Role.ADMIN)
    on.post("/graphql", json={"query": "{ version }"}, headers=headers)
    for path in ("/who", "/health", "/api/v1/audit", "/nothing"):
        on.get(path, headers=headers)
    assert gate.audit() == []


DENIED: list[Any] = [
    pytest.param("GET", "/who", {"authorization": "Bearer x"}, ("anonymous", "GET", "/who", 401), id="wrong token"),
    pytest.param("POST", "/change", {}, ("anonymous", "POST", "/change", 401), id="no token"),
    pytest.param("GET", "/who", {"host": "evil.example"}, ("anonymous", "GET", "/who", 421), id="foreign name"),
    pytest.param(
        "POST", "/change", {"origin": "http://evil.example"}, ("anonymous", "POST", "/change", 403), id="foreign page"
    ),
    pytest.param("GET", "/api/v1/audit", Role.VIEWER, ("viewer", "GET", "/api/v1/audit", 403), id="a route's role"),
    pytest.param("POST", "/graphql", Role.VIEWER, ("viewer", "POST", "/graphql", 403), id="a role for Dagster"),
]


@pytest.mark.parametrize(("method", "path", "headers", "entry"), DENIED)
def test_a_refusal_leaves_an_entry(
    gate: Gate, on: TestClient, method: str, path: str, headers: Any, entry: Any
) -> None:
    sent = gate.bearer(headers) if isinstance(headers, Role) else headers
    on.request(method, path, json=MUTATION if method == "POST" else None, headers=sent)
    assert gate.audit() == [entry]


def test_logging_in_and_out_leaves_entries_without_the_token(gate: Gate, on: TestClient) -> None:
    headers = log_in(gate, on, Role.VIEWER)
    on.post("/supersync/login", data={"token": "canary"}, headers=OWN)
    on.post("/supersync/logout", headers=headers)
    assert gate.audit() == [
        ("viewer", "login", "", 303),
        ("viewer", "login", "", 401),
        ("viewer", "logout", "", 303),
    ]


def test_a_stranger_does_not_fill_the_audit(gate: Gate, on: TestClient) -> None:
    for _ in range(70):
        on.get("/who")
    assert len(gate.audit()) == 60


def test_the_audit_is_read_in_pages_by_admins(gate: Gate, on: TestClient) -> None:
    for _ in range(3):
        on.post("/audited", headers=gate.bearer(Role.OPERATOR))
    headers = gate.bearer(Role.ADMIN)
    first = on.get("/api/v1/audit?action=thing.change&limit=2", headers=headers).json()
    second = on.get(f"/api/v1/audit?action=thing.change&cursor={first['next_cursor']}", headers=headers).json()
    assert [len(first["audit"]), len(second["audit"]), second["next_cursor"]] == [2, 1, None]
    entry = second["audit"][0]
    assert {name: entry[name] for name in ("actor", "role", "via", "target", "result", "remote")} == {
        "actor": "operator",
        "role": "operator",
        "via": "token",
        "target": "orders",
        "result": 200,
        "remote": "192.0.2.7",
    }


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "cursor=x", "cursor=99999999999999999999", "since=2026-01-01T00:00:00", "result=1"],
)
def test_a_filter_that_cannot_be_meant_is_refused(off: TestClient, query: str) -> None:
    assert off.get(f"/api/v1/audit?{query}").status_code == 422


def test_a_filter_may_be_any_text(off: TestClient) -> None:
    assert off.get("/api/v1/audit", params={"actor": "\0", "target": "ä%_'"}).json() == {
        "audit": [],
        "next_cursor": None,
    }
