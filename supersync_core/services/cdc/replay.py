"""Dead letters that are delivered again: once the reason is mended, an operator asks for it, and the run does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.change import (
    Change,
    Op,
    Position,
    Route,
    SourceColumn,
    SourceTable,
    Transaction,
    Values,
)
from supersync_core.engines.cdc.journal import Replay
from supersync_core.ledger import dead_letters as rows
from supersync_core.ledger.cdc_tables import DeadLetterRow
from supersync_core.ledger.schemas import find_version
from supersync_core.ledger.tables import Pipeline

_EVERYWHERE = ("version", "connector", "name", "ts_ms", "db", "schema", "table", "snapshot")
"""What every `source` block has; the rest is its transaction's."""


@dataclass(frozen=True)
class Asked:
    """`requested`: dead letters that will be delivered again. `skipped`: those that cannot be.

    Their rows were too large to be kept, or the pipeline has no such sink any more.
    """

    requested: int
    skipped: int


def request_replay(session: Session, pipeline: Pipeline, *, up_to_seq: int, sink_id: str = "", at: datetime) -> Asked:
    """Let the run deliver dead letters again, those up to a number, to the sinks that have refused them.

    It does so while it streams, before what comes next; one that is refused again is a dead letter again. An event may
    come after others of its row, so for a sink of rows it should be the last word.
    """
    sinks = [str(sink["config"]["id"]) for sink in pipeline.spec["spec"]["sinks"]]
    wanted = [sink for sink in sinks if sink_id in ("", sink)]
    meant = rows.count_dead_letters(session, pipeline.id, up_to_seq=up_to_seq, sink_id=sink_id.replace("\0", "?"))
    requested = rows.mark_for_replay(session, pipeline.id, up_to_seq=up_to_seq, sink_ids=wanted, at=at)
    return Asked(requested, meant - requested)


def read_replays(
    session: Session, pipeline_id: int, tenant: str, sink_ids: Sequence[str], *, limit: int
) -> list[Replay]:
    """Those that wait, as events."""
    found = rows.select_for_replay(session, pipeline_id, sink_ids=sink_ids, limit=limit)
    return [Replay(row.seq, row.sink_id, _change(session, tenant, row)) for row in found]


def wire_of(change: Change) -> dict[str, Any]:
    """What the event of a dead letter does not tell, and its delivery needs."""
    route = change.route
    return {
        "order": list(change.tx.position.order),
        "data": dict(change.tx.position.data),
        "primary_key": list(change.table.primary_key),
        "route": None
        if route is None
        else {"topic": route.topic, "key": route.key, "headers": dict(route.headers), "raw": route.raw},
    }


def _change(session: Session, tenant: str, row: DeadLetterRow) -> Change:
    event, wire = row.event, row.wire or {}
    source: Mapping[str, Any] = event["source"]
    position = Position(tuple(wire.get("order", ())), wire.get("data", {}))
    more = {name: value for name, value in source.items() if name not in _EVERYWHERE}
    tx = Transaction(event["transaction"]["id"], position, event["ts_ms"], more, "")
    before, after = (None if event[name] is None else Values(event[name]) for name in ("before", "after"))
    table = _table(session, tenant, source, wire)
    change = Change(Op(event["op"]), table, tx, 0, before, after, row.event_id)
    change.synthetic = event.get("synthetic")
    change.schema_version, change.schema_sequence = event.get("schema_version"), event.get("schema_sequence")
    if wire.get("route"):
        change.route = Route(**wire["route"])
    return change


def _table(session: Session, tenant: str, source: Mapping[str, Any], wire: Mapping[str, Any]) -> SourceTable:
    """The table as it is known now: the sink's is of today, too."""
    place = {"database_name": source["db"], "schema_name": source.get("schema", ""), "table_name": source["table"]}
    version = find_version(session, tenant, place)
    columns: list[Any] = version.columns if version is not None else []
    return SourceTable(
        source["db"],
        source.get("schema", ""),
        source["table"],
        tuple(SourceColumn(**column) for column in columns),
        tuple(version.primary_key if version is not None else wire.get("primary_key", ())),
    )
