"""What is Redis's own in its change sink: the fields, and what each refusal of the server means."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from supersync_core.connectors.changes import ChangeSink
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.connectors.redis import build_change_sink
from supersync_core.connectors.redis.change_config import ChangeSinkConfig
from supersync_core.connectors.redis.connection import translated
from supersync_core.domain.change import Change, Route
from supersync_core.errors import AbortError, AccessDenied, ConfigError, SupersyncError, Unavailable
from tests.changes import CONTEXT, ORDERS, at, order, orders
from tests.core.connectors.postgres.streaks import streak_of_orders
from tests.servers import redis_client, redis_port, redis_process

__all__ = ["redis_client", "redis_port"]  # fixtures

MEGABYTE = 1 << 20
SYNTHETIC = {"synthetic_only": True}


def sink_of(port: int, auth: str = "", **config: Any) -> ChangeSink:
    config = {"id": "r", "stream": "cdc", **config}
    return build_change_sink(ChangeSinkConfig(uri=f"redis://{auth}127.0.0.1:{port}/0", **config), CONTEXT)


@pytest.fixture
def own_server() -> Iterator[int]:
    """A server that the test may set up as it likes."""
    with redis_process() as port:
        yield port


def write(sink: ChangeSink, *changes: Change) -> list[Any]:
    return list(sink.write(changes, at(1)))


def entries(client: redis.Redis, stream: str = "cdc") -> list[dict[bytes, bytes]]:
    return [fields for _, fields in client.xrange(stream)]


def with_id(change: Change, id: str) -> Change:
    change.id = id
    return change


def test_an_entry_has_the_fields_of_the_document(redis_port: int, redis_client: redis.Redis) -> None:
    unit = orders(7, 8)
    write(sink_of(redis_port), *unit.changes)
    for change, entry in zip(unit.changes, entries(redis_client), strict=True):
        event_id = change.event_id.encode()
        assert list(entry) == [b"event_id", b"idempotency_key", b"df-event", b"df-key"]
        assert entry[b"event_id"] == entry[b"df-key"] == event_id
        assert entry[b"idempotency_key"] == b"acme|shop.orders|1|" + event_id
        assert json.loads(entry[b"df-event"])["event_id"] == change.event_id


def test_names_with_percent_signs_and_ids_of_their_own_arrive(redis_port: int, redis_client: redis.Redis) -> None:
    plain, own = orders(7).changes[0], with_id(orders(8).changes[0], "a-snapshot-row")
    write(sink_of(redis_port, stream="100%b-ä-${source.table}"), plain, own)
    ids = [entry[b"event_id"].decode() for entry in entries(redis_client, "100%b-ä-orders")]
    assert ids == [plain.event_id, "a-snapshot-row"]


def test_key_and_headers_are_fields_too(redis_port: int, redis_client: redis.Redis) -> None:
    change = orders(7).changes[0]
    change.route = Route(headers={"trace": "ä"})
    write(sink_of(redis_port, key="k-${after.id}"), change)
    (entry,) = entries(redis_client)
    assert (entry[b"df-key"], json.loads(entry[b"df-headers"])) == (b"k-7", {"trace": "ä"})


def test_events_of_one_batch_go_to_the_streams_of_their_rows(redis_port: int, redis_client: redis.Redis) -> None:
    write(sink_of(redis_port, stream="o-${after.id}"), *orders(*range(1200)).changes)
    assert [redis_client.xlen(f"o-{number}") for number in range(1200)] == [1] * 1200


def test_a_full_server_is_waited_for_and_read_only_ones_too(own_server: int) -> None:
    sink = sink_of(own_server)
    with redis.Redis(port=own_server) as client:
        for limit in ({"maxmemory": "1"}, {"min-replicas-to-write": "1"}):
            for name, value in limit.items():
                client.config_set(name, value)
            with pytest.raises(Unavailable):
                write(sink, *orders(1, 2).changes)
            for name in limit:
                client.config_set(name, "0")
        write(sink, *orders(1, 2).changes)
        assert client.xlen("cdc") == 2
        client.replicaof("127.0.0.1", "1")
        with pytest.raises(Unavailable, match="READONLY|MASTERDOWN"):
            write(sink, *orders(3).changes)


def test_a_failure_in_the_middle_is_told_and_the_batch_comes_again(own_server: int) -> None:
    """Half of the batch fits in the server's memory."""
    sink = sink_of(own_server)
    with redis.Redis(port=own_server) as client:
        client.config_set("maxmemory", str(int(client.info("memory")["used_memory"]) + MEGABYTE))
        unit = MemoryChangeLog().insert(ORDERS, *(order(n, "x" * 10_000) for n in range(300)))
        with pytest.raises(Unavailable, match="OOM"):
            write(sink, *unit.changes)
        arrived = client.xlen("cdc")
        assert 0 < arrived < 300
        client.config_set("maxmemory", "0")
        write(sink, *unit.changes)
        ids = [fields[b"event_id"].decode() for _, fields in client.xrange("cdc")]
        assert ids[arrived:] == [change.event_id for change in unit.changes]


def test_a_wrong_password_or_right_is_refused_and_never_shown(own_server: int) -> None:
    with redis.Redis(port=own_server) as client:
        client.config_set("requirepass", "hunter2")
        client.execute_command("AUTH", "hunter2")
        client.execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get", "+config|get")
    for auth in ("", ":wr0ng@", "nobody:wr0ng@"):
        with pytest.raises(AccessDenied) as refusal:
            write(sink_of(own_server, auth), *orders(1).changes)
        assert "wr0ng" not in str(refusal.value)
    with pytest.raises(AccessDenied, match="NOPERM"):
        write(sink_of(own_server, "reader:secret@"), *orders(1).changes)
    write(sink_of(own_server, ":hunter2@"), *orders(1).changes)


