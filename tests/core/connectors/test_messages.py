"""What all message sinks share: envelopes, destinations, keys, filters, refusals."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.connectors.messages import Message, Messages, primary_key_json
from supersync_core.connectors.sink_config import MessageSinkBase
from supersync_core.domain.change import Change, Op, Route
from supersync_core.errors import ConfigError
from tests.changes import CONTEXT, KEYLESS, ORDERS, Unreadable, order, orders, replaced


def messages(destination: str = "cdc", key: str | None = None, **config: Any) -> Messages:
    return Messages(MessageSinkBase(id="s", **config), CONTEXT, destination=destination, key=key)


def one(maker: Messages, change: Change) -> Message:
    (message,), refused = maker.prepare([change])
    assert refused == []
    return message


def routed(change: Change, route: Route) -> Change:
    change.route = route
    return change


def made_by(change: Change, processor: str | None) -> Change:
    change.synthetic = processor
    return change


@pytest.mark.parametrize(
    ("envelope", "path"),
    [("native", []), ({"type": "native"}, []), ({"type": "debezium"}, ["payload"])],
    ids=repr,
)
def test_the_envelope_is_as_configured(envelope: Any, path: list[str]) -> None:
    event = json.loads(one(messages(envelope=envelope), orders(7).changes[0]).payload)
    for step in path:
        event = event[step]
    assert (event["after"], event["op"], event["source"]["version"]) == (order(7), "c", "1")


def test_cloudevents_carry_the_prefix() -> None:
    maker = messages(envelope={"type": "cloudevents", "type_prefix": "com.acme"})
    assert json.loads(one(maker, orders(7).changes[0]).payload)["type"] == "com.acme.created"


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"envelope": "cloudevents"}, "type_prefix"),
        ({"envelope": {"type": "protobuf"}}, "debezium"),
        ({"encoding": "avro"}, "avro is not supported"),
        ({"encoding": {"type": "avro", "schema_registry_url": "http://sr"}}, "avro is not supported"),
        ({"filter": {"exclude_synthetic": True, "synthetic_only": True}}, "nothing through"),
    ],
    ids=repr,
)
def test_a_configuration_that_cannot_be_kept_is_refused(config: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        MessageSinkBase(id="s", **config)


def test_json_may_be_written_in_both_ways_and_unknown_keys_are_ignored() -> None:
    assert MessageSinkBase(id="s", encoding={"type": "json"}, whatever=1) == MessageSinkBase(id="s", encoding="json")


@pytest.mark.parametrize(
    ("template", "expected"),
    [("cdc", "cdc"), ("cdc.${source.table}.${op}", "cdc.orders.c"), ("o-${after.id}", "o-7"), ("${after.name}", "x")],
)
def test_a_destination_is_a_template(template: str, expected: str) -> None:
    change = MemoryChangeLog().insert(ORDERS, order(7, "x")).changes[0]
    assert one(messages(template), change).destination == expected


def test_a_destination_follows_table_and_kind_within_a_batch() -> None:
    log = MemoryChangeLog()
    unit = log.commit(
        (Op.CREATE, ORDERS, None, order(1)),
        (Op.CREATE, KEYLESS, None, {"line": "a"}),
        (Op.DELETE, ORDERS, order(1), None),
        (Op.CREATE, ORDERS, None, order(2)),
    )
    made, _ = messages("${source.table}.${op}").prepare(unit.changes)
    assert [message.destination for message in made] == ["orders.c", "log.c", "orders.d", "orders.c"]


def test_an_event_without_a_destination_is_refused_and_the_next_one_is_not() -> None:
    changes = MemoryChangeLog().insert(ORDERS, order(1, None), order(2, "b"), order(3, "")).changes
    made, refused = messages("${after.name}").prepare(changes)
    assert [message.destination for message in made] == ["b"]
    assert [(refusal.change, refusal.kind) for refusal in refused] == [(changes[0], "routing"), (changes[2], "routing")]
    assert "${after.name}" in refused[0].message


def test_an_event_that_json_cannot_hold_is_refused() -> None:
    bad = replaced(orders(1).changes[0], Unreadable())
    made, (refusal,) = messages().prepare([bad])
    assert (made, refusal.change, refusal.kind) == ([], bad, "serialization")


@pytest.mark.parametrize(
    ("template", "name", "expected"),
    [("${after.id}", "x", "7"), ("${after.name}", None, None), ("${after.name}", "", None), (None, "x", None)],
    ids=repr,
)
def test_an_empty_key_is_the_events_id(template: str | None, name: str | None, expected: str | None) -> None:
    change = MemoryChangeLog().insert(ORDERS, order(7, name)).changes[0]
    assert one(messages(key=template), change).key == expected


def test_the_default_key_may_be_the_primary_key_as_json() -> None:
    log = MemoryChangeLog()
    changes = log.commit((Op.CREATE, ORDERS, None, order(7)), (Op.DELETE, ORDERS, order(8), None)).changes
    maker = Messages(MessageSinkBase(id="s"), CONTEXT, destination="cdc", default_key=primary_key_json)
    assert [message.key for message in maker.prepare(changes)[0]] == ['{"id":7}', '{"id":8}']
    assert one(maker, log.insert(KEYLESS, {"line": "a"}).changes[0]).key is None


def test_a_processors_route_goes_before_the_templates() -> None:
    change = routed(orders(7).changes[0], Route("elsewhere", "k", {"h": "v"}))
    assert one(messages(key="${after.id}"), change)[1:] == (
        "elsewhere",
        "k",
        one(messages(), change).payload,
        {"h": "v"},
    )
    partly = one(messages(key="${after.id}"), routed(change, Route(headers={"h": "v"})))
    assert (partly.destination, partly.key, partly.headers) == ("cdc", "7", {"h": "v"})


def test_a_route_helps_an_event_whose_template_is_empty() -> None:
    change = MemoryChangeLog().insert(ORDERS, order(7, None)).changes[0]
    assert one(messages("${after.name}"), routed(change, Route("there"))).destination == "there"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, [None, "a", "b"]),
        ({}, [None, "a", "b"]),
        ({"exclude_synthetic": True}, [None]),
        ({"synthetic_only": True}, ["a", "b"]),
        ({"producers": ["a"]}, [None, "a"]),
        ({"producers": ["a"], "synthetic_only": True}, ["a"]),
    ],
    ids=repr,
)
def test_a_filter_goes_by_the_processor_that_made_an_event(wanted: Any, expected: list[str | None]) -> None:
    changes = [made_by(orders(1).changes[0], processor) for processor in (None, "a", "b")]
    made, refused = messages(filter=wanted).prepare(changes)
    assert ([message.change.synthetic for message in made], refused) == (expected, [])


def test_the_idempotency_key_names_tenant_table_transaction_and_event() -> None:
    change = orders(7).changes[0]
    assert messages().idempotency_key(change) == f"acme|shop.orders|1|{change.event_id}"


def test_a_template_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"source\.nothing"):
        messages("${source.nothing}")
