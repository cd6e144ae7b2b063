"""The names by which we may be called, and which pages may ask for changes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_dagster.api.guard.origins import Origins
from supersync_dagster.api.guard.visit import Refused, Visit


def visit(method: str = "POST", server: str = "127.0.0.1", **headers: str) -> Visit:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Visit({"type": "http", "method": method, "path": "/x", "headers": raw, "server": (server, 3000)})


def origins(bound: str = "127.0.0.1", base: str = "http://127.0.0.1:3000", *allowed: str) -> Origins:
    return Origins(bound, base, allowed)


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("127.0.0.1:3000", True),
        ("127.0.0.1", True),
        ("127.7.7.7:99", True),
        ("localhost:3000", True),
        ("LocalHost", True),
        ("[::1]:3000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("evil-localhost", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("192.0.2.1:3000", False),
        ("0.0.0.0:3000", False),
        ("[::ffff:192.0.2.1]", False),
        ("2130706433", False),
        ("", False),
        ("a b", False),
        ("[::1", False),
        ("localhost:port", False),
        ("xn--80ak6aa92e.com", False),
    ],
)
def test_only_names_of_this_machine_are_ours_by_default(host: str, taken: bool) -> None:
    try:
        origins().check_host(visit(host=host))
    except Refused as refused:
        assert (taken, refused.status in (400, 421)) == (False, True)
    else:
        assert taken


def test_a_request_without_a_host_is_refused() -> None:
    with pytest.raises(Refused):
        origins().check_host(visit())


@pytest.mark.parametrize(
    ("host", "made"),
    [
        pytest.param("sync.example.com", origins("0.0.0.0", "https://sync.example.com"), id="the base URL's"),
        pytest.param("build7:3000", origins("build7"), id="the one it listens on"),
        pytest.param("a.example.com", origins("127.0.0.1", "http://x", "a.example.com"), id="an allowed one"),
        pytest.param("b.example.com", origins("127.0.0.1", "http://x", "*.example.com"), id="one below an allowed one"),
        pytest.param("10.1.2.3:3000", origins("0.0.0.0"), id="the address that the connection came in on"),
    ],
)
def test_more_names_are_ours_when_they_are_configured(host: str, made: Origins) -> None:
    made.check_host(visit(host=host, server="10.1.2.3"))


@pytest.mark.parametrize("host", ["example.com", "evilexample.com", "example.com.evil.test"])
def test_a_pattern_takes_what_is_below_it_and_nothing_else(host: str) -> None:
    with pytest.raises(Refused):
        origins("127.0.0.1", "http://x", "*.example.com").check_host(visit(host=host))


CHANGES: list[Any] = [
    pytest.param({}, None, id="a program without a body"),
    pytest.param({"content_type": "application/json"}, None, id="a program with JSON"),
    pytest.param({"content_type": "Application/JSON; charset=utf-8"}, None, id="JSON with parameters"),
    pytest.param({"content_type": "application/x-www-form-urlencoded"}, 415, id="a form"),
    pytest.param({"content_type": "multipart/form-data; boundary=x"}, 415, id="a form with files"),
    pytest.param({"content_type": "text/plain"}, 415, id="plain text"),
    pytest.param({"content_type": "text/plain; application/json"}, 415, id="plain text that mentions JSON"),
    pytest.param({"content_type": ""}, 415, id="an empty type"),
    pytest.param({"content_type": "application/json, text/plain"}, 415, id="two types"),
    pytest.param({"origin": "http://localhost:3000"}, None, id="our page"),
    pytest.param({"origin": "http://localhost:3000", "content_type": "text/plain"}, None, id="a form on our page"),
    pytest.param({"origin": "http://evil.example"}, 403, id="a page of a stranger"),
    pytest.param({"origin": "http://localhost:3001"}, 403, id="another port"),
    pytest.param({"origin": "http://localhost"}, 403, id="the usual port"),
    pytest.param({"origin": "http://127.0.0.1:3000"}, None, id="the base URL's page"),
    pytest.param({"origin": "null"}, 403, id="a sandboxed page"),
    pytest.param({"origin": ""}, 403, id="an empty origin"),
    pytest.param({"origin": "file://localhost:3000"}, 403, id="a file"),
    pytest.param({"origin": "http://localhost:3000@evil.example"}, 403, id="our name as a user"),
    pytest.param({"origin": "http://[", "content_type": "application/json"}, 403, id="an origin that is none"),
    pytest.param({"sec_fetch_site": "same-origin"}, None, id="our page by fetch metadata"),
    pytest.param({"sec_fetch_site": "same-site"}, 403, id="another port by fetch metadata"),
    pytest.param({"sec_fetch_site": "cross-site"}, 403, id="a stranger by fetch metadata"),
    pytest.param({"sec_fetch_site": "none"}, None, id="the address bar"),
    pytest.param({"sec_fetch_site": "none", "content_type": "text/plain"}, 415, id="the address bar with a form"),
    pytest.param({"sec_fetch_site": "same-origin", "origin": "null"}, 403, id="the two contradict each other"),
    pytest.param({"sec_fetch_site": "nonsense"}, 403, id="a word that we do not know"),
]


@pytest.mark.parametrize(("headers", "status"), CHANGES)
def test_a_change_is_taken_from_programs_and_from_our_own_pages(headers: dict[str, str], status: int | None) -> None:
    asked = visit(host="localhost:3000", **headers)
    if status is None:
        origins().check_change(asked)
        return
    with pytest.raises(Refused) as caught:
        origins().check_change(asked)
    assert caught.value.status == status


def test_behind_a_proxy_with_tls_our_page_is_the_one_of_the_same_name() -> None:
    made = origins("127.0.0.1", "http://127.0.0.1:3000", "sync.example.com")
    made.check_change(visit(host="sync.example.com", origin="https://sync.example.com"))
    made.check_change(visit(host="sync.example.com:443", origin="https://sync.example.com"))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_host_and_origin_are_taken_or_refused(host: str, origin: str) -> None:
    headers = {"host": host, "origin": origin}
    raw = [(name.encode(), value.encode("utf-8")) for name, value in headers.items()]
    asked = Visit({"type": "http", "method": "POST", "path": "/", "headers": raw, "server": None})
    for check in (origins().check_host, origins().check_change):
        try:
            check(asked)
        except Refused:
            continue
