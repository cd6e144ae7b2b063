"""What is Kafka's own in its change sink: keys, transactions, and what each refusal means."""

import json
import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from confluent_kafka import KafkaError
from pydantic import ValidationError

from supersync_core.connectors.changes import ChangeSink
from supersync_core.connectors.kafka import build_change_sink
from supersync_core.connectors.kafka.change_config import ChangeSinkConfig
from supersync_core.connectors.kafka.producer import translated
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.domain.change import Op, Route, Unit
from supersync_core.errors import (
    AbortError,
    AccessDenied,
    ConfigError,
    LeaseLost,
    NotFound,
    SupersyncError,
    Unavailable,
)
from tests.changes import CONTEXT, KEYLESS, ORDERS, order, orders
from tests.servers import KafkaCluster, kafka_cluster, kafka_process

__all__ = ["kafka_cluster", "kafka_process"]  # fixtures


@pytest.fixture
def topic() -> str:
    return f"orders-{uuid.uuid4().hex}"


@pytest.fixture
def make_sink(kafka_cluster: KafkaCluster, topic: str) -> Iterator[Any]:
    """Sinks that are closed after the test."""
    made: list[ChangeSink] = []

    def make(**config: Any) -> ChangeSink:
        config = {"id": "k", "brokers": kafka_cluster.brokers, "topic": topic, **config}
        made.append(build_change_sink(ChangeSinkConfig(**config), CONTEXT))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def write(sink: ChangeSink, unit: Unit) -> list[Any]:
    return list(sink.write(unit.changes, unit.position))


def ids(cluster: KafkaCluster, topic: str) -> list[int]:
    return sorted(json.loads(message.value() or b"")["after"]["id"] for message in cluster.messages(topic))


def test_the_key_is_the_primary_key_so_a_row_stays_in_one_partition(
    make_sink: Any, kafka_cluster: KafkaCluster, topic: str
) -> None:
    log = MemoryChangeLog()
    changes = [(Op.UPDATE, ORDERS, None, order(n % 5, str(n))) for n in range(100)]
    write(make_sink(), log.commit(*changes, (Op.DELETE, ORDERS, order(1), None)))
    histories: dict[bytes, list[tuple[int | None, str | None]]] = {}
    for message in kafka_cluster.messages(topic):
        event = json.loads(message.value() or b"")
        history = histories.setdefault(bytes(message.key() or b""), [])
        history.append((message.partition(), event["after"] and event["after"]["name"]))
    assert set(histories) == {b'{"id":%d}' % n for n in range(5)}
    for n in range(5):
        history = histories[b'{"id":%d}' % n]
        expected: list[str | None] = [str(k) for k in range(n, 100, 5)]
        assert [name for _, name in history] == expected + ([None] if n == 1 else [])
        assert len({partition for partition, _ in history}) == 1


def test_headers_key_and_topic_of_a_route(make_sink: Any, kafka_cluster: KafkaCluster, topic: str) -> None:
    unit = orders(7)
    unit.changes[0].route = Route(f"{topic}-other", "k", {"trace": "ä"})
    write(make_sink(), unit)
    (message,) = kafka_cluster.messages(f"{topic}-other")
    assert (message.key(), message.headers()) == (b"k", [("trace", "ä".encode())])


def test_without_a_primary_key_the_key_is_the_events_id(
    make_sink: Any, kafka_cluster: KafkaCluster, topic: str
) -> None:
    unit = MemoryChangeLog().insert(KEYLESS, {"line": "a"})
    write(make_sink(), unit)
    (message,) = kafka_cluster.messages(topic)
    assert message.key() == unit.changes[0].event_id.encode()


@pytest.mark.parametrize("exactly_once", [False, True])
def test_an_event_that_is_too_large_is_refused_and_the_rest_arrives(
    make_sink: Any, kafka_cluster: KafkaCluster, topic: str, exactly_once: bool
) -> None:
    unit = MemoryChangeLog().insert(ORDERS, order(1), order(2, "x" * 5_000), order(3))
    sink = make_sink(exactly_once=exactly_once, client_conf={"message.max.bytes": 2_000})
    (refusal,) = write(sink, unit)
    assert (refusal.change, refusal.kind) == (unit.changes[1], "too_large")
    assert ids(kafka_cluster, topic) == [1, 3]


