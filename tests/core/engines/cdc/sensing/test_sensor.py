"""Events are looked at on their way: rows, JSON columns, drift; sampled once a table is known."""

from collections.abc import Mapping
from typing import Any

import pytest

from supersync_core.domain.change import Change, Op, SourceColumn, SourceTable, Transaction, Values, event_id_prefix
from supersync_core.engines.cdc.sensing.config import SensingConfig
from supersync_core.engines.cdc.sensing.sensor import Sensor
from tests.core.engines.cdc.doubles import at

ORDERS = SourceTable(
    "shop", "public", "orders", (SourceColumn("id", "integer", False), SourceColumn("doc", "jsonb", True)), ("id",)
)
OTHERS = SourceTable("shop", "sales", "orders", (SourceColumn("id", "integer", False),), ("id",))
TX = Transaction("1", at(1), 1000, {}, event_id_prefix("test", 1))


def sensor(kept: Any = None, **config: Any) -> Sensor:
    return Sensor(SensingConfig.model_validate({"enabled": True, **config}), kept)


def change(row: Mapping[str, Any] | None, table: SourceTable = ORDERS) -> Change:
    return Change(Op.DELETE if row is None else Op.CREATE, table, TX, 0, None, None if row is None else Values({**row}))


def look(sensor: Sensor, *rows: Mapping[str, Any] | None, table: SourceTable = ORDERS) -> list[Change]:
    changes = [change(row, table) for row in rows]
    sensor.look(changes)
    return changes


def sensed(sensor: Sensor, name: str = "orders") -> Any:
    return sensor.state()[name]["sensed"]


def test_rows_and_json_columns_are_sensed_apart() -> None:
    one = sensor()
    look(one, {"id": 1, "doc": {"a": 1}}, {"id": 2, "doc": {"a": 1, "b": "x"}})
    state = one.state()
    assert sorted(state) == ["orders", "orders:doc"]
    assert sorted(state["orders"]["sensed"]["shape"]["fields"]) == ["doc", "id"]
    assert sorted(state["orders:doc"]["sensed"]["shape"]["fields"]) == ["a", "b"]
    assert [state[name]["sensed"]["sequence"] for name in sorted(state)] == [1, 2]


def test_events_carry_the_version_of_their_schema() -> None:
    one = sensor()
    first, second, third = look(one, {"id": 1, "doc": {}}, {"id": "x", "doc": {}}, {"id": 3, "doc": {}})
    assert [change.schema_sequence for change in (first, second, third)] == [1, 2, 2]
    assert first.schema_version != second.schema_version == third.schema_version == sensed(one)["fingerprint"]


def test_deletes_are_not_looked_at() -> None:
    one = sensor()
    (gone,) = look(one, None)
    assert (one.state(), gone.schema_version) == ({}, None)


def test_every_event_is_counted_and_only_some_are_looked_at() -> None:
    one = sensor(sampling={"warmup_events": 10, "sample_rate": 5})
    look(one, *({"id": n, "doc": {"n": n}} for n in range(100)))
    for name in ("orders", "orders:doc"):
        found = sensed(one, name)
        assert (found["event_count"], found["cache_hits"] + found["cache_misses"]) == (100, 10 + 18)


def test_a_table_is_stable_when_nothing_new_has_come_for_long_and_not_any_more_when_something_has() -> None:
    one = sensor(deep_inspect={"max_sample_size": 20}, sampling={"warmup_events": 0, "sample_rate": 2})
    look(one, *({"id": n, "doc": {}} for n in range(30)))
    assert sensed(one)["stabilized"]
    # One of so many is looked at: each second one, and of these a tenth.
    look(one, *({"id": str(n), "doc": {}} for n in range(20)))
    assert (sensed(one)["stabilized"], sensed(one)["sequence"]) == (False, 2)


def test_it_goes_on_with_what_was_kept() -> None:
    one = sensor()
    look(one, {"id": 1, "doc": {"a": 1}}, {"id": "x", "doc": {}})
    kept = one.state()
    two = sensor(kept)
    look(two, {"id": 2, "doc": {"a": 1}})
    assert (sensed(two)["sequence"], sensed(two)["event_count"]) == (2, 3)
    assert two.state()["orders"]["drift"]["columns"] == kept["orders"]["drift"]["columns"]
    assert sensed(two, "orders:doc")["shape"] == kept["orders:doc"]["sensed"]["shape"]


def test_a_value_that_the_log_does_not_repeat_is_neither_null_nor_missing() -> None:
    one = sensor()
    look(one, {"id": 1, "doc": {"a": 1}}, {"id": 1, "doc": {"_unchanged": True}})
    doc = sensed(one)["shape"]["fields"]["doc"]
    assert (doc["types"], "optional" in doc) == (["object"], False)
    assert sensed(one, "orders:doc")["sequence"] == 1


def test_two_tables_of_one_name_are_told_apart() -> None:
    one = sensor()
    look(one, {"id": 1, "doc": None})
    look(one, {"id": 1}, table=OTHERS)
    assert sorted(one.state()) == ["orders", "orders:doc", "sales.orders"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"tables": {"include": ["public.*"]}}, ["orders", "orders:doc"]),
        ({"tables": {"exclude": ["orders"]}}, []),
        ({"deep_inspect": {"columns": {"exclude": ["doc"]}}}, ["orders"]),
        ({"deep_inspect": {"enabled": False}}, ["orders"]),
    ],
)
def test_only_what_is_asked_for_is_sensed(config: Any, expected: list[str]) -> None:
    one = sensor(**config)
    look(one, {"id": 1, "doc": {"a": 1}})
    assert sorted(one.state()) == expected


def test_another_form_of_a_table_begins_its_drift_anew_and_goes_on_with_its_schema() -> None:
    one = sensor()
    look(one, {"id": "x", "doc": None})
    assert one.state()["orders"]["drift"]["columns"]
    text = SourceTable("shop", "public", "orders", (SourceColumn("id", "text", False), ORDERS.columns[1]), ("id",))
    look(one, {"id": "y", "doc": None}, table=text)
    assert one.state()["orders"]["drift"]["columns"] == []
    assert (sensed(one)["sequence"], sensed(one)["event_count"]) == (1, 2)


def test_only_what_has_changed_is_kept_again() -> None:
    one = sensor()
    look(one, {"id": 1, "doc": None})
    assert one.has_news
    one.forget_changes()
    assert (one.state(), one.has_news) == ({}, False)
    look(one, {"id": 2}, table=OTHERS)
    assert list(one.state()) == ["sales.orders"]
