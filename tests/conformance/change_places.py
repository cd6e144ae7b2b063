"""The systems that the suite of change sinks writes to, and how to look at what has come there."""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import redis

from supersync_core.connectors.changes import ChangeSink
from supersync_core.connectors.http import build_change_sink as http_sink
from supersync_core.connectors.http.change_config import ChangeSinkConfig as HttpConfig
from supersync_core.connectors.kafka import build_change_sink as kafka_sink
from supersync_core.connectors.kafka.change_config import ChangeSinkConfig as KafkaConfig
from supersync_core.connectors.memory import MemoryChanges
from supersync_core.connectors.memory.change_config import ChangeSinkConfig as MemoryConfig
from supersync_core.connectors.memory.change_sink import MemoryChangeSink
from supersync_core.connectors.nats import build_change_sink as nats_sink
from supersync_core.connectors.nats.change_config import ChangeSinkConfig as NatsConfig
from supersync_core.connectors.redis import build_change_sink as redis_sink
from supersync_core.connectors.redis.change_config import ChangeSinkConfig as RedisConfig
from supersync_core.domain.change import Change
from tests.changes import CONTEXT, Unreadable, replaced
from tests.listener import Listener
from tests.proxy import Proxy
from tests.servers import KafkaCluster, NatsClient

Event = dict[str, Any]


class Place(Protocol):
    once: bool
    """Whether what comes again is left alone."""
    keeps_history: bool
    """Whether every event is there to see; else only what the rows are now."""
    poison_kind: str

    def sink(self, patience_s: float = 30) -> ChangeSink:
        """A new sink that is not open yet, and waits so long for its server."""

    def poison(self, change: Change) -> Change:
        """The change, made so that this sink can never take it."""

    def orders(self) -> list[Event]:
        """Rows of `orders` as they came, in order; where there is no history, as they are now, by id."""

    def event_ids(self) -> list[str]:
        """Ids of what came, in order; only where there is a history."""


class Line(Protocol):
    """What a sink's connection goes through."""

    def cut(self) -> None:
        """Nobody gets through."""

    def silence(self) -> None:
        """Connections stay, and nothing is passed on."""

    def restore(self) -> None:
        """Everything goes through again."""


class Remote(Place, Protocol):
    @property
    def line(self) -> Line:
        """What the sink's connection goes through."""


class MemoryPlace:
    once, keeps_history, poison_kind = False, True, "serialization"

    def __init__(self) -> None:
        self.changes = MemoryChanges()
        self.changes.refuses = lambda change: "serialization" if isinstance(change.after, Unreadable) else None

    def sink(self, patience_s: float = 30) -> ChangeSink:
        return MemoryChangeSink(MemoryConfig(id="m"), self.changes)

    def poison(self, change: Change) -> Change:
        return replaced(change, Unreadable())

    def orders(self) -> list[Event]:
        return [change.after.values() for change in self.changes.changes if change.after]

    def event_ids(self) -> list[str]:
        return self.changes.event_ids


class MessagePlace:
    """Where events arrive as messages in the native form."""

    once, keeps_history, poison_kind = False, True, "serialization"

    def __init__(self, line: Line) -> None:
        self.line = line

    def payloads(self) -> Sequence[bytes]:
        raise NotImplementedError

    def poison(self, change: Change) -> Change:
        return replaced(change, Unreadable())

    def events(self) -> list[Event]:
        return [json.loads(payload) for payload in self.payloads()]

    def orders(self) -> list[Event]:
        return [event["after"] for event in self.events() if event["after"]]

    def event_ids(self) -> list[str]:
        return [event["event_id"] for event in self.events()]


class RedisPlace(MessagePlace):
    def __init__(self, client: redis.Redis, line: Proxy) -> None:
        super().__init__(line)
        self.client, self.port = client, line.port

    def sink(self, patience_s: float = 30) -> ChangeSink:
        config = RedisConfig(
            id="r",
            uri=f"redis://127.0.0.1:{self.port}/0",
            stream="cdc.${source.table}",
            send_timeout_secs=patience_s,
            connect_timeout_secs=patience_s,
        )
        return redis_sink(config, CONTEXT)

    def payloads(self) -> Sequence[bytes]:
        return [fields[b"df-event"] for _, fields in self.client.xrange("cdc.orders")]


class NatsPlace(MessagePlace):
    """The server leaves out what it has seen within its window."""

    once = True

    def __init__(self, client: NatsClient, line: Proxy) -> None:
        super().__init__(line)
        self.client, self.port = client, line.port

    def sink(self, patience_s: float = 30) -> ChangeSink:
        config = NatsConfig(
            id="n",
            url=f"nats://127.0.0.1:{self.port}",
            subject="cdc.${source.table}",
            send_timeout_secs=patience_s,
            connect_timeout_secs=patience_s,
        )
        return nats_sink(config, CONTEXT)

    def payloads(self) -> Sequence[bytes]:
        return [message.data or b"" for message in self.client.messages()]


class KafkaPlace(MessagePlace):
    """All events have one key here, so they are in one partition and in order."""

    def __init__(self, cluster: KafkaCluster) -> None:
        super().__init__(cluster)
        self.cluster = cluster
        self.name = f"cdc-{uuid.uuid4().hex}"

    def sink(self, patience_s: float = 10) -> ChangeSink:
        config = KafkaConfig(
            id="k",
            brokers=self.cluster.brokers,
            topic=f"{self.name}.${{source.table}}",
            key="all",
            send_timeout_secs=patience_s,
        )
        return kafka_sink(config, CONTEXT)

    def payloads(self) -> Sequence[bytes]:
        return [message.value() or b"" for message in self.cluster.messages(f"{self.name}.orders")]


class HttpPlace(MessagePlace):
    def __init__(self, server: Listener, line: Proxy) -> None:
        super().__init__(line)
        self.server, self.port = server, line.port

    def sink(self, patience_s: float = 30) -> ChangeSink:
        config = HttpConfig(
            id="h",
            url=f"http://127.0.0.1:{self.port}/${{source.table}}",
            send_timeout_secs=patience_s,
            connect_timeout_secs=patience_s,
        )
        return http_sink(config, CONTEXT)

    def payloads(self) -> Sequence[bytes]:
        return [request.body for request in self.server.requests if request.path == "/orders"]


@contextmanager
def opened(place: Place, patience_s: float = 30) -> Iterator[ChangeSink]:
    """A sink of that place, open."""
    sink = place.sink(patience_s)
    sink.open([])
    yield sink
    sink.close()