def test_a_stream_that_is_something_else_is_a_mistake(redis_port: int, redis_client: redis.Redis) -> None:
    redis_client.set("cdc", "a string")
    with pytest.raises(AbortError, match="WRONGTYPE"):
        write(sink_of(redis_port), *orders(1).changes)


def test_a_rows_own_stream_that_is_something_else_refuses_that_row(redis_port: int, redis_client: redis.Redis) -> None:
    redis_client.set("o-2", "a string")
    unit = orders(1, 2, 3)
    (refusal,) = write(sink_of(redis_port, stream="o-${after.id}"), *unit.changes)
    assert (refusal.change, refusal.kind) == (unit.changes[1], "routing")
    assert (redis_client.xlen("o-1"), redis_client.xlen("o-3")) == (1, 1)


def test_an_event_beyond_the_servers_limit_is_refused(own_server: int) -> None:
    with redis.Redis(port=own_server) as client:
        client.config_set("proto-max-bulk-len", str(MEGABYTE))
        unit = MemoryChangeLog().insert(ORDERS, order(1), order(2, "x" * MEGABYTE), order(3))
        (refusal,) = write(sink_of(own_server), *unit.changes)
        assert (refusal.change, refusal.kind) == (unit.changes[1], "too_large")
        assert client.xlen("cdc") == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", Unavailable),
        ("READONLY You can't write against a read only replica.", Unavailable),
        ("LOADING the dataset is in memory", Unavailable),
        ("CLUSTERDOWN Hash slot not served", Unavailable),
        ("ERR max number of clients reached", Unavailable),
        ("MOVED 866 10.0.0.2:6379", ConfigError),
        ("NOAUTH Authentication required.", AccessDenied),
        ("NOPERM no permissions", AccessDenied),
        ("ERR unknown command 'XADD'", AbortError),
    ],
)
def test_each_refusal_is_told_apart(reply: str, kind: type[SupersyncError]) -> None:
    error = translated(Exception(reply))
    assert type(error) is kind
    assert reply in str(error)


def test_a_uri_that_cannot_be_read_is_a_mistake() -> None:
    config = ChangeSinkConfig(id="r", uri="postgres://me:hunter2@host", stream="cdc")
    with pytest.raises(ConfigError, match="cannot be read") as refusal:
        build_change_sink(config, CONTEXT).open([])
    assert "hunter2" not in str(refusal.value) + repr(config)


@pytest.mark.parametrize("envelope", ["native", "debezium", "cloudevents"])
def test_a_streak_arrives_as_its_changes_would(redis_port: int, redis_client: redis.Redis, envelope: str) -> None:
    config = {"envelope": {"type": envelope, "type_prefix": "x"}, "stream": "100%b-${source.table}"}
    streak = streak_of_orders(*[f"ä%b {n}".encode() for n in range(1200)])
    sink_of(redis_port, **config).write(streak, at(7))
    together = entries(redis_client, "100%b-orders")
    redis_client.flushall()
    write(sink_of(redis_port, **config), *streak)
    assert together == entries(redis_client, "100%b-orders")
    assert len(together) == 1200


@pytest.mark.parametrize("config", [{"key": "${after.id}"}, {"stream": "o-${after.name}"}, {"filter": SYNTHETIC}])
def test_what_differs_from_event_to_event_is_looked_at(redis_port: int, redis_client: redis.Redis, config: Any) -> None:
    streak = streak_of_orders(b"a", b"b")
    sink_of(redis_port, **config).write(streak, at(7))
    together = {name: entries(redis_client, name) for name in redis_client.keys("*")}
    redis_client.flushall()
    write(sink_of(redis_port, **config), *streak)
    assert together == {name: entries(redis_client, name) for name in redis_client.keys("*")}


def test_what_was_noted_at_a_change_of_a_streak_is_told(redis_port: int, redis_client: redis.Redis) -> None:
    streak = streak_of_orders(b"a", b"b")
    streak[1].synthetic = "js"
    sink_of(redis_port).write(streak, at(7))
    told = [json.loads(entry[b"df-event"]).get("synthetic") for entry in entries(redis_client)]
    assert told == [None, "js"]


def test_of_a_streak_too_only_what_is_too_large_is_refused(own_server: int) -> None:
    with redis.Redis(port=own_server) as client:
        client.config_set("proto-max-bulk-len", str(MEGABYTE))
        streak = streak_of_orders(b"a", b"x" * 2 * MEGABYTE, b"c")
        (refusal,) = sink_of(own_server).write(streak, at(7))
        assert (refusal.change, refusal.kind) == (streak[1], "too_large")
        assert [json.loads(entry[b"df-event"])["after"]["id"] for entry in entries(client)] == [0, 2]


def test_of_a_streak_too_only_what_no_json_holds_is_refused(redis_port: int, redis_client: redis.Redis) -> None:
    streak = streak_of_orders(b"a", b"no \xff utf-8", b"c")
    (refusal,) = sink_of(redis_port).write(streak, at(7))
    assert (refusal.change, refusal.kind) == (streak[1], "serialization")
    assert [json.loads(entry[b"df-event"])["after"]["id"] for entry in entries(redis_client)] == [0, 2]
