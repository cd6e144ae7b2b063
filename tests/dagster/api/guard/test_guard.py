"""Who is let in, and with what."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from supersync_core.domain.access import Role
from supersync_core.errors import ConfigError
from supersync_core.ledger.database import open_ledger
from supersync_core.services.authentication import FRESH_S
from supersync_dagster.api.guard.visit import Visit
from tests.dagster.api.guard.conftest import JSON, MUTATION, OWN, WIPE, Gate, code


def test_where_nothing_is_configured_everybody_is_a_local_admin(off: TestClient) -> None:
    assert off.get("/who").json() == {"name": "local", "role": "admin", "via": "local", "csrf": ""}


def test_a_token_tells_its_name_and_role(gate: Gate, on: TestClient) -> None:
    answer = on.get("/who", headers=gate.bearer(Role.VIEWER)).json()
    assert (answer["name"], answer["role"], answer["via"]) == ("viewer", "viewer", "token")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"authorization": "Basic dXNlcjpwYXNz"}, id="another scheme"),
        pytest.param({"authorization": "Bearer"}, id="no token"),
        pytest.param({"authorization": "Bearer ss_000000000000_" + "0" * 64}, id="an unknown token"),
        pytest.param({"authorization": b"Bearer \xc3\xa4\xff"}, id="no ASCII"),
        pytest.param({"authorization": "Bearer " + "a" * 1_000_000}, id="a megabyte"),
        pytest.param({"cookie": "supersync_session=abc"}, id="an unknown session"),
        pytest.param({"cookie": "=;;=\x01"}, id="broken cookies"),
    ],
)
def test_without_a_good_token_nobody_comes_in(on: TestClient, headers: dict[str, Any]) -> None:
    response = on.get("/who", headers=headers)
    assert code(response) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert set(response.json()) == {"code", "message"}


def test_a_token_in_the_url_is_none(gate: Gate, on: TestClient) -> None:
    text = gate.make_token(Role.ADMIN)
    for name in ("token", "access_token", "authorization"):
        assert on.get("/who", params={name: text}).status_code == 401


def test_a_truncated_token_is_none(gate: Gate, on: TestClient) -> None:
    text = gate.make_token(Role.ADMIN)
    assert on.get("/who", headers={"authorization": f"Bearer {text[:-1]}"}).status_code == 401


def test_a_token_ends_in_time(gate: Gate, on: TestClient) -> None:
    headers = {"authorization": f"Bearer {gate.make_token(Role.ADMIN, timedelta(hours=1))}"}
    assert on.get("/who", headers=headers).status_code == 200
    gate.clock.ahead = timedelta(hours=1)
    assert on.get("/who", headers=headers).status_code == 401


def test_a_revoked_token_opens_nothing_within_seconds(gate: Gate, on: TestClient, monkeypatch: Any) -> None:
    headers = gate.bearer(Role.ADMIN)
    assert on.get("/who", headers=headers).status_code == 200
    gate.revoke_all()
    monkeypatch.setattr("supersync_core.services.authentication.FRESH_S", 0)
    assert FRESH_S <= 5
    assert on.get("/who", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path", ["/page", "/graphql", "/server_info", "/", "/report_asset_check/x", "/logs/x", "/notebook", "/metrics"]
)
def test_with_authentication_on_every_path_needs_a_token(on: TestClient, path: str) -> None:
    assert on.get(path).status_code == 401


def test_probes_and_the_login_page_need_no_token(on: TestClient) -> None:
    assert on.get("/health").status_code == 200
    assert {on.get(path).status_code for path in ("/ready", "/supersync/login", "/supersync/static/x.css")} <= {
        404,
        405,
    }


def test_a_browser_without_a_session_is_led_to_the_login(on: TestClient) -> None:
    page = {"accept": "text/html,application/xhtml+xml"}
    response = on.get("/runs/abc?tab=1", headers=page)
    assert (response.status_code, response.headers["location"]) == (
        303,
        "/supersync/login?next=%2Fruns%2Fabc%3Ftab%3D1",
    )
    elsewhere = on.get("http://127.0.0.1:3000//evil.example/x", headers=page)
    assert elsewhere.headers["location"] == "/supersync/login?next=%2Fevil.example%2Fx"


MATRIX = [
    ("GET", "/who", None, Role.VIEWER),
    ("GET", "/graphql?query={version}", None, Role.VIEWER),
    ("POST", "/graphql", {"query": "{ version }"}, Role.VIEWER),
    ("POST", "/graphql", MUTATION, Role.OPERATOR),
    ("POST", "/graphql", WIPE, Role.ADMIN),
    ("POST", "/report_asset_materialization/a", {}, Role.OPERATOR),
    ("POST", "/change", {}, Role.OPERATOR),
    ("GET", "/api/v1/audit", None, Role.ADMIN),
]


@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_may_do_its_part(gate: Gate, on: TestClient, role: Role | None) -> None:
    for method, path, body, needed in MATRIX:
        gate.reached.clear()
        response = on.request(method, path, json=body, headers=gate.bearer(role) if role else {})
        expected = 401 if role is None else 200 if role >= needed else 403
        assert (path, body, response.status_code) == (path, body, expected)
        if expected != 200:
            assert set(response.json()) == {"code", "message"}
            assert gate.reached == []


def test_dagster_below_a_prefix_is_guarded_too(gate: Gate) -> None:
    client = gate.open(auth="token", path_prefix="/dagster")
    headers = gate.bearer(Role.VIEWER)
    assert client.post("/dagster/graphql", json=MUTATION, headers=headers).status_code == 403
    assert client.post("/dagster/graphql", json={"query": "{a}"}, headers=headers).status_code == 200
    assert client.post("/dagster/report_asset_check/a", json={}, headers=headers).status_code == 403


def test_who_guesses_has_to_wait(gate: Gate, on: TestClient) -> None:
    good, late = gate.bearer(Role.VIEWER), gate.make_token(Role.VIEWER)
    assert on.get("/who", headers=good).status_code == 200
    wrong = {"authorization": "Bearer nonsense"}
    assert [on.get("/who", headers=wrong).status_code for _ in range(11)] == [401] * 10 + [429]
    refused = on.get("/who", headers={"authorization": f"Bearer {late}"})
    assert code(refused) == (429, "TOO_MANY_FAILURES")
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert on.post("/supersync/login", data={"token": late}, headers=OWN).status_code == 429
    assert on.get("/who", headers=good).status_code == 200, "whom we know already is no guess"
    assert on.get("/health").status_code == 200


def test_a_stream_ends_soon_after_its_token(gate: Gate, on: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supersync_dagster.api.guard.streams.RECHECK_S", 0)
    monkeypatch.setattr("supersync_core.services.authentication.FRESH_S", 0)
    ticks = iter([None, gate.revoke_all])

    def tick() -> None:
        act = next(ticks, None)
        if act:
            act()

    monkeypatch.setattr("tests.dagster.api.guard.conftest.stream_tick", tick)
    assert on.get("/stream", headers=gate.bearer(Role.VIEWER)).text == "data: 0\n\n"
    monkeypatch.setattr("tests.dagster.api.guard.conftest.stream_tick", lambda: None)
    assert gate.open(auth="off").get("/stream").text.count("data") == 1000


def test_a_probe_is_answered_while_the_ledger_is_away(gate: Gate) -> None:
    client = gate.open(behind=open_ledger("postgresql://nobody@127.0.0.1:1/nothing"))
    assert client.get("/health").status_code == 200
    refused = client.get("/who")
    assert code(refused) == (503, "UNAVAILABLE")
    assert refused.headers["retry-after"]


def test_a_body_of_ours_has_at_most_a_megabyte(gate: Gate, off: TestClient) -> None:
    assert off.post("/change", content=b"1" * 1_000_000, headers=JSON).json() == {"bytes": 1_000_000}
    assert code(off.post("/change", content=b"1" * 1_000_001, headers=JSON)) == (413, "TOO_LARGE")

    def chunks() -> Any:
        for _ in range(101):
            yield b"1" * 10_000

    assert code(off.post("/change", content=chunks(), headers=JSON)) == (413, "TOO_LARGE")
    assert len(gate.reached) == 1


def test_answers_say_what_a_browser_may_do_with_them(off: TestClient) -> None:
    headers = off.get("/who").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_request_keeps_its_id_when_it_has_a_plain_one(off: TestClient) -> None:
    assert off.get("/who", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert len(off.get("/who", headers={"x-request-id": "a b\x7f"}).headers["x-request-id"]) == 32


def test_a_server_that_others_reach_does_not_start_without_authentication(gate: Gate) -> None:
    with pytest.raises(ConfigError, match="without authentication"):
        gate.open(host="0.0.0.0")
    gate.make_token(Role.ADMIN)
    gate.open(host="0.0.0.0")


@given(st.data())
def test_any_headers_are_answered(data: st.DataObject) -> None:
    raw = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=50)), max_size=10)
    names = st.sampled_from([b"cookie", b"host", b"origin", b"content-type", b"authorization", b"x-request-id"])
    headers = data.draw(raw) + data.draw(st.lists(st.tuples(names, st.binary(max_size=60)), max_size=10))
    asked = Visit({"type": "http", "method": "POST", "path": data.draw(st.text()), "headers": headers})
    asked.cookie("supersync_session")
    assert asked.request_id.isascii()
