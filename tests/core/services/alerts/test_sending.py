"""Webhooks and apprise: what goes out, and what an error may say."""

import logging
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from supersync_core.domain.incident import IncidentKind, Level
from supersync_core.errors import BadData, ConfigError, Unavailable
from supersync_core.services.alerts.messages import Message, Told
from supersync_core.services.alerts.sending import MAX_RETRY_AFTER_S, retry_after, send, signature
from supersync_core.services.configuration import ChannelConfig
from tests.core.services.alerts.receiver import SECRET, receiver
from tests.core.services.reports import NOON

ID = UUID("0123456789abcdef0123456789abcdef")


def told(title: str, level: Level = Level.WARNING) -> Told:
    about = (IncidentKind.FAILURE, "failure:7", level, "orders", title, f"why {title}", {"n": 1})
    return Told(ID, 1, 2, *about, NOON)


def message(*alerts: Told, base_url: str | None = None) -> Message:
    return Message(ID, "ops", alerts or (told("a"),), base_url)


def hook(url: str) -> ChannelConfig:
    return ChannelConfig(name="ops", webhook=SecretStr(url), secret=SecretStr(SECRET))


def by_apprise(url: str) -> ChannelConfig:
    return ChannelConfig(name="ops", url=SecretStr(url))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 5000, MAX_RETRY_AFTER_S),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 22 Nov 2030 12:00:00 GMT", MAX_RETRY_AFTER_S),
        ("Sun, 22 Nov 2026 12:01:00", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOON) == seconds


def test_the_signature_is_that_of_time_and_body() -> None:
    # echo -n '1700000000.{"a":1}' | openssl dgst -sha256 -hmac hunter2
    expected = "sha256=56b25cbf563812b38800e5f4dd1febfde087d36841155e70b3aa285517e1570a"
    assert signature(SECRET, 1_700_000_000, b'{"a":1}') == expected


def test_any_success_is_a_success() -> None:
    with receiver() as there:
        for status in (200, 201, 202, 204):
            there.answers = [status]
            send(hook(there.url), message(), NOON)
        assert len(there.received) == 4


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, Unavailable) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, BadData) for status in (300, 301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422)),
    ],
)
def test_an_answer_says_whether_the_receiver_is_in_trouble_or_refuses(status: int, error: type[Exception]) -> None:
    with receiver() as there:
        there.answers = [(status, {"Location": "/elsewhere"})]
        with pytest.raises(error, match=f"the receiver answered {status}"):
            send(hook(there.url), message(), NOON)
        assert len(there.received) == 1


FAILING: list[Any] = [
    pytest.param("http://127.0.0.1:1/hunter3", Unavailable, id="nobody listens"),
    pytest.param("http://nowhere.invalid/hunter3", Unavailable, id="no such host"),
    pytest.param("http://[::1]:1/hunter3", Unavailable, id="nobody listens on IPv6"),
    pytest.param("https://127.0.0.1:{port}/hunter3", Unavailable, id="no TLS there"),
    pytest.param("http://127.0.0.1:{port}/hunter3\n", ConfigError, id="a line break"),
    pytest.param(f"http://{'a' * 64}.example/hunter3", ConfigError, id="a label that is too long"),
]


@pytest.mark.parametrize(("url", "error"), FAILING)
def test_no_error_holds_an_address_or_a_secret(url: str, error: type[Exception]) -> None:
    with receiver() as there, pytest.raises(error) as caught:
        send(hook(url.replace("{port}", str(there.port))), message(), NOON)
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "hunter" not in shown
    assert "127.0.0.1" not in shown


def test_a_receiver_that_hangs_up_is_in_trouble() -> None:
    def hang_up() -> None:
        raise ConnectionError

    with receiver() as there:
        there.answers = [hang_up]
        with pytest.raises(Unavailable, match=r"no connection \(RemoteProtocolError\)"):
            send(hook(there.url), message(), NOON)


# By apprise


def test_apprise_gets_the_alert_as_text() -> None:
    with receiver() as there:
        url = f"json://me:hunter4@127.0.0.1:{there.port}/hunter3"
        send(by_apprise(url), message(base_url="https://here"), NOON)
        (received,) = there.received
        said = {key: received.json[key] for key in ("title", "message", "type")}
    assert said == {
        "title": "[WARNING] a",
        "message": "why a\nhttps://here/supersync/incidents/2",
        "type": "warning",
    }


def test_apprise_gets_several_alerts_as_one_text() -> None:
    with receiver() as there:
        send(by_apprise(f"json://127.0.0.1:{there.port}"), message(told("a"), told("b", Level.CRITICAL)), NOON)
        (received,) = there.received
        assert (received.json["title"], received.json["type"]) == ("[CRITICAL] 2 alerts, the first: a", "failure")
        assert received.json["message"] == "warning: a\nwhy a\n\ncritical: b\nwhy b"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        pytest.param("json://me:hunter4@127.0.0.1:1/hunter3", Unavailable, id="nobody listens"),
        pytest.param("nosuchservice://hunter3", ConfigError, id="no such service"),
        pytest.param("slack://hunter3", ConfigError, id="half an address"),
    ],
)
def test_neither_error_nor_log_of_apprise_holds_an_address(
    url: str, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(error) as caught:
        send(by_apprise(url), message(), NOON)
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("apprise")]
    assert "hunter" not in f"{caught.value!r} {logged}"


def test_a_plug_in_that_raises_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    def fail(*_: Any, **__: Any) -> bool:
        raise ZeroDivisionError("hunter3")

    monkeypatch.setattr(apprise.Apprise, "notify", fail)
    with pytest.raises(Unavailable, match=r"^apprise failed \(ZeroDivisionError\)$"):
        send(by_apprise("json://127.0.0.1"), message(), NOON)


def test_without_apprise_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match=r"install supersync\[alerts\]"):
        send(by_apprise("json://127.0.0.1"), message(), datetime.now(NOON.tzinfo))
