"""What is HTTP's own in its change sink: the request, and what each answer means."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from supersync_core.connectors.changes import ChangeSink
from supersync_core.connectors.http import build_change_sink
from supersync_core.connectors.http.change_config import ChangeSinkConfig
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.domain.change import Change, Route, Unit
from supersync_core.errors import AccessDenied, ConfigError, RetryError, SupersyncError, Unavailable
from tests.changes import CONTEXT, ORDERS, order, orders
from tests.listener import Answer, Listener, Request, listener


@pytest.fixture
def server() -> Iterator[Listener]:
    with listener() as server:
        yield server


def sink_of(server: Listener, **config: Any) -> ChangeSink:
    return build_change_sink(ChangeSinkConfig(**{"id": "h", "url": f"{server.url}/cdc", **config}), CONTEXT)


def write(sink: ChangeSink, unit: Unit) -> list[Any]:
    return list(sink.write(unit.changes, unit.position))


def ids(request: Request) -> list[int]:
    body = json.loads(request.body)
    return [event["after"]["id"] for event in (body if isinstance(body, list) else [body])]


def routed(unit: Unit, route: Route) -> Change:
    unit.changes[0].route = route
    return unit.changes[0]


def refuses(status: int, *numbers: int) -> Any:
    return lambda request: Answer(status if set(ids(request)) & set(numbers) else 200, b"no such thing")


def test_each_event_is_a_request_with_its_key_over_one_connection(server: Listener) -> None:
    unit = orders(7, 8)
    write(sink_of(server, headers={"Authorization": "Bearer s3cret"}), unit)
    assert [ids(request) for request in server.requests] == [[7], [8]]
    assert server.connections == 1
    first, change = server.requests[0], unit.changes[0]
    assert (first.method, first.path, first.headers["content-type"]) == ("POST", "/cdc", "application/json")
    assert first.headers["idempotency-key"] == f"acme|shop.orders|1|{change.event_id}"
    assert (first.headers["df-key"], first.headers["authorization"]) == (change.event_id, "Bearer s3cret")


def test_headers_of_a_configuration_are_secret(server: Listener) -> None:
    config = ChangeSinkConfig(id="h", url=server.url, headers={"Authorization": "Bearer s3cret"})
    assert "s3cret" not in repr(config) + config.model_dump_json()


def test_batch_mode_sends_arrays_with_one_key_that_a_repetition_repeats(server: Listener) -> None:
    unit = orders(*range(2500))
    for _ in range(2):
        write(sink_of(server, batch_mode=True), unit)
    assert [len(ids(request)) for request in server.requests] == [1000, 1000, 500] * 2
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert keys[:3] == keys[3:]
    assert len(set(keys)) == 3


def test_method_address_and_key_are_as_configured(server: Listener) -> None:
    write(sink_of(server, method="PUT", url=f"{server.url}/${{source.table}}/${{op}}", key="ä %${after.id}"), orders(7))
    (request,) = server.requests
    assert (request.method, request.path, request.headers["df-key"]) == ("PUT", "/orders/c", "%C3%A4 %257")


def test_cloudevents_have_their_media_type(server: Listener) -> None:
    envelope = {"type": "cloudevents", "type_prefix": "com.acme"}
    for batch_mode in (False, True):
        write(sink_of(server, envelope=envelope, batch_mode=batch_mode), orders(7))
    types = [request.headers["content-type"] for request in server.requests]
    assert types == ["application/cloudevents+json", "application/cloudevents-batch+json"]


def test_headers_of_a_route_are_sent_and_cannot_break_out(server: Listener) -> None:
    unit = orders(7)
    routed(unit, Route(headers={"trace": "a\r\nEvil: 1", "Idempotency-Key": "mine"}))
    write(sink_of(server), unit)
    (request,) = server.requests
    assert (request.headers["trace"], "evil" in request.headers) == ("a%0D%0AEvil: 1", False)
    assert request.headers["idempotency-key"].startswith("acme|")


@pytest.mark.parametrize("route", [Route("orders"), Route(headers={"a b": "c"})], ids=["address", "header"])
def test_a_route_that_http_cannot_take_is_refused(server: Listener, route: Route) -> None:
    unit = orders(7, 8)
    change = routed(unit, route)
    (refusal,) = write(sink_of(server), unit)
    assert (refusal.change, refusal.kind, [ids(r) for r in server.requests]) == (change, "routing", [[8]])


@pytest.mark.parametrize("batch_mode", [False, True], ids=["single", "batch"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "serialization"), (409, "serialization"), (413, "too_large"), (422, "serialization"), (404, "routing")],
)
def test_an_event_that_the_server_refuses_is_returned(
    server: Listener, status: int, kind: str, batch_mode: bool
) -> None:
    server.answer = refuses(status, 3, 6)
    unit = orders(*range(1, 9))
    refused = write(sink_of(server, batch_mode=batch_mode), unit)
    assert [(refusal.change, refusal.kind) for refusal in refused] == [(unit.changes[i], kind) for i in (2, 5)]
    assert refused[0].message == f"the server answered {status}: no such thing"
    assert [number for request in server.taken for number in ids(request)] == [1, 2, 4, 5, 7, 8]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (408, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
        (401, AccessDenied),
        (403, AccessDenied),
        (302, ConfigError),
    ],
)
def test_an_answer_that_concerns_all_is_an_error(server: Listener, status: int, error: type[SupersyncError]) -> None:
    server.answer = lambda request: Answer(status, headers={"Location": "/elsewhere"})
    with pytest.raises(error, match=str(status)):
        write(sink_of(server), orders(1))
    assert [request.path for request in server.requests] == ["/cdc"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("", None)],
)
def test_the_server_says_when_to_come_again(server: Listener, value: str, expected: float | None) -> None:
    server.answer = lambda request: Answer(429, headers={"Retry-After": value})
    with pytest.raises(RetryError) as refusal:
        write(sink_of(server), orders(1))
    assert refusal.value.retry_after == expected


def test_a_repetition_brings_only_what_is_missing_and_every_refusal(server: Listener) -> None:
    server.answer = lambda request: Answer({2: 400, 3: 503}.get(ids(request)[0], 200))
    sink, unit = sink_of(server), orders(1, 2, 3, 4)
    for _ in range(2):
        with pytest.raises(Unavailable):
            write(sink, unit)
    server.answer = lambda request: Answer()
    (refusal,) = write(sink, unit)
    assert refusal.change is unit.changes[1]
    assert [ids(request)[0] for request in server.requests] == [1, 2, 3, 3, 3, 4]
    write(sink, unit)
    assert [ids(request)[0] for request in server.requests][6:] == [1, 2, 3, 4]


def test_an_address_that_cannot_be_used_is_a_mistake(server: Listener) -> None:
    with pytest.raises(ConfigError):
        write(sink_of(server, url="http://[::1"), orders(1))


def test_an_event_of_many_megabytes_is_sent(server: Listener) -> None:
    unit = MemoryChangeLog().insert(ORDERS, order(1, "x" * (8 << 20)), order(2))
    write(sink_of(server, batch_mode=True), unit)
    assert [ids(request) for request in server.requests] == [[1], [2]]
