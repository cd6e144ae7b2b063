"""Redis streams: one XADD per change, in pipelines. At least once; consumers tell a repetition by `idempotency_key`."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import hiredis

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.messages import ROUTING, Alike, Message, Messages, in_order, too_large
from supersync_core.connectors.redis.change_config import ChangeSinkConfig
from supersync_core.connectors.redis.commands import Commands
from supersync_core.connectors.redis.connection import WRONG_TYPE, Pipe, translated
from supersync_core.domain.change import Change, Position, SourceTable
from supersync_core.domain.streak import Streak, parts_of
from supersync_core.errors import BadData, SupersyncError

PIPELINE_COMMANDS, PIPELINE_BYTES = 500, 1 << 18
"""After so many commands or bytes they are sent: the server works on them while the next ones are packed."""
BULK_BYTES = 512 << 20
"""The server's own limit of a value, where it does not say another one."""


class Pipeline(NamedTuple):
    """Commands that are sent at once. `messages`: of each of them, where a row's value decides the stream."""

    commands: list[bytes]
    messages: list[Message]


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
        refused: list[Refused] = []
        try:
            self._deliver(self._pipelines(batch, refused), refused)
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

    def _deliver(self, pipelines: Iterable[Pipeline], refused: list[Refused]) -> None:
        deadline = time.monotonic() + self._config.batch_timeout_secs
        waiting: Pipeline | None = None
        for pipeline in _filled(pipelines):
            pipe = self._connected()
            pipe.send(b"".join(pipeline.commands))
            if waiting:
                refused += self._answers(pipe, waiting, deadline)
            waiting = pipeline
        if waiting:
            refused += self._answers(self._connected(), waiting, deadline)

    def _pipelines(self, batch: Sequence[Change], refused: list[Refused]) -> Iterator[Pipeline]:
        """Packed just before they are sent; events of which no command can be made join those that are refused."""
        for part in parts_of(batch):
            alike = self._messages.of_streak(part) if isinstance(part, Streak) else None
            if isinstance(part, Streak) and alike is not None:
                yield from self._of_streak(part, alike, refused)
            else:
                yield from self._one_by_one(part, refused)

    def _of_streak(self, streak: Streak, alike: Alike, refused: list[Refused]) -> Iterator[Pipeline]:
        self._connected()  # it tells the limit
        count = max(1, min(PIPELINE_COMMANDS, PIPELINE_BYTES * len(streak) // streak.size))
        for begin in range(0, len(streak), count):
            end = min(begin + count, len(streak))
            id_ends = streak.id_ends(begin, end)
            try:
                payloads = streak.written(alike.form, begin, id_ends)
            except (TypeError, ValueError, BadData):
                payloads = None
            if payloads is None or max(map(len, payloads)) > self._limit:
                yield from self._one_by_one(streak[begin:end], refused)
            else:
                yield Pipeline(self._commands.pack_alike(alike.outline, alike.destination, payloads, id_ends), [])

    def _one_by_one(self, changes: Sequence[Change], refused: list[Refused]) -> Iterator[Pipeline]:
        messages, unwritable = self._messages.prepare(changes)
        refused += unwritable
        if messages:
            self._connected()  # it tells the limit
        refused += [too_large(message, self._limit) for message in messages if len(message.payload) > self._limit]
        pipeline, size = Pipeline([], []), 0
        for message in messages:
            if len(message.payload) > self._limit:
                continue
            command = self._commands.pack(message)
            pipeline.commands.append(command)
            pipeline.messages.append(message)
            size += len(command)
            if len(pipeline.commands) == PIPELINE_COMMANDS or size >= PIPELINE_BYTES:
                yield pipeline
                pipeline, size = Pipeline([], []), 0
        if pipeline.commands:
            yield pipeline

    def _answers(self, pipe: Pipe, pipeline: Pipeline, deadline: float) -> list[Refused]:
        """Look at the replies; what is refused for its own sake is returned, anything else raised."""
        replies = pipe.receive(len(pipeline.commands), deadline)
        if set(map(type, replies)) <= {bytes}:
            return []
        refused = []
        for place, reply in enumerate(replies):
            if isinstance(reply, hiredis.ReplyError):
                # A stream's name that comes from a row may be that of something else; a fixed one is a mistake.
                if not self._messages.of_row or not str(reply).startswith(WRONG_TYPE):
                    raise translated(reply)
                message = pipeline.messages[place]
                refused.append(Refused(message.change, ROUTING, f"{message.destination!r} is no stream: {reply}"))
        return refused

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


def _filled(pipelines: Iterable[Pipeline]) -> Iterator[Pipeline]:
    """The same commands in fewer pipelines, as small ones go together."""
    commands: list[bytes] = []
    messages: list[Message] = []
    size = 0
    for pipeline in pipelines:
        commands += pipeline.commands
        messages += pipeline.messages
        size += sum(map(len, pipeline.commands))
        if len(commands) >= PIPELINE_COMMANDS or size >= PIPELINE_BYTES:
            yield Pipeline(commands, messages)
            commands, messages, size = [], [], 0
    if commands:
        yield Pipeline(commands, messages)


def _limit(reply: Any) -> int:
    """Of a value, in bytes; a server that does not tell (a managed one, or by its access rules) has the usual one."""
    return int(reply[1]) if isinstance(reply, list) and len(reply) == 2 else BULK_BYTES
