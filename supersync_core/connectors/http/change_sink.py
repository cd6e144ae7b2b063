"""HTTP: a request per change, or arrays of them, one after the other over one connection; so order is kept.

What was delivered of a batch is remembered until all of it is, so that a repetition brings only what is missing.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from itertools import groupby

import httpx

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.http.answers import answer, failed, refusal_kind
from supersync_core.connectors.http.change_config import ChangeSinkConfig
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.messages import ROUTING, Message, Messages, header_text, in_order
from supersync_core.domain.change import Change, Position, SourceTable
from supersync_core.errors import Unavailable

ARRAY_EVENTS, ARRAY_BYTES = 1000, 4 << 20
"""An array holds so many events or bytes at most."""
_TOKEN = set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class HttpChangeSink:
    """One address, or one per table."""

    def __init__(self, config: ChangeSinkConfig, context: SinkContext) -> None:
        """Nothing is connected yet. Raises ConfigError for a template that cannot be read."""
        self.id, self.required = config.id, config.required
        self._config = config
        self._messages = Messages(config, context, destination=config.url, key=config.key)
        self._interrupt = Interrupt()
        self._client: httpx.Client | None = None
        self._position: Position | None = None
        self._done: set[str] = set()
        self._refused: list[Refused] = []
        kind = "cloudevents+json" if config.envelope.type == "cloudevents" else "json"
        batch = "cloudevents-batch+json" if config.envelope.type == "cloudevents" else "json"
        self._headers = {
            "Content-Type": f"application/{batch if config.batch_mode else kind}",
            **{name: value.get_secret_value() for name, value in config.headers.items()},
        }

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Nothing to ask: the address speaks when it is spoken to."""
        self._interrupt.raise_if_set()
        return None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Send what is not delivered yet, in order."""
        self._interrupt.raise_if_set()
        if position != self._position:
            self._position, self._done, self._refused = position, set(), []
        messages, refused = self._messages.prepare(batch)
        if messages:
            self._interrupt.run(lambda: self._deliver(messages))
        refused += self._refused
        self._position = None
        return in_order(batch, refused)

    def cancel(self) -> None:
        """Refuse further calls and leave a running one behind: it sends nothing more."""
        self._interrupt.set()

    def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client:
            client.close()

    def _deliver(self, messages: Sequence[Message]) -> None:
        deadline = time.monotonic() + self._config.batch_timeout_secs
        for url, group in groupby(messages, lambda message: message.destination):
            waiting = [message for message in group if message.change.event_id not in self._done]
            fit = [message for message in waiting if self._fits(url, message)]
            for part in _arrays(fit) if self._config.batch_mode else ([message] for message in fit):
                self._send(url, part, deadline)

    def _send(self, url: str, messages: Sequence[Message], deadline: float) -> None:
        """Send them in one request; an array that is refused is halved until it is known for which event."""
        self._interrupt.raise_if_set()
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unavailable("the batch took too long; what is missing of it is sent again")
        response = self._request(url, messages)
        kind = refusal_kind(response)
        if kind is not None and len(messages) > 1:
            middle = len(messages) // 2
            self._send(url, messages[:middle], deadline)
            self._send(url, messages[middle:], deadline)
            return
        if kind is not None:
            self._refused.append(Refused(messages[0].change, kind, answer(response)))
        self._done.update(message.change.event_id for message in messages)

    def _request(self, url: str, messages: Sequence[Message]) -> httpx.Response:
        if self._client is None:
            config = self._config
            timeout = httpx.Timeout(config.send_timeout_secs, connect=config.connect_timeout_secs)
            self._client = httpx.Client(timeout=timeout, limits=httpx.Limits(max_connections=1), follow_redirects=False)
        payloads = [message.payload for message in messages]
        content = b"[%b]" % b",".join(payloads) if self._config.batch_mode else payloads[0]
        try:
            return self._client.request(
                self._config.method, url, content=content, headers={**self._headers, **self._own_headers(messages)}
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise failed(error) from error

    def _own_headers(self, messages: Sequence[Message]) -> dict[str, str]:
        keys = [self._messages.idempotency_key(message.change) for message in messages]
        if self._config.batch_mode:
            return {"Idempotency-Key": hashlib.sha256("\n".join(keys).encode()).hexdigest()}
        message = messages[0]
        routed = {name: header_text(value) for name, value in (message.headers or {}).items()}
        own = {"Idempotency-Key": keys[0], "df-key": message.key or message.change.event_id}
        return routed | {name: header_text(value) for name, value in own.items()}

    def _fits(self, url: str, message: Message) -> bool:
        """Whether it can be sent; what cannot is refused here."""
        reason = ""
        if not url.startswith(("http://", "https://")):
            reason = f"{url!r} is no address of the web"
        elif any(not name or not set(name) <= _TOKEN for name in message.headers or {}):
            reason = "a header's name is empty or has characters that HTTP does not take"
        if reason:
            self._refused.append(Refused(message.change, ROUTING, reason))
            self._done.add(message.change.event_id)
        return not reason


def _arrays(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    part: list[Message] = []
    size = 0
    for message in messages:
        if part and (len(part) == ARRAY_EVENTS or size + len(message.payload) > ARRAY_BYTES):
            yield part
            part, size = [], 0
        part.append(message)
        size += len(message.payload)
    if part:
        yield part