def test_a_row_that_makes_no_name_of_a_topic_is_refused(make_sink: Any, topic: str) -> None:
    unit = MemoryChangeLog().insert(ORDERS, order(1, "a b"), order(2, ""), order(3, topic), order(4, ".."))
    refused = write(make_sink(topic="${after.name}"), unit)
    assert [(refusal.change, refusal.kind) for refusal in refused] == [(unit.changes[i], "routing") for i in (0, 1, 3)]


def test_a_transaction_per_batch_is_committed_and_the_next_run_goes_on(
    make_sink: Any, kafka_cluster: KafkaCluster, topic: str
) -> None:
    log = MemoryChangeLog()
    for numbers in ((1, 2), (3,)):
        sink = make_sink(exactly_once=True)
        sink.open([])
        write(sink, orders(*numbers, log=log))
    assert ids(kafka_cluster, topic) == [1, 2, 3]


def test_a_transaction_of_which_the_cluster_refuses_a_message_is_undone_and_done_without_it(
    make_sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mock of a cluster refuses none, so the refusal is put into its mouth."""
    done: list[str] = []

    class Scripted:
        def __init__(self) -> None:
            self.callbacks: list[Any] = []

        def __getattr__(self, name: str) -> Any:
            return lambda *words, **options: done.append(name)

        def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Any, headers: Any) -> None:
            number = json.loads(value)["after"]["id"]
            done.append(f"produce {number}")
            error = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE) if number == 2 else None
            self.callbacks.append(lambda: on_delivery(error, None))

        def poll(self, seconds: float) -> None:
            while self.callbacks:
                self.callbacks.pop(0)()

    monkeypatch.setattr(import_module("supersync_core.connectors.kafka.change_sink"), "build_producer", _of(Scripted()))
    unit = orders(1, 2, 3)
    (refusal,) = write(make_sink(exactly_once=True), unit)
    assert (refusal.change, refusal.kind) == (unit.changes[1], "too_large")
    first = ["init_transactions", "begin_transaction", "produce 1", "produce 2", "produce 3", "abort_transaction"]
    assert done == [*first, "begin_transaction", "produce 1", "produce 3", "commit_transaction"]


def _of(producer: Any) -> Any:
    return lambda *settings: producer


def test_settings_go_to_librdkafka_but_not_those_that_the_delivery_rests_on(make_sink: Any, topic: str) -> None:
    with pytest.raises(ValidationError, match="acks"):
        make_sink(client_conf={"acks": "0"})
    with pytest.raises(ConfigError, match="no.such.setting"):
        make_sink(client_conf={"no.such.setting": "1"}).open([])
    config = ChangeSinkConfig(
        id="k", brokers="x", topic=topic, client_conf={"sasl.password": "hunter2", "debug": "", "enable.ssl": True}
    )
    assert "hunter2" not in repr(config) + config.model_dump_json()
    assert config.client_conf["enable.ssl"].get_secret_value() == "true"


def test_a_cluster_that_cannot_be_reached_is_told_in_time(make_sink: Any) -> None:
    with pytest.raises(Unavailable):
        make_sink(brokers="127.0.0.1:1", send_timeout_secs=0.5).open([])


@pytest.mark.parametrize(
    ("code", "fatal", "kind"),
    [
        (KafkaError._ALL_BROKERS_DOWN, False, Unavailable),
        (KafkaError._MSG_TIMED_OUT, False, Unavailable),
        (KafkaError.NOT_ENOUGH_REPLICAS, False, Unavailable),
        (KafkaError.SASL_AUTHENTICATION_FAILED, False, AccessDenied),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, False, AccessDenied),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, False, NotFound),
        (KafkaError._FENCED, True, LeaseLost),
        (KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, True, AbortError),
    ],
)
def test_each_error_is_told_apart(code: int, fatal: bool, kind: type[SupersyncError]) -> None:
    assert type(translated(KafkaError(code, fatal=fatal))) is kind
