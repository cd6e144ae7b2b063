"""Changes for the tests of sinks."""

from collections.abc import Sequence
from typing import Any

from supersync_core.connectors.changes import SinkContext
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.domain.change import Change, Image, Op, Position, SourceColumn, SourceTable, Unit

CONTEXT = SinkContext(pipeline="orders-cdc", tenant="acme", connector="postgresql", source_id="pg-1", version="1")
COLUMNS = (
    SourceColumn("id", "integer", False),
    SourceColumn("name", "text", True),
    SourceColumn("amount", "numeric(10,2)", True),
)
ORDERS = SourceTable("shop", "public", "orders", COLUMNS, ("id",))
KEYLESS = SourceTable("shop", "public", "log", (SourceColumn("line", "text", True),))


def order(number: int, name: str | None = "a name", amount: str | None = "1.50") -> dict[str, Any]:
    return {"id": number, "name": name, "amount": amount}


def orders(*numbers: int, log: MemoryChangeLog | None = None) -> Unit:
    """A transaction that inserts orders."""
    return (log or MemoryChangeLog()).insert(ORDERS, *(order(number) for number in numbers))


class Unreadable:
    """A row that no JSON can hold."""

    def values(self) -> dict[str, Any]:
        raise TypeError("integer exceeds 64-bit range")

    def json(self) -> bytes:
        raise TypeError("integer exceeds 64-bit range")


def replaced(change: Change, after: Image) -> Change:
    """The same change with another row."""
    return Change(change.op, change.table, change.tx, change.index, change.before, after)


def updates(log: MemoryChangeLog, number: int, names: Sequence[str]) -> list[Unit]:
    """A transaction each, for one row."""
    return [log.commit((Op.UPDATE, ORDERS, None, order(number, name))) for name in names]


def at(place: int) -> Position:
    return Position((place,), {"place": place})
