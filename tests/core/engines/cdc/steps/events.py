"""Events for tests of steps."""

from typing import Any

from supersync_core.domain.change import Change, Op, SourceColumn, SourceTable, Transaction, Values, event_id_prefix
from tests.core.engines.cdc.doubles import at

TX = Transaction("7", at(7), 7000, {"lsn": 7}, event_id_prefix("test", 7))


def table(name: str = "orders", schema: str = "public") -> SourceTable:
    return SourceTable("shop", schema, name, (SourceColumn("id", "integer", False),), ("id",))


def change(
    op: str = "c", before: dict[str, Any] | None = None, after: dict[str, Any] | None = None, name: str = "orders"
) -> Change:
    """An event of a table of that name."""
    images = [None if values is None else Values(values) for values in (before, after)]
    return Change(Op(op), table(name), TX, 0, *images)


def rows(changes: Any) -> list[dict[str, Any] | None]:
    """The rows as they are after the changes."""
    return [one.after.values() if one.after else None for one in changes]
