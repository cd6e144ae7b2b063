"""What schema sensing costs: events through the engine with it and without, side by side.

    python -m tests.benchmarks.sensing [--events 500000] [--repeat 5]

Rows are as PostgreSQL's log has them, four columns and a JSON document; the sink draws each event in its native form
and drops it. No server is involved, so that everything but the engine is as cheap as it can be: at a real sink the
share of sensing is smaller. Both take turns in one process; the figure is processor time.
"""

import argparse
import json
import statistics
import struct
import time
from collections.abc import Sequence
from typing import Any

from supersync_core.connectors.changes import Refused
from supersync_core.connectors.postgres.decoder import row_type
from supersync_core.connectors.postgres.values import TEXT, Kind, TypeRule
from supersync_core.domain.change import (
    Change,
    Op,
    Position,
    SourceColumn,
    SourceTable,
    Transaction,
    Unit,
    event_id_prefix,
)
from supersync_core.domain.envelopes import Native
from supersync_core.engines.cdc.runtime import Runtime
from supersync_core.engines.cdc.sensing.config import SensingConfig
from supersync_core.engines.cdc.settings import Settings
from tests.core.engines.cdc.doubles import MemoryJournal, MemorySink, ScriptedSource, at
from tests.core.engines.cdc.sensing.documents import orders

COLUMNS = (
    SourceColumn("id", "bigint", False),
    SourceColumn("region", "text", True),
    SourceColumn("total", "numeric(10,2)", True),
    SourceColumn("placed_at", "timestamp with time zone", True),
    SourceColumn("doc", "jsonb", True),
)
TABLE = SourceTable("shop", "public", "orders", COLUMNS, ("id",))
ROW = row_type(
    list(
        zip(
            [column.name for column in COLUMNS],
            [TypeRule(Kind.INT), TEXT, TypeRule(Kind.PLAIN), TypeRule(Kind.PLAIN), TypeRule(Kind.JSONB)],
            strict=True,
        )
    )
)
PER_TX = 100


class Drawing(MemorySink):
    """A sink that draws events and drops them."""

    native = Native(pipeline="bench", tenant="acme", connector="postgresql", version="1")

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        for change in batch:
            self.native(change)
        return ()


def messages(count: int) -> list[bytes]:
    """Rows in the form of the log."""
    rows = []
    for number, document in enumerate(orders(min(count, 5000))):
        texts = [str(number), "eu", "10.50", "2026-01-01 00:00:00+00", json.dumps(document)]
        rows.append(b"".join(b"t" + struct.pack(">I", len(text)) + text.encode() for text in texts))
    return [rows[n % len(rows)] for n in range(count)]


def log(rows: list[bytes]) -> list[Unit]:
    """The rows as transactions, not decoded yet."""
    units = []
    for place, begin in enumerate(range(0, len(rows), PER_TX), 1):
        tx = Transaction(str(place), at(place), 1_700_000_000_000, {"lsn": place}, event_id_prefix("bench", place))
        some = rows[begin : begin + PER_TX]
        changes = [Change(Op.CREATE, TABLE, tx, index, None, ROW(row, 0)) for index, row in enumerate(some)]
        units.append(Unit(changes, at(place), sum(map(len, some))))
    return units


def run(rows: list[bytes], sensing: SensingConfig | None) -> float:
    """Events per second of processor time."""
    units = log(rows)
    runtime = Runtime(ScriptedSource(units), [Drawing()], MemoryJournal(), Settings(), sensing=sensing)
    begun = time.process_time()
    runtime.drain_until(units[-1].position)
    return len(rows) / (time.process_time() - begun)


def main() -> None:
    """Take turns, and print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    rows = messages(arguments.events)
    contenders: dict[str, Any] = {
        "off": None,
        "disabled": SensingConfig(),
        "on": SensingConfig(enabled=True),
        "on, every event": SensingConfig.model_validate({"enabled": True, "sampling": {"sample_rate": 1}}),
    }
    results: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.repeat):
        for name, sensing in contenders.items():
            results[name].append(run(rows, sensing))
    base = statistics.median(results["off"])
    for name, found in results.items():
        median = statistics.median(found)
        print(f"{name:16}{median:10,.0f} events/s of processor time{median / base:8.2f} x off")


if __name__ == "__main__":
    main()
