"""Slack's API as a source of channels: paging, waiting, refusals, threads that go on. Over HTTP, against a fake."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from supersync_core.connectors.channels import ChannelSource
from supersync_core.connectors.slack import build_channel_source
from supersync_core.connectors.slack.config import Config
from supersync_core.domain.message import Message
from supersync_core.errors import AccessDenied, NotFound, PlatformError, RateLimited
from tests.listener import Answer
from tests.slack import TOKEN, FakeSlack, fake_slack

CREATED = 1772438400
DAY = 86_400


def entry(seconds: int, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "text": text, "ts": f"{CREATED + seconds}.000000", **more}


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """A channel C1 that has no messages yet."""
    with fake_slack() as fake:
        fake.channels = [{"id": "C1", "name": "general", "created": CREATED}]
        fake.users = [{"id": "U1", "profile": {"display_name": "Ada"}}]
        fake.messages = {"C1": []}
        yield fake


def source(slack: FakeSlack, **given: Any) -> ChannelSource:
    values = {"token": SecretStr(TOKEN), "base_url": slack.base_url, "requests_per_minute": 1e6, "retries": 2}
    return build_channel_source(Config(**(values | given)))


def read(source: ChannelSource, after: str | None = None) -> list[Message]:
    return [one for page in source.read("C1", after) for one in page]


def test_all_pages_of_all_windows_are_read(slack: FakeSlack) -> None:
    slack.messages["C1"] = [entry(number * 3600, f"number {number}") for number in range(700)]
    slack.page = 40
    assert [one.text for one in read(source(slack))] == [f"number {number}" for number in range(700)]
    assert any(given.get("cursor") for method, given in slack.calls if method == "conversations.history")


def test_what_was_imported_is_older_than_its_channel_and_read(slack: FakeSlack) -> None:
    slack.messages["C1"] = [entry(-900 * DAY, "imported"), entry(0, "the first"), entry(5, "the second")]
    assert [one.text for one in read(source(slack))] == ["imported", "the first", "the second"]


def test_slack_is_obeyed_when_it_asks_to_wait(slack: FakeSlack) -> None:
    slack.messages["C1"] = [entry(1, "here")]
    slack.limited, slack.retry_after = 1, "1"
    begun = time.monotonic()
    assert [one.text for one in read(source(slack))] == ["here"]
    assert time.monotonic() - begun >= 1


def test_patience_that_has_ended_says_how_long_to_wait(slack: FakeSlack) -> None:
    slack.limited, slack.retry_after = 1, "37"
    with pytest.raises(RateLimited) as raised:
        read(source(slack, retries=0))
    assert raised.value.retry_after == 37


@pytest.mark.parametrize("value", ["", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wait_that_makes_no_sense_is_a_minute(slack: FakeSlack, value: str) -> None:
    slack.limited, slack.retry_after = 1, value
    with pytest.raises(RateLimited) as raised:
        read(source(slack, retries=0))
    assert raised.value.retry_after == 60


@pytest.mark.parametrize("refusal", ["token_revoked", "invalid_auth", "missing_scope", "not_in_channel"])
def test_refused_credentials_are_denied_and_not_shown(slack: FakeSlack, refusal: str) -> None:
    slack.refusal = refusal
    with pytest.raises(AccessDenied, match=refusal) as raised:
        read(source(slack))
    assert TOKEN not in f"{raised.value} {raised.value.__cause__}"


def test_a_wrong_token_is_denied(slack: FakeSlack) -> None:
    with pytest.raises(AccessDenied):
        source(slack, token=SecretStr("xoxb-wrong")).channels()


def test_a_channel_that_slack_does_not_know_is_not_found(slack: FakeSlack) -> None:
    for after in (None, f"{CREATED}.000000"):
        with pytest.raises(NotFound):
            list(source(slack).read("C9", after))


def test_a_fault_of_slacks_is_tried_again(slack: FakeSlack) -> None:
    slack.messages["C1"], slack.failing = [entry(1, "here")], 1
    assert [one.text for one in read(source(slack))] == ["here"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, b"oops"),
        Answer(200, b"<html>"),
        Answer(200, b'{"ok": false, "error": "fatal_error"}'),
        Answer(200, b"[]"),
        Answer(503, b""),
    ],
)
def test_answers_that_make_no_sense_are_errors_of_the_platform(slack: FakeSlack, answer: Answer) -> None:
    slack.listener.answer = lambda request: answer
    with pytest.raises(PlatformError):
        source(slack, retries=0).channels()


def test_a_server_that_is_not_there_is_an_error_of_the_platform() -> None:
    given = {"token": SecretStr(TOKEN), "base_url": "http://127.0.0.1:9/api/", "retries": 0}
    with pytest.raises(PlatformError):
        build_channel_source(Config(**given)).channels()


def test_requests_are_no_faster_than_the_configuration_says(slack: FakeSlack) -> None:
    slack.messages["C1"] = [entry(1, "here")]
    paced = source(slack, requests_per_minute=600)
    begun = time.monotonic()
    read(paced)
    assert time.monotonic() - begun >= (len(slack.calls) - 1) * 0.1


def test_new_replies_to_an_older_message_are_found(slack: FakeSlack) -> None:
    parent = entry(0, "parent", reply_count=1, latest_reply=f"{CREATED + 10}.000000")
    slack.messages["C1"] = [parent, entry(10, "early", thread_ts=parent["ts"]), entry(20, "later")]
    found = read(source(slack))
    cursor = source(slack).cursor(found)
    assert cursor == f"{CREATED + 20}.000000"
    slack.messages["C1"].append(entry(30, "late", thread_ts=parent["ts"]))
    parent |= {"reply_count": 2, "latest_reply": f"{CREATED + 30}.000000"}
    assert [(one.text, one.thread_id) for one in read(source(slack), cursor)] == [("late", parent["ts"])]


def test_threads_without_new_replies_cost_no_request(slack: FakeSlack) -> None:
    parent = entry(0, "parent", reply_count=1, latest_reply=f"{CREATED + 10}.000000")
    slack.messages["C1"] = [parent, entry(10, "early", thread_ts=parent["ts"]), entry(20, "later")]
    read(source(slack), f"{CREATED + 20}.000000")
    assert "conversations.replies" not in [method for method, _ in slack.calls]


def test_a_page_of_replies_alone_moves_no_cursor(slack: FakeSlack) -> None:
    parent = entry(0, "parent", reply_count=1)
    slack.messages["C1"] = [parent, entry(10, "early", thread_ts=parent["ts"])]
    replies = [one for one in read(source(slack)) if one.thread_id]
    assert source(slack).cursor(replies) is None


@pytest.mark.parametrize(
    "given",
    [
        {"token": ""},
        {"base_url": "slack.com"},
        {"base_url": "file:///etc/"},
        {"types": []},
        {"page_size": 0},
        {"colour": 1},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(**({"token": TOKEN} | given))


def test_a_token_is_not_shown() -> None:
    assert TOKEN not in repr(Config(token=SecretStr(TOKEN)))


def test_entries_that_make_no_sense_are_left_out(slack: FakeSlack) -> None:
    slack.channels = [{"id": None}, {"name": "x"}, {"id": "C1", "created": "soon"}]
    slack.messages["C1"] = [{"ts": 5}, {"ts": "x"}, {"type": "message"}, {}, entry(1, "here", reactions=5, edited=[])]
    slack.raw = True
    assert [one.text for one in read(source(slack))] == ["here"]
