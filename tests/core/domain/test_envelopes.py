"""The native form carries what is known of an event, and nothing else."""

from typing import Any

import orjson
import pytest

from supersync_core.domain.change import Change, Op, Position, SourceTable, Transaction, Values, event_id_prefix
from supersync_core.domain.envelopes import Native

TABLE = SourceTable("shop", "public", "orders", ())
TX = Transaction("7", Position((7,)), 1000, {"lsn": 7}, event_id_prefix("test", 7))
ALWAYS = ["before", "after", "source", "op", "ts_ms", "transaction", "event_id", "tenant_id"]


def drawn(*changed: dict[str, Any]) -> list[dict[str, Any]]:
    """Events with these attributes, drawn one after the other."""
    native = Native(pipeline="p", tenant="acme", connector="postgresql", version="1")
    found = []
    for index, attributes in enumerate(changed):
        change = Change(Op.CREATE, TABLE, TX, index, None, Values({"id": index}))
        for name, value in attributes.items():
            setattr(change, name, value)
        found.append(orjson.loads(native(change)))
    return found


@pytest.mark.parametrize(
    ("attributes", "more"),
    [
        ({}, {}),
        ({"tx_end": True}, {"tx_end": True}),
        ({"synthetic": "js"}, {"synthetic": "js"}),
        ({"schema_version": "sha256:a", "schema_sequence": 1}, {"schema_version": "sha256:a", "schema_sequence": 1}),
        (
            {"schema_version": "sha256:a", "schema_sequence": 1, "synthetic": "js", "tx_end": True},
            {"schema_version": "sha256:a", "schema_sequence": 1, "synthetic": "js", "tx_end": True},
        ),
    ],
)
def test_what_there_is_is_told(attributes: dict[str, Any], more: dict[str, Any]) -> None:
    (event,) = drawn(attributes)
    assert list(event) == [*ALWAYS, *more]
    assert {name: event[name] for name in more} == more


def test_each_event_has_the_version_of_its_own_schema() -> None:
    versions = [("sha256:a", 1), ("sha256:b", 2), ("sha256:a", 3), ("sha256:a", 4)]
    events = drawn(*({"schema_version": version, "schema_sequence": sequence} for version, sequence in versions))
    assert [(event["schema_version"], event["schema_sequence"]) for event in events] == versions
