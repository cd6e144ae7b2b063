"""Redis streams: one XADD per change, in pipelines. At least once; consumers tell a repetition by `idempotency_key`."""

import time
from collections.abc import Sequence
from typing import Any

import hiredis

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.messages import ROUTING, Message, Messages, in_order, too_large
from supersync_core.connectors.redis.change_config import ChangeSinkConfig
from supersync_core.connectors.redis.commands import Commands
from supersync_core.connectors.redis.connection import WRONG_TYPE, Pipe, translated
from supersync_core.domain.change import Change, Position, SourceTable
from supersync_core.errors import SupersyncError

PIPELINE_COMMANDS, PIPELINE_BYTES = 500, 1 << 18
"""After so many commands or bytes they are sent: the server works on them while the next ones are packed."""
BULK_BYTES = 512 << 20
"""The server's own limit of a value, where it does not say another one."""


class RedisChangeSink:
    """Streams of one server."""

    def __init__(self, config: ChangeSinkConfig, context: SinkContext) -> None:
        """Nothing is connected yet. Raises ConfigError for a template that cannot be read."""
        self.id, self.required = config.id, config.required
        self._config = config
        self._messages = Messages(config, context, destination=config.stream, key=config.key)
        self._commands = Commands(self._messages)
        self._interrupt = Interrupt()
        self._pipe: Pipe | None = None
        self._limit = BULK_BYTES

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Connect, and ask how large a value may be."""
        self._connected()
        return None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Send pipelines, each while the server works on the one before; return when it has answered them all."""
        self._interrupt.raise_if_set()
        messages, refused = self._messages.prepare(batch)
        try:
            refused += self._deliver(messages) if messages else []
        except SupersyncError:
            # What the server still has to say belongs to a batch that nobody waits for any more.
            self._disconnect()
            self._interrupt.raise_if_set()
            raise
        return in_order(batch, refused)

    def cancel(self) -> None:
        """Refuse further calls and end a running one."""
        self._interrupt.set()
        if pipe := self._pipe:
            pipe.interrupt()

    def close(self) -> None:
        """Disconnect."""
        self._disconnect()

    def _deliver(self, messages: Sequence[Message]) -> list[Refused]:
        pipe = self._connected()
        deadline = time.monotonic() + self._config.batch_timeout_secs
        refused = [too_large(message, self._limit) for message in messages if len(message.payload) > self._limit]
        if refused:
            messages = [message for message in messages if len(message.payload) <= self._limit]
        waiting: list[Message] = []
        commands: list[bytes] = []
        first = size = 0
        pack = self._commands.pack
        for place, message in enumerate(messages, 1):
            command = pack(message)
            commands.append(command)
            size += len(command)
            if len(commands) == PIPELINE_COMMANDS or size >= PIPELINE_BYTES or place == len(messages):
                pipe.send(b"".join(commands))
                refused += self._answers(pipe, waiting, deadline)
                waiting, first = list(messages[first:place]), place
                commands, size = [], 0
        return refused + self._answers(pipe, waiting, deadline)

    def _answers(self, pipe: Pipe, messages: Sequence[Message], deadline: float) -> list[Refused]:
        """Look at the replies to `messages`; what is refused for its own sake is returned, anything else raised."""
        replies = pipe.receive(len(messages), deadline)
        if set(map(type, replies)) <= {bytes}:
            return []
        return [
            self._refusal(message, reply)
            for message, reply in zip(messages, replies, strict=True)
            if isinstance(reply, hiredis.ReplyError)
        ]

    def _refusal(self, message: Message, reply: Exception) -> Refused:
        # A stream's name that comes from a row may be that of something else; a fixed one is a mistake to be mended.
        if self._messages.of_row and str(reply).startswith(WRONG_TYPE):
            return Refused(message.change, ROUTING, f"{message.destination!r} is no stream: {reply}")
        raise translated(reply)

    def _connected(self) -> Pipe:
        self._interrupt.raise_if_set()
        if self._pipe is None:
            self._pipe = self._interrupt.run(self._connect, discard=Pipe.close)
            if self._interrupt.is_set():
                self._pipe.interrupt()
        return self._pipe

    def _connect(self) -> Pipe:
        config = self._config
        pipe = Pipe(
            config.uri.get_secret_value(),
            connect_timeout_s=config.connect_timeout_secs,
            send_timeout_s=config.send_timeout_secs,
        )
        deadline = time.monotonic() + config.connect_timeout_secs
        self._limit = _limit(pipe.call(b"CONFIG", b"GET", b"proto-max-bulk-len", deadline=deadline))
        return pipe

    def _disconnect(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe:
            pipe.close()


def _limit(reply: Any) -> int:
    """Of a value, in bytes; a server that does not tell (a managed one, or by its access rules) has the usual one."""
    return int(reply[1]) if isinstance(reply, list) and len(reply) == 2 else BULK_BYTES
