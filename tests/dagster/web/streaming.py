"""A CDC pipeline with a past, for the pages: two forms of its table, documents, drift, dead letters."""

from dataclasses import replace
from datetime import timedelta

from supersync_core.clock import utcnow
from supersync_core.domain.change import SourceColumn, SourceTable
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.pipeline_status import store_retained
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from tests.core.services.cdc.streams import Stream
from tests.core.services.conftest import eventually

ID = SourceColumn("id", "bigint", False)
ORDERS = SourceTable("shop", "public", "orders", (ID, SourceColumn("doc", "jsonb", True)), ("id",))
GROWN = replace(ORDERS, columns=(*ORDERS.columns, SourceColumn("amount", "numeric(10,2)", False, default="0")))


def fill_stream(ledger: Ledger) -> Stream:
    """It has run, and is stopped now."""
    stream = Stream(ledger)
    stream.create(journal={"enabled": True}, schema_sensing={"enabled": True})
    stream.changes.refuses = lambda change: (
        "routing" if change.after and change.after.values()["id"] in (3, 4) else None
    )
    stream.log.insert(ORDERS, {"id": 1, "doc": {"city": "Oslo", "tags": ["new"]}}, {"id": 2, "doc": {"city": None}})
    stream.log.insert(GROWN, *({"id": n, "doc": {}, "amount": "1.50"} for n in (3, 4)))
    stream.log.insert(GROWN, {"id": 5, "doc": None, "amount": True}, {"id": 6, "doc": None, "amount": None})
    run(stream)
    with ledger.begin() as session:
        pipeline = get_cdc_pipeline(session, "orders-cdc")
        store_retained(session, {pipeline.id: 6 << 30}, at=utcnow() - timedelta(seconds=30))
    return stream


def run(stream: Stream) -> None:
    """Until all that is in the log has come."""
    stream.want(DesiredState.RUNNING)
    place = stream.log.units[-1].position
    with stream.running():
        assert eventually(lambda: stream.changes.position == place)
