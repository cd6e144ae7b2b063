"""Rows of an outbox table become messages."""

from typing import Any

import pytest

from supersync_core.engines.cdc.steps import build_step
from supersync_core.errors import AbortError
from tests.core.engines.cdc.steps.events import change, rows

ROW = {
    "id": "e-1",
    "aggregate_type": "order",
    "aggregate_id": 42,
    "event_type": "OrderPlaced",
    "topic": None,
    "payload": {"total": 5, "region": "eu"},
}


def messages(row: dict[str, Any], op: str = "c", name: str = "outbox", **rules: Any) -> Any:
    before = row if op == "d" else None
    event = change(op, before, None if op == "d" else row, name)
    return build_step({"type": "outbox", "tables": ["outbox"], **rules})([event])


def test_the_payload_becomes_the_row_and_the_rest_headers() -> None:
    (message,) = messages(ROW, default_topic="events")
    assert message.after.values() == {"total": 5, "region": "eu"}
    assert (message.route.topic, message.route.key, message.synthetic) == ("events", "42", "outbox")
    assert message.route.headers == {
        "df-event-id": "e-1",
        "df-aggregate-type": "order",
        "df-aggregate-id": "42",
        "df-event-type": "OrderPlaced",
    }


@pytest.mark.parametrize(
    ("row", "rules", "topic"),
    [
        ({}, {"topic": "orders.${after.region}", "default_topic": "d"}, "orders.eu"),
        ({"topic": "t"}, {"topic": "${after.nothing}", "default_topic": "d"}, "t"),
        ({}, {"default_topic": "d"}, "d"),
    ],
)
def test_the_topic_is_the_templates_then_the_rows_then_the_default(row: Any, rules: Any, topic: str) -> None:
    assert messages(ROW | row, **rules)[0].route.topic == topic


def test_a_key_is_a_template_over_the_payload() -> None:
    assert messages(ROW, default_topic="d", key="${after.region}")[0].route.key == "eu"


@pytest.mark.parametrize(
    ("payload", "row"), [('{"a": 1}', {"a": 1}), ("plain", {"payload": "plain"}), (5, {"payload": 5})]
)
def test_a_payload_in_a_text_column_is_read_as_json_where_it_is(payload: Any, row: dict[str, Any]) -> None:
    assert rows(messages(ROW | {"payload": payload}, default_topic="d")) == [row]


@pytest.mark.parametrize("op", ["u", "d"])
def test_tidying_up_the_outbox_is_no_message(op: str) -> None:
    assert messages(ROW, op, default_topic="d") == []


def test_events_of_other_tables_pass() -> None:
    assert rows(messages({"id": 1}, "u", name="orders")) == [{"id": 1}]


@pytest.mark.parametrize("row", [{"topic": ""}, {"topic": "t", "payload": None}])
def test_a_row_without_topic_or_payload_is_dropped_or_an_error(row: dict[str, Any]) -> None:
    assert messages(ROW | row) == []
    with pytest.raises(AbortError, match="outbox: row 'e-1' has no"):
        messages(ROW | row, strict=True)


def test_the_payload_alone_may_go_on_the_wire() -> None:
    assert messages(ROW, default_topic="d", raw_payload=True)[0].route.raw
