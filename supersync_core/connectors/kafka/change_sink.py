"""Kafka: one message per change, by an idempotent producer; with `exactly_once` in one transaction per batch.

The key is the primary key, so all changes of a row are in one partition and in order. After anything that went wrong
the producer is thrown away with what it still has: the batch comes again as a whole, by a new one.
"""

import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.kafka.change_config import ChangeSinkConfig
from supersync_core.connectors.kafka.producer import (
    DENIED,
    NO_TOPIC,
    POLL_S,
    TOO_LARGE,
    build_producer,
    of_exception,
    patiently,
    translated,
)
from supersync_core.connectors.messages import ROUTING, Message, Messages, in_order, primary_key_json
from supersync_core.connectors.messages import TOO_LARGE as TOO_LARGE_KIND
from supersync_core.domain.change import Change, Position, SourceTable
from supersync_core.errors import SupersyncError, Unavailable

T = TypeVar("T")
_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")


class _Undone(Exception):
    """The cluster has refused messages of a transaction, which is undone as a whole: once more, without them."""

    def __init__(self, refused: list[Refused]) -> None:
        super().__init__(refused)
        self.refused = refused


class KafkaChangeSink:
    """Topics of one cluster."""

    def __init__(self, config: ChangeSinkConfig, context: SinkContext) -> None:
        """Nothing is connected yet. Raises ConfigError for a template that cannot be read."""
        self.id, self.required = config.id, config.required
        self._config = config
        self._messages = Messages(
            config, context, destination=config.topic, key=config.key, default_key=primary_key_json
        )
        # The same for every run of this sink: so a new one fences off the one before.
        name = f"supersync.{context.pipeline}.{context.source_id}.{config.id}"
        self._transactional_id = name if config.exactly_once else None
        self._interrupt = Interrupt()
        self._producer: Producer | None = None
        self._trouble: KafkaError | None = None
        self._failed: list[tuple[Message, KafkaError]] = []
        self._waiting = 0

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Reach the cluster; with `exactly_once`, shut out the run before this one."""
        deadline = time.monotonic() + self._config.send_timeout_secs
        producer = self._connected(deadline)
        self._guarded(lambda: patiently(lambda s: self._look(producer, s), self._interrupt, deadline))
        return None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Produce in order; return when the cluster has acknowledged all, or committed the transaction."""
        self._interrupt.raise_if_set()
        messages, refused = self._messages.prepare(batch)
        unfit = [message for message in messages if not _TOPIC.fullmatch(message.destination)]
        for message in unfit:
            refused.append(Refused(message.change, ROUTING, f"{message.destination!r} is no name of a topic"))
        if unfit:
            messages = [message for message in messages if _TOPIC.fullmatch(message.destination)]
        deadline = time.monotonic() + self._config.send_timeout_secs
        while messages:
            try:
                refused += self._guarded(partial(self._attempt, messages, deadline))
                break
            except _Undone as undone:
                refused += undone.refused
                bad = {id(refusal.change) for refusal in undone.refused}
                messages = [message for message in messages if id(message.change) not in bad]
        return in_order(batch, refused)

    def cancel(self) -> None:
        """Refuse further calls; a running one ends at its next look."""
        self._interrupt.set()

    def close(self) -> None:
        """Let the producer go with what it still has, which nobody was told to be stored."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except SupersyncError:
            self.close()
            raise

    def _attempt(self, messages: Sequence[Message], deadline: float) -> list[Refused]:
        """Produce them all, save those that are returned. Raises _Undone when the cluster refused some of them."""
        producer = self._connected(deadline)
        self._failed, self._waiting, self._trouble = [], 0, None
        if self._transactional_id:
            _begin(producer)
        refused = [refusal for message in messages if (refusal := self._produce(producer, message, deadline))]
        while self._waiting:
            self._interrupt.raise_if_set()
            producer.poll(POLL_S)
            self._raise_trouble(deadline)
        failed = [self._refusal(message, error) for message, error in self._failed]
        if self._transactional_id and failed:
            patiently(producer.abort_transaction, self._interrupt, deadline)
            raise _Undone(failed)
        if self._transactional_id:
            patiently(producer.commit_transaction, self._interrupt, deadline)
        return refused + failed

    def _produce(self, producer: Producer, message: Message, deadline: float) -> Refused | None:
        def delivered(error: KafkaError | None, _: KafkaMessage) -> None:
            self._waiting -= 1
            if error is not None:
                self._failed.append((message, error))

        key = message.key or message.change.event_id
        headers: list[tuple[str, str | bytes]] = [
            (name, value.encode()) for name, value in (message.headers or {}).items()
        ]
        while True:
            try:
                producer.produce(
                    message.destination, message.payload, key.encode(), on_delivery=delivered, headers=headers
                )
            except BufferError:
                self._interrupt.raise_if_set()
                producer.poll(POLL_S)
                self._raise_trouble(deadline)
            except KafkaException as error:
                return self._refusal(message, of_exception(error))
            else:
                self._waiting += 1
                return None

    def _refusal(self, message: Message, error: KafkaError) -> Refused:
        """The refusal of one event; anything that concerns others too is raised."""
        if error.code() in TOO_LARGE:
            return Refused(message.change, TOO_LARGE_KIND, f"Kafka: {error.str()}")
        if error.code() in NO_TOPIC and self._messages.of_row:
            return Refused(message.change, ROUTING, f"Kafka: {error.str()}: {message.destination!r}")
        raise translated(error)

    def _raise_trouble(self, deadline: float) -> None:
        """What the cluster has said apart from any message, if it will not get better; or that time is up."""
        if self._trouble is not None and (self._trouble.fatal() or self._trouble.code() in DENIED):
            raise translated(self._trouble)
        if time.monotonic() > deadline:
            said = f": {self._trouble.str()}" if self._trouble else ""
            raise Unavailable(f"Kafka did not acknowledge the batch in time{said}")

    def _look(self, producer: Producer, seconds: float) -> None:
        """Ask for the cluster, so that a wrong address or login is known at once."""
        producer.poll(0)
        if self._trouble is not None and self._trouble.code() in DENIED:
            raise translated(self._trouble)
        producer.list_topics(timeout=seconds)

    def _connected(self, deadline: float) -> Producer:
        self._interrupt.raise_if_set()
        if self._producer is None:
            self._trouble = None
            self._producer = producer = build_producer(self._config, self._transactional_id, self._on_error)
            if self._transactional_id:
                self._guarded(lambda: patiently(producer.init_transactions, self._interrupt, deadline))
        return self._producer

    def _on_error(self, error: KafkaError) -> None:
        self._trouble = error


def _begin(producer: Producer) -> None:
    try:
        producer.begin_transaction()
    except KafkaException as error:
        raise translated(of_exception(error)) from error
