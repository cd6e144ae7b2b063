"""What a deleted pipeline leaves on the server of its source: nothing that it has made itself."""

from typing import Any

import pytest

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.forgetting import forget_source
from supersync_core.services.cdc.requests import delete
from tests.acceptance.console import execute, rows
from tests.core.services.cdc.streams import VAULT, Stream
from tests.core.services.conftest import eventually
from tests.slots import drop_slot

SLOTS = "select slot_name from pg_replication_slots where database = current_database()"


@pytest.mark.parametrize("slot_was_there", [False, True])
def test_a_slot_goes_with_the_pipeline_that_has_made_it(ledger: Ledger, source_dsn: str, slot_was_there: bool) -> None:
    stream, slot = Stream(ledger), f"slot_of_{ledger.engine.url.database}"
    execute(source_dsn, "create table orders (id int primary key); create publication theirs for table orders")
    if slot_was_there:
        execute(source_dsn, f"select pg_create_logical_replication_slot('{slot}', 'pgoutput')")
    config: dict[str, Any] = {"id": "pg", "dsn": source_dsn, "tables": ["public.orders"], "start_position": "latest"}
    stream.create(source={"type": "postgres", "config": config | {"publication": "theirs", "slot": slot}})
    with stream.running():
        assert eventually(lambda: bool(rows(source_dsn, SLOTS)), 120)
        assert eventually(lambda: _insert(source_dsn) or bool(stream.rows))
    assert stream.errors == []
    delete(ledger, "orders-cdc", lambda found: forget_source(ledger, found, VAULT), utcnow)
    assert rows(source_dsn, SLOTS) == ([(slot,)] if slot_was_there else [])
    if slot_was_there:
        drop_slot(source_dsn, slot)


def _insert(dsn: str) -> None:
    execute(dsn, "insert into orders select coalesce(max(id), 0) + 1 from orders")
