"""Sending a message to a channel, once. No error that is raised here holds an address, a secret or an answer's text."""

import hashlib
import hmac
import logging
import ssl
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from supersync_core.errors import BadData, ConfigError, Unavailable
from supersync_core.services.alerts.messages import Message
from supersync_core.services.configuration import ChannelConfig

if TYPE_CHECKING:
    import httpx

CONNECT_S, READ_S = 10.0, 30.0
"""How long a receiver has to take the connection, and to answer or to take the next piece."""
MAX_RETRY_AFTER_S = 86_400.0
_TRY_AGAIN = {408, 425, 429}
_SERVER_ERRORS = 500

Send = Callable[[ChannelConfig, Message, datetime], None]


def send(channel: ChannelConfig, message: Message, at: datetime) -> None:
    """Send a message. It was taken if nothing is raised.

    Raises Unavailable when the receiver is in trouble, with the wait that it asks for; BadData when it refuses this
    message; ConfigError when the channel cannot be used.
    """
    if channel.webhook is not None:
        _post(channel, message, at)
    else:
        _notify(channel, message)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """What `X-Supersync-Signature` says: `sha256=` and the HMAC-SHA256 of `<timestamp>.<body>` in hexadecimal."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def _post(channel: ChannelConfig, message: Message, at: datetime) -> None:
    # Here, because most processes that know this module send nothing.
    import httpx

    assert channel.webhook is not None and channel.secret is not None
    body, timestamp = message.as_json(), int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "supersync",
        "Idempotency-Key": str(message.id),
        "X-Supersync-Delivery": str(message.id),
        "X-Supersync-Timestamp": str(timestamp),
        "X-Supersync-Signature": signature(channel.secret.get_secret_value(), timestamp, body),
    }
    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False) as client,
            # Only the head of the answer is read: its body may be endless.
            client.stream("POST", channel.webhook.get_secret_value(), content=body, headers=headers) as answer,
        ):
            _check(answer, at)
    except httpx.TimeoutException as error:
        raise Unavailable(f"no answer in time ({type(error).__name__})") from None
    except (httpx.HTTPError, ssl.SSLError) as error:
        raise Unavailable(f"no connection ({type(error).__name__})") from None
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise ConfigError("the address of the webhook cannot be used") from None


def _check(answer: "httpx.Response", at: datetime) -> None:
    if answer.is_success:
        return
    said = f"the receiver answered {answer.status_code}"
    if answer.status_code in _TRY_AGAIN or answer.status_code >= _SERVER_ERRORS:
        raise Unavailable(said, retry_after=retry_after(answer.headers.get("Retry-After"), at))
    raise BadData(f"{said}; redirects are not followed" if answer.is_redirect else said)


def retry_after(header: str | None, at: datetime) -> float | None:
    """The seconds that a `Retry-After` asks for, at most a day: a number of them, or a date. None: it says nothing."""
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip().isdecimal() else (parsedate_to_datetime(header) - at).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _notify(channel: ChannelConfig, message: Message) -> None:
    try:
        import apprise
    except ImportError:
        raise ConfigError("the channel has a url: install supersync[alerts]") from None
    # It writes whole addresses into its log.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    assert channel.url is not None
    service = apprise.Apprise()
    if not service.add(channel.url.get_secret_value()):
        raise ConfigError("apprise does not know the url of the channel, or it lacks something")
    kind = {"info": apprise.NotifyType.INFO, "warning": apprise.NotifyType.WARNING}
    level = kind.get(message.level.value, apprise.NotifyType.FAILURE)
    try:
        taken = service.notify(body=message.as_text(), title=message.title, notify_type=level)
    except Exception as error:  # a plug-in of apprise may raise anything
        raise Unavailable(f"apprise failed ({type(error).__name__})") from None
    if not taken:
        raise Unavailable("apprise could not deliver it")
