"""What sources of calls over HTTP have in common: a pace, answers in our words, pages of records, an end on demand."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol

import httpx

from supersync_core.connectors.call_records import BadRecord, CallParser, failed_record
from supersync_core.connectors.calls import CallPage
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.domain.historical_sync import Call, FailedRecord, Span, Window, cut
from supersync_core.errors import AccessDenied, Cancelled, ConfigError, NotFound, PlatformError, RateLimited

END = "end"
"""The position behind the last page."""
TIMEOUT_S = 30.0
_SHOWN = 200


class Request(NamedTuple):
    """What to ask for, below the address of the platform."""

    path: str
    parameters: Mapping[str, str]


class Answer(NamedTuple):
    """A page. `following`: the position after it, None at the end; `total`: of all pages, None where nobody says."""

    records: Sequence[Mapping[str, Any]]
    following: str | None
    total: int | None = None


class Platform(Protocol):
    """What differs. `name`: the provider of calls; `limited_s`: to wait after a 429 that says nothing."""

    name: str
    limited_s: float

    def request(self, window: Span, position: str | None) -> Request:
        """The page at a position; None: the first one. Raises ConfigError for a position that is none of its."""

    def count_request(self, span: Span) -> Request | None:
        """What tells how many there are; None where nothing does."""

    def read(self, body: Any, position: str | None) -> Answer:
        """The page that was answered. Raises KeyError, TypeError and ValueError for what is none."""


@dataclass
class Pace:
    """At most so many requests a minute, whoever asks."""

    per_minute: float
    _next: float = 0.0

    def __post_init__(self) -> None:
        """Anybody may ask at once."""
        self._lock = threading.Lock()

    def wait_s(self) -> float:
        """Seconds to wait before the request that is asked for now."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + 60 / self.per_minute
            return at - now


class CallApi:
    """The calls that a platform tells. Windows are parts of the span; several threads may read them."""

    def __init__(self, platform: Platform, client: httpx.Client, parser: CallParser, pace: Pace) -> None:
        """Nothing is asked yet."""
        self._platform, self._client, self._parser, self._pace = platform, client, parser, pace
        self._interrupt, self._stopping = Interrupt(), threading.Event()

    def windows(self, span: Span, size: timedelta) -> Sequence[Window]:
        """Parts of the span."""
        return list(cut(span, size))

    def count(self, span: Span) -> int | None:
        """As the platform says."""
        request = self._platform.count_request(span)
        return None if request is None else self._ask(request, None).total

    def read(self, window: Window, position: str | None) -> Iterator[CallPage]:
        """Page by page; what did not begin in the window is another one's."""
        while position != END:
            answer = self._ask(self._platform.request(window.span, position), position)
            position = answer.following or END
            yield self._page(answer, window.span, position)

    def cancel(self) -> None:
        """Leave a running request behind."""
        self._stopping.set()
        self._interrupt.set()

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _page(self, answer: Answer, span: Span, position: str) -> CallPage:
        calls, failed = list[Call](), list[FailedRecord]()
        for place, record in enumerate(answer.records):
            try:
                call = self._parser.parse(record)
                if span.holds(call.started_at):
                    calls.append(call)
            except BadRecord as error:
                failed.append(failed_record(f"{position}:{place}", record, error))
        return CallPage(calls, failed, position)

    def _ask(self, request: Request, position: str | None) -> Answer:
        if self._stopping.wait(self._pace.wait_s()):
            raise Cancelled("cancelled on request")
        try:
            answer = self._interrupt.run(lambda: self._client.get(request.path, params=request.parameters))
        except httpx.HTTPError as error:
            raise PlatformError(f"{self._platform.name} did not answer: {error or type(error).__name__}") from error
        self._check(answer)
        try:
            return self._platform.read(answer.json(), position)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PlatformError(f"{self._platform.name} did not answer with a page of calls") from error

    def _check(self, answer: httpx.Response) -> None:
        """Raise what the status means."""
        status, said = answer.status_code, f"{self._platform.name} answered {answer.status_code}"
        if status == 200:
            return
        if status == 429:
            raise RateLimited(said, retry_after=_retry_after(answer, self._platform.limited_s))
        if status in (401, 403):
            raise AccessDenied(f"{said}: it refuses our credentials")
        if status == 404:
            raise NotFound(f"{said}: it does not know the account")
        if status == 408 or status >= 500:
            raise PlatformError(said, retry_after=_retry_after(answer, None))
        raise ConfigError(f"{said}: {answer.text.strip()[:_SHOWN]}")


def rfc2822(value: Any) -> Any:
    """A time such as `Wed, 01 Jan 2025 10:00:00 +0000` in ISO 8601; anything else as it is."""
    try:
        return parsedate_to_datetime(value).astimezone(timezone.utc).isoformat()
    except (TypeError, ValueError, AttributeError):
        return value


def zulu(moment: datetime) -> str:
    """In UTC, with Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def _retry_after(answer: httpx.Response, otherwise: float | None) -> float | None:
    value = answer.headers.get("retry-after", "").strip()
    return float(value) if value.isdigit() else otherwise
