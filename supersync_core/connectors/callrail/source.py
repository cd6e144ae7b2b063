"""CallRail's `calls.json`, by number of page, which tells how many calls there are (https://apidocs.callrail.com)."""

from typing import Any

import httpx

from supersync_core.connectors.call_api import TIMEOUT_S, Answer, CallApi, Pace, Request, zulu
from supersync_core.connectors.call_records import CallParser
from supersync_core.connectors.callrail.config import Config
from supersync_core.domain.historical_sync import Span

PARSER = CallParser("callrail")
LIMITED_S = 60.0
"""A 429 of CallRail's does not say how long to wait."""


class CallRail:
    """A `Platform`. A position is the number of the next page."""

    name, limited_s = "callrail", LIMITED_S

    def __init__(self, config: Config) -> None:
        """Nothing is asked yet."""
        self._path = f"/v3/a/{config.account}/calls.json"
        self._size = config.page_size

    def request(self, window: Span, position: str | None) -> Request:
        """See `Platform`."""
        return self._request(window, page=int(position or 1), size=self._size)

    def count_request(self, span: Span) -> Request | None:
        """See `Platform`."""
        return self._request(span, page=1, size=1)

    def read(self, body: Any, position: str | None) -> Answer:
        """See `Platform`."""
        page, pages, total = int(body["page"]), int(body["total_pages"]), int(body["total_records"])
        return Answer(list(body["calls"]), str(page + 1) if page < pages else None, total)

    def _request(self, span: Span, *, page: int, size: int) -> Request:
        between = {"start_date": zulu(span.start), "end_date": zulu(span.end)}
        order = {"sort": "start_time", "order": "asc"}
        return Request(self._path, {**between, **order, "page": str(page), "per_page": str(size)})


def build(config: Config) -> CallApi:
    """A source over that account."""
    headers = {"Authorization": f'Token token="{config.api_key.get_secret_value()}"'}
    client = httpx.Client(base_url=config.base_url, headers=headers, timeout=TIMEOUT_S, follow_redirects=False)
    return CallApi(CallRail(config), client, PARSER, Pace(config.requests_per_minute))
