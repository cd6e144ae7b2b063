"""Calls over HTTP: pages, paces, refusals, interruptions."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from supersync_core.connectors.call_api import END, CallApi, Pace
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.historical_sync import Call, Span, Window
from supersync_core.errors import (
    AccessDenied,
    Cancelled,
    ConfigError,
    NotFound,
    PlatformError,
    RateLimited,
    SupersyncError,
)
from tests.core.connectors.call_platforms import ACCOUNT, SID, START, Platforms, platforms

DAY = timedelta(days=1)
SPAN = Span(START + DAY, START + 4 * DAY)
HOURS = range(24, 96)
"""The numbers of the calls in it."""
NAMES = ("callrail", "twilio")


@pytest.fixture
def fake() -> Iterator[Platforms]:
    with platforms(200) as fake:
        yield fake


def source(name: str, fake: Platforms, **more: Any) -> CallApi:
    who: dict[str, Any] = {"account": ACCOUNT, "api_key": "key"}
    if name == "twilio":
        who = {"account_sid": SID, "auth_token": "secret"}
    connector = load_connector(name)
    usual = {"base_url": fake.url, "page_size": 7, "requests_per_minute": 6000}
    built: CallApi = connector.build_call_source(connector.Config(type=name, **{**usual, **who, **more}), "agency")
    return built


def read(calls: CallApi, window: Window, position: str | None = None) -> list[Call]:
    return [call for page in calls.read(window, position) for call in page.calls]


@pytest.mark.parametrize("name", NAMES)
def test_windows_give_each_call_of_the_span_once(fake: Platforms, name: str) -> None:
    calls = source(name, fake)
    windows = calls.windows(SPAN, DAY)
    found = [call for window in windows for call in read(calls, window)]
    assert len(windows) == 3
    assert sorted(call.started_at for call in found) == [START + timedelta(hours=hour) for hour in HOURS]
    assert len({call.call_id for call in found}) == len(HOURS)
    assert {(call.provider, call.duration_s, call.from_number, call.to_number) for call in found} == {
        (name, 60, "+15550001111", "+15550002222")
    }


@pytest.mark.parametrize("name", NAMES)
def test_reading_goes_on_from_any_page(fake: Platforms, name: str) -> None:
    calls = source(name, fake)
    window = Window("all", SPAN)
    pages = list(calls.read(window, None))
    assert len(pages) > 10
    for index, page in enumerate(pages):
        rest = [call for one in pages[index + 1 :] for call in one.calls]
        assert read(calls, window, page.position) == rest
    assert pages[-1].position == END


def test_one_tells_how_many_there_are_and_the_other_does_not(fake: Platforms) -> None:
    # The end of the range counts there, and not here.
    assert [source(name, fake).count(SPAN) for name in NAMES] == [len(HOURS) + 1, None]


STATUSES: list[tuple[int, Any, dict[str, str], type[SupersyncError], float | None]] = [
    (429, {}, {"Retry-After": "7"}, RateLimited, 7.0),
    (429, {}, {}, RateLimited, 60.0),
    (401, {}, {}, AccessDenied, None),
    (403, {}, {}, AccessDenied, None),
    (404, {}, {}, NotFound, None),
    (400, {"error": "bad date"}, {}, ConfigError, None),
    (302, {}, {"Location": "http://127.0.0.1:1/"}, ConfigError, None),
    (500, {}, {}, PlatformError, None),
    (503, {}, {"Retry-After": "2"}, PlatformError, 2.0),
    (200, b"<html>", {}, PlatformError, None),
    (200, [], {}, PlatformError, None),
    (200, {"calls": None}, {}, PlatformError, None),
]


@pytest.mark.parametrize(("status", "body", "headers", "kind", "wait_s"), STATUSES)
def test_what_an_answer_means(
    fake: Platforms, status: int, body: Any, headers: dict[str, str], kind: type[SupersyncError], wait_s: float | None
) -> None:
    fake.replies.append((status, body, headers))
    with pytest.raises(kind) as raised:
        read(source("callrail", fake), Window("all", SPAN))
    assert getattr(raised.value, "retry_after", None) == wait_s
    assert "key" not in str(raised.value)


def test_a_page_is_asked_for_at_the_account_alone(fake: Platforms) -> None:
    """Where an answer says that the next page lies elsewhere, we do not go there."""
    body = {"calls": [], "next_page_uri": "http://evil.example/2010-04-01/Accounts/X/Calls.json?Page=1&PageSize=7"}
    fake.replies.append((200, body, {}))
    with pytest.raises(PlatformError):
        read(source("twilio", fake), Window("all", SPAN))
    assert fake.asked[-1] == {"Page": "1", "PageSize": "7"}


def test_a_record_that_is_no_call_is_told_and_the_others_go_on(fake: Platforms) -> None:
    first = {"id": "1", "start_time": "2025-01-02T01:00:00Z"}
    records = [first, {"id": "2"}, {"id": "3", "start_time": "soon"}, {**first, "id": "4", "duration": -1}]
    body = {"page": 1, "total_pages": 1, "total_records": 4, "calls": records}
    fake.replies.append((200, body, {}))
    (page,) = source("callrail", fake).read(Window("all", SPAN), None)
    assert [call.call_id for call in page.calls] == ["1"]
    assert [failed.error for failed in page.failed] == [
        "started_at is missing",
        "started_at is no time: 'soon'",
        "duration is no number of seconds: -1",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_goes_on_is_left_behind(fake: Platforms, name: str) -> None:
    fake.hold.clear()
    calls = source(name, fake)
    threading.Timer(0.1, calls.cancel).start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        read(calls, Window("all", SPAN))
    assert time.monotonic() - begun < 2


def test_a_wait_for_the_pace_ends_at_a_cancel(fake: Platforms) -> None:
    calls = source("callrail", fake, requests_per_minute=0.1)
    threading.Timer(0.1, calls.cancel).start()
    with pytest.raises(Cancelled):
        read(calls, Window("all", SPAN))
    assert len(fake.asked) == 1


def test_a_pace_is_kept_whoever_asks() -> None:
    pace = Pace(per_minute=600)
    waits = [pace.wait_s() for _ in range(5)]
    assert [round(wait, 1) for wait in waits] == [0.0, 0.1, 0.2, 0.3, 0.4]
