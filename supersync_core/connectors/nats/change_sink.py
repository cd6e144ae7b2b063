"""NATS JetStream: one message per change, acknowledged by the server, which leaves out what comes twice in its window.

Acknowledgements are waited for in windows. Where one message of a window fails and a later one does not, the repetition
would leave the later one out as known, and so change their order: it then gets another id.
"""

import asyncio
import re
from collections.abc import Sequence

from nats.js.errors import APIError, NoStreamResponseError

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.messages import (
    ROUTING,
    TOO_LARGE,
    Message,
    Messages,
    header_text,
    in_order,
    too_large,
)
from supersync_core.connectors.nats.change_config import ChangeSinkConfig
from supersync_core.connectors.nats.connection import NatsConnection
from supersync_core.domain.change import Change, Position, SourceTable
from supersync_core.errors import SupersyncError

WINDOW = 512
"""So many messages are on their way at once."""
_SUBJECT = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")
_TOO_LARGE = 10054
"""JetStream's number for a message that is larger than its stream takes."""
_HEADER_BYTES = 64
"""What a header takes beside its name and value, at most."""


class NatsChangeSink:
    """Subjects of one server."""

    def __init__(self, config: ChangeSinkConfig, context: SinkContext) -> None:
        """Nothing is connected yet. Raises ConfigError for a template that cannot be read."""
        self.id, self.required = config.id, config.required
        self._config = config
        self._messages = Messages(config, context, destination=config.subject, key=config.key)
        self._interrupt = Interrupt()
        self._connection: NatsConnection | None = None
        self._overtaken: dict[str, int] = {}

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Connect, and look for the stream."""
        self._connected()
        return None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Publish in order; return when all is acknowledged."""
        self._interrupt.raise_if_set()
        messages, refused = self._messages.prepare(batch)
        if not messages:
            return refused
        connection = self._connected()
        try:
            refused += connection.call(
                asyncio.wait_for(self._deliver(connection, messages), self._config.batch_timeout_secs)
            )
        except SupersyncError:
            self.close()
            self._interrupt.raise_if_set()
            raise
        self._overtaken.clear()
        return in_order(batch, refused)

    def cancel(self) -> None:
        """Refuse further calls and end a running one."""
        self._interrupt.set()
        if connection := self._connection:
            connection.interrupt()

    def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    async def _deliver(self, connection: NatsConnection, messages: Sequence[Message]) -> list[Refused]:
        refused: list[Refused] = []
        for start in range(0, len(messages), WINDOW):
            sent: list[tuple[Message, asyncio.Future[None]]] = []
            for message in messages[start : start + WINDOW]:
                headers = self._headers(message)
                if refusal := _unfit(message, headers, connection.max_payload):
                    refused.append(refusal)
                    continue
                sent.append((message, await connection.publish(message.destination, message.payload, headers)))
            refused += await self._acknowledged(sent)
        return refused

    async def _acknowledged(self, sent: Sequence[tuple[Message, "asyncio.Future[None]"]]) -> list[Refused]:
        """Wait for a window; what is refused for its own sake is returned, anything else raised."""
        if not sent:
            return []
        _, late = await asyncio.wait([future for _, future in sent], timeout=self._config.send_timeout_secs)
        refused: list[Refused] = []
        failure: BaseException | None = None
        for message, future in sent:
            error = asyncio.TimeoutError("no acknowledgement") if future in late else future.exception()
            if error is None and failure is not None:
                event_id = message.change.event_id
                self._overtaken[event_id] = self._overtaken.get(event_id, 0) + 1
            elif error is not None and (refusal := self._refusal(message, error)):
                refused.append(refusal)
            else:
                failure = failure or error
        if failure is not None:
            raise failure
        return refused

    def _refusal(self, message: Message, error: BaseException) -> Refused | None:
        if isinstance(error, NoStreamResponseError) and self._messages.of_row:
            return Refused(message.change, ROUTING, f"no stream takes the subject {message.destination!r}")
        if isinstance(error, APIError) and error.err_code == _TOO_LARGE:
            return Refused(message.change, TOO_LARGE, f"the stream does not take it: {error.description}")
        return None

    def _headers(self, message: Message) -> dict[str, str]:
        event_id = message.change.event_id
        again = self._overtaken.get(event_id)
        known = self._messages.idempotency_prefix(message.change) + event_id
        headers = {name: header_text(value) for name, value in (message.headers or {}).items()}
        headers["Nats-Msg-Id"] = header_text(f"{known}|{again}" if again else known)
        if self._config.stream:
            headers["Nats-Expected-Stream"] = self._config.stream
        headers["df-key"] = header_text(message.key or event_id)
        return headers

    def _connected(self) -> NatsConnection:
        self._interrupt.raise_if_set()
        if self._connection is None:
            self._connection = self._interrupt.run(lambda: NatsConnection(self._config), discard=NatsConnection.close)
        return self._connection


def _unfit(message: Message, headers: dict[str, str], limit: int) -> Refused | None:
    """The refusal of a message that must not be sent at all: the server would close the connection."""
    if not _SUBJECT.fullmatch(message.destination):
        return Refused(message.change, ROUTING, f"{message.destination!r} is no subject of NATS")
    if any(not name or header_text(name) != name or ":" in name for name in headers):
        return Refused(message.change, ROUTING, "a header's name is empty or has characters that NATS does not take")
    size = len(message.payload) + sum(len(name) + len(value) + _HEADER_BYTES for name, value in headers.items())
    return too_large(message, limit) if size > limit else None
