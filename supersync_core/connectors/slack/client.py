"""Calls of Slack's web API: paced, repeated where Slack asks for it, their errors as ours."""

import math
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from supersync_core.connectors.chat_files import list_of, mapping_of, text_of
from supersync_core.connectors.slack.config import Config
from supersync_core.errors import AccessDenied, NotFound, PlatformError, RateLimited, SupersyncError

_DENIED = frozenset(
    [
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "no_permission",
    ]
    + ["not_in_channel", "access_denied", "ekm_access_denied", "team_access_not_granted", "org_login_required"]
)
_MISSING = frozenset(["channel_not_found", "thread_not_found", "is_archived"])
_LIMITED = frozenset(["ratelimited", "rate_limited"])
RETRY_AFTER_S = 60.0
"""Where Slack names no time."""


class Slack:
    """A workspace. Calls come one after the other, no faster than the configuration says."""

    def __init__(self, config: Config) -> None:
        """Nothing is called yet."""
        self.workspace_url, self.types = config.workspace_url, ",".join(config.types)
        self._size, self._pause = config.page_size, 60 / config.requests_per_minute
        self._next = 0.0
        retries = config.retries
        self._client = WebClient(
            token=config.token.get_secret_value(),
            base_url=config.base_url,
            timeout=math.ceil(config.timeout_s),
            retry_handlers=[
                RateLimitErrorRetryHandler(max_retry_count=retries),
                ServerErrorRetryHandler(max_retry_count=retries),
                ConnectionErrorRetryHandler(max_retry_count=retries),
            ],
        )

    def pages(self, method: str, key: str, **params: Any) -> Iterator[list[Mapping[str, Any]]]:
        """What each page has under `key`. Raises as a `ChannelSource` does."""
        cursor = ""
        while True:
            answer = self._call(method, {**params, "limit": self._size, "cursor": cursor})
            yield [mapping_of(one) for one in list_of(answer.get(key))]
            following = text_of(mapping_of(answer.get("response_metadata")).get("next_cursor"))
            if not following or following == cursor:
                return
            cursor = following

    def _call(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        wait = self._next - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next = time.monotonic() + self._pause
        given = {name: value for name, value in params.items() if value != ""}
        try:
            return mapping_of(self._client.api_call(method, params=given).data)
        except SlackApiError as error:
            raise _refused(method, error) from error
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            raise PlatformError(f"Slack does not answer {method}: {type(error).__name__}") from error


def _refused(method: str, error: SlackApiError) -> SupersyncError:
    """Slack's answer as ours. It never holds the token."""
    response: Any = error.response
    code = text_of(mapping_of(response.data).get("error"))
    if code in _LIMITED or response.status_code == 429:
        return RateLimited(f"Slack asks us to wait: {method}", retry_after=_retry_after(response.headers))
    if code in _DENIED:
        return AccessDenied(f"Slack refuses {method}: {code}")
    if code in _MISSING:
        return NotFound(f"Slack has no such channel: {code}")
    return PlatformError(f"Slack cannot answer {method}: {code or response.status_code}")


def _retry_after(headers: Mapping[str, Any]) -> float:
    value = next((given for name, given in headers.items() if name.lower() == "retry-after"), None)
    try:
        return float(value[0] if isinstance(value, list) else value or RETRY_AFTER_S)
    except ValueError:
        return RETRY_AFTER_S
