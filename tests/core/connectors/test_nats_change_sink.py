"""What is NATS's own in its change sink: subject, headers, and what each refusal means."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.js.client import JetStreamContext

from supersync_core.connectors.changes import ChangeSink
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.connectors.nats import build_change_sink
from supersync_core.connectors.nats.change_config import ChangeSinkConfig
from supersync_core.domain.change import Route, Unit
from supersync_core.errors import AccessDenied, NotFound, Unavailable
from tests.changes import CONTEXT, ORDERS, order, orders, updates
from tests.servers import NatsClient, nats_client, nats_port, nats_process

__all__ = ["nats_client", "nats_port"]  # fixtures


@pytest.fixture
def make_sink() -> Iterator[Any]:
    """Sinks that are closed after the test."""
    made: list[ChangeSink] = []

    def make(port: int, **config: Any) -> ChangeSink:
        config = {"id": "n", "url": f"nats://127.0.0.1:{port}", "subject": "cdc.orders", **config}
        made.append(build_change_sink(ChangeSinkConfig(**config), CONTEXT))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def write(sink: ChangeSink, unit: Unit) -> list[Any]:
    return list(sink.write(unit.changes, unit.position))


def test_a_message_has_the_headers_of_the_document(make_sink: Any, nats_port: int, nats_client: NatsClient) -> None:
    unit = orders(7, 8)
    unit.changes[1].route = Route(key="ä\n", headers={"trace": "x"})
    write(make_sink(nats_port, subject="cdc.${source.table}.${op}"), unit)
    first, second = nats_client.messages()
    change = unit.changes[0]
    assert (first.subject, json.loads(first.data or b"")["event_id"]) == ("cdc.orders.c", change.event_id)
    assert first.headers == {"Nats-Msg-Id": f"acme|shop.orders|1|{change.event_id}", "df-key": change.event_id}
    assert second.headers is not None
    assert (second.headers["df-key"], second.headers["trace"]) == ("%C3%A4%0A", "x")


def test_the_server_leaves_out_what_comes_twice(make_sink: Any, nats_port: int, nats_client: NatsClient) -> None:
    for _ in range(2):
        write(make_sink(nats_port), orders(1, 2))
    assert len(nats_client.messages()) == 2


@pytest.mark.parametrize("name", ["a b", "a..b", "*", ">", "", "x\r\ny"], ids=repr)
def test_a_row_that_makes_no_subject_is_refused(
    make_sink: Any, nats_port: int, nats_client: NatsClient, name: str
) -> None:
    unit = MemoryChangeLog().insert(ORDERS, order(1, name), order(2, "good"))
    (refusal,) = write(make_sink(nats_port, subject="cdc.${after.name}"), unit)
    assert (refusal.change, refusal.kind) == (unit.changes[0], "routing")
    assert [message.subject for message in nats_client.messages()] == ["cdc.good"]


def test_a_rows_subject_that_no_stream_takes_is_refused(
    make_sink: Any, nats_port: int, nats_client: NatsClient
) -> None:
    unit = MemoryChangeLog().insert(ORDERS, order(1, "elsewhere"), order(2, "cdc"))
    (refusal,) = write(make_sink(nats_port, subject="${after.name}.x"), unit)
    assert (refusal.change, refusal.kind) == (unit.changes[0], "routing")
    assert [message.subject for message in nats_client.messages()] == ["cdc.x"]


def test_a_fixed_subject_that_no_stream_takes_is_waited_for(
    make_sink: Any, nats_port: int, nats_client: NatsClient
) -> None:
    sink = make_sink(nats_port, subject="later.orders")
    with pytest.raises(Unavailable, match="no stream"):
        write(sink, orders(1))
    nats_client.make_stream("LATER")
    write(sink, orders(1))
    assert len(nats_client.messages("LATER")) == 1


def test_a_stream_that_does_not_exist_is_a_mistake(make_sink: Any, nats_port: int) -> None:
    with pytest.raises(NotFound, match="NOWHERE"):
        make_sink(nats_port, stream="NOWHERE").open([])


@pytest.mark.parametrize("size", [10_000, 2 << 20], ids=["for the stream", "for the server"])
def test_an_event_that_is_too_large_is_refused(
    make_sink: Any, nats_port: int, nats_client: NatsClient, size: int
) -> None:
    nats_client.make_stream(max_msg_size=5_000)
    unit = MemoryChangeLog().insert(ORDERS, order(1), order(2, "x" * size), order(3))
    (refusal,) = write(make_sink(nats_port), unit)
    assert (refusal.change, refusal.kind) == (unit.changes[1], "too_large")
    assert len(nats_client.messages()) == 2


def test_a_full_stream_is_waited_for_and_the_order_of_a_row_is_kept(
    make_sink: Any, nats_port: int, nats_client: NatsClient
) -> None:
    """What was taken behind something that was not comes again behind it, although the server knows it already."""
    nats_client.make_stream(max_bytes=6_000, discard="new")
    log = MemoryChangeLog()
    units = [log.insert(ORDERS, order(1, "x" * 8_000)), *updates(log, 1, ["a", "b", "c"])]
    batch = [change for unit in units for change in unit.changes]
    sink = make_sink(nats_port)
    with pytest.raises(Unavailable):
        sink.write(batch, units[-1].position)
    assert len(nats_client.messages()) == 3

    async def enlarge(js: JetStreamContext) -> None:
        config = (await js.stream_info("CDC")).config
        config.max_bytes = -1
        await js.update_stream(config)

    nats_client.run(enlarge)
    sink.write(batch, units[-1].position)
    names = [json.loads(message.data or b"")["after"]["name"][:1] for message in nats_client.messages()]
    assert names == ["a", "b", "c", "x", "a", "b", "c"]


def test_who_may_not_enter_or_publish_is_told(make_sink: Any, tmp_path: Path) -> None:
    config = tmp_path / "nats.conf"
    users = '{user: w, password: right}, {user: r, password: right, permissions: {publish: "$JS.>"}}'
    config.write_text(f"authorization {{ users: [{users}] }}")
    with nats_process(tmp_path / "data", "-c", str(config)) as port:
        for login in ({}, {"username": "w", "password": "wr0ng"}, {"token": "wr0ng"}):
            with pytest.raises(AccessDenied) as refusal:
                make_sink(port, **login).open([])
            assert "wr0ng" not in str(refusal.value)
        with pytest.raises(AccessDenied, match="(?i)permissions"):
            write(make_sink(port, username="r", password="right", send_timeout_secs=1), orders(1))
        make_sink(port, username="w", password="right").open([])
