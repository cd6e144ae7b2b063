"""Browser sessions: made from a token, kept from scripts and from strangers."""

import pytest
from starlette.testclient import TestClient

from supersync_core.domain.access import Role
from tests.dagster.api.guard.conftest import MUTATION, OWN, Gate, code, log_in


def test_a_token_makes_a_session_whose_cookie_no_script_and_no_stranger_gets(gate: Gate, on: TestClient) -> None:
    token = gate.make_token(Role.OPERATOR)
    response = on.post("/supersync/login", data={"token": token}, headers=OWN)
    cookie = response.headers["set-cookie"]
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= set(cookie.lower().split("; "))
    assert token not in cookie
    assert on.get("/who").json()["via"] == "session"


def test_over_https_the_cookie_is_for_this_very_host_and_never_sent_in_the_clear(gate: Gate) -> None:
    client = gate.open(auth="token", base_url="https://127.0.0.1:3000")
    origin = {"origin": "https://127.0.0.1:3000"}
    data = {"token": gate.make_token(Role.VIEWER)}
    cookie = client.post("/supersync/login", data=data, headers=origin).headers["set-cookie"]
    assert cookie.startswith("__Host-supersync_session=")
    assert "secure" in cookie.lower().split("; ")


def test_a_change_from_a_page_needs_the_page_and_its_csrf_token(gate: Gate, on: TestClient) -> None:
    headers = log_in(gate, on, Role.OPERATOR)
    path = "/supersync/pipelines/orders/trigger"
    assert code(on.post(path, headers=OWN)) == (403, "CSRF")
    assert code(on.post(path, headers={**headers, "x-csrf-token": "0" * 64})) == (403, "CSRF")
    assert code(on.post(path, headers={**headers, "x-csrf-token": b"\xff"})) == (403, "CSRF")
    assert gate.reached == []
    assert on.post(path, headers=headers).status_code == 200


def test_a_form_without_a_script_sends_the_csrf_token_as_a_field(gate: Gate, on: TestClient) -> None:
    token = log_in(gate, on, Role.OPERATOR)["x-csrf-token"]
    path = "/supersync/pipelines/orders/trigger"
    assert code(on.post(path, data={"csrf_token": "0" * 64}, headers=OWN)) == (403, "CSRF")
    assert on.post(path, data={"csrf_token": token}, headers=OWN).status_code == 200


def test_a_cookie_alone_changes_nothing(gate: Gate, on: TestClient) -> None:
    headers = log_in(gate, on, Role.ADMIN)
    del headers["origin"]
    for path, body in (("/change", {}), ("/graphql", MUTATION)):
        assert code(on.post(path, json=body, headers=headers)) == (403, "CROSS_SITE")
    assert gate.reached == []
    assert on.post("/graphql", json=MUTATION, headers=OWN).status_code == 200


def test_a_session_has_the_role_of_its_token(gate: Gate, on: TestClient) -> None:
    log_in(gate, on, Role.VIEWER)
    assert on.post("/graphql", json=MUTATION, headers=OWN).status_code == 403
    assert on.post("/change", json={}, headers=OWN).status_code == 403


def test_after_the_logout_the_cookie_opens_nothing(gate: Gate, on: TestClient) -> None:
    headers = log_in(gate, on, Role.VIEWER)
    cookie = on.cookies["supersync_session"]
    assert on.post("/supersync/logout", headers=headers).status_code == 303
    assert "supersync_session" not in on.cookies
    assert on.get("/who", headers={"cookie": f"supersync_session={cookie}"}).status_code == 401


def test_a_cookie_that_was_changed_opens_nothing(gate: Gate, on: TestClient) -> None:
    log_in(gate, on, Role.VIEWER)
    cookie = on.cookies["supersync_session"]
    on.cookies.clear()
    changed = cookie[:-1] + ("a" if cookie[-1] != "a" else "b")
    assert on.get("/who", headers={"cookie": f"supersync_session={changed}"}).status_code == 401


@pytest.mark.parametrize(
    "following",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
        "/a\nb",
    ],
)
def test_a_login_leads_to_pages_of_ours_only(gate: Gate, on: TestClient, following: str) -> None:
    data = {"token": gate.make_token(Role.VIEWER), "next": following}
    assert on.post("/supersync/login", data=data, headers=OWN).headers["location"] == "/supersync"


def test_a_page_of_a_stranger_logs_nobody_in(gate: Gate, on: TestClient) -> None:
    data = {"token": gate.make_token(Role.VIEWER)}
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        response = on.post("/supersync/login", data=data, headers=headers)
        assert response.status_code in (403, 415)
        assert "set-cookie" not in response.headers


def test_a_wrong_token_logs_nobody_in(on: TestClient) -> None:
    data = {"token": "nonsense", "next": "/runs"}
    assert code(on.post("/supersync/login", data=data, headers=OWN)) == (401, "UNAUTHENTICATED")
    browser = on.post("/supersync/login", data=data, headers={**OWN, "accept": "text/html"})
    assert browser.headers["location"] == "/supersync/login?failed=token&next=%2Fruns"


def test_login_counts_as_guessing_too(on: TestClient) -> None:
    statuses = [on.post("/supersync/login", data={"token": "x"}, headers=OWN).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
