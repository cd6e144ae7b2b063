"""What an answer means for the events of its request."""

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import httpx

from supersync_core.connectors.messages import ROUTING, SERIALIZATION, TOO_LARGE
from supersync_core.errors import AccessDenied, ConfigError, SupersyncError, Unavailable

_REFUSALS = {404: ROUTING, 405: ROUTING, 410: ROUTING, 413: TOO_LARGE}
_DENIED = {401, 403, 407}
_LATER = {408, 425, 429}
_SHOWN = 200


def refusal_kind(response: httpx.Response) -> str | None:
    """The kind of refusal of the events themselves; None when they were taken. Raises what concerns them all."""
    status = response.status_code
    if response.is_success:
        return None
    if status in _LATER or status >= 500:
        raise Unavailable(answer(response), retry_after=_retry_after(response))
    if status in _DENIED:
        raise AccessDenied(answer(response))
    if status < 400:
        raise ConfigError(f"{answer(response)}; redirects are not followed: name the place itself")
    return _REFUSALS.get(status, SERIALIZATION)


def failed(error: httpx.HTTPError | httpx.InvalidURL) -> SupersyncError:
    """The driver's error as ours."""
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return ConfigError(f"the url cannot be used: {error}")
    return Unavailable(f"the request failed: {error or type(error).__name__}")


def answer(response: httpx.Response) -> str:
    """What the server said, for people."""
    text = response.text.strip()[:_SHOWN]
    return f"the server answered {response.status_code}" + (f": {text}" if text else "")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds (RFC 9110, 10.2.3: a number or a date); None when the server does not say."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds()) if at.tzinfo else None
