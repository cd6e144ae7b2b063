"""Twilio's list of calls, by the address of the next page; it does not tell how many there are.

(https://www.twilio.com/docs/voice/api/call-resource)
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from supersync_core.connectors.call_api import TIMEOUT_S, Answer, CallApi, Pace, Request, rfc2822, zulu
from supersync_core.connectors.call_records import CallParser
from supersync_core.connectors.twilio.config import Config
from supersync_core.domain.historical_sync import Span

PARSER = CallParser("twilio")
LIMITED_S = 1.0


class Twilio:
    """A `Platform`. A position is the query of the next page: nothing else of its address is taken from an answer."""

    name, limited_s = "twilio", LIMITED_S

    def __init__(self, config: Config) -> None:
        """Nothing is asked yet."""
        self._path = f"/2010-04-01/Accounts/{config.account_sid}/Calls.json"
        self._size = config.page_size

    def request(self, window: Span, position: str | None) -> Request:
        """See `Platform`."""
        if position is not None:
            return Request(self._path, dict(parse_qsl(position)))
        between = {"StartTime>": zulu(window.start), "StartTime<": zulu(window.end)}
        return Request(self._path, {**between, "PageSize": str(self._size)})

    def count_request(self, span: Span) -> Request | None:
        """See `Platform`."""
        return None

    def read(self, body: Any, position: str | None) -> Answer:
        """See `Platform`."""
        following = body.get("next_page_uri")
        return Answer([_record(one) for one in body["calls"]], urlsplit(following).query if following else None)


def build(config: Config) -> CallApi:
    """A source over that account."""
    who = (config.api_key or config.account_sid, config.auth_token.get_secret_value())
    client = httpx.Client(base_url=config.base_url, auth=who, timeout=TIMEOUT_S, follow_redirects=False)
    return CallApi(Twilio(config), client, PARSER, Pace(config.requests_per_minute))


def _record(call: Mapping[str, Any]) -> dict[str, Any]:
    """With its time as others write it; the addresses of other resources are left out."""
    kept = {name: value for name, value in call.items() if name != "subresource_uris"}
    return {**kept, "start_time": rfc2822(call.get("start_time"))}
