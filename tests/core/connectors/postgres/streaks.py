"""Streaks as a stream makes them."""

from collections.abc import Sequence

from supersync_core.connectors.postgres.decoder import row_type
from supersync_core.connectors.postgres.relations import Relation
from supersync_core.connectors.postgres.streaks import MessageStreak
from supersync_core.connectors.postgres.values import BUILT_IN, TEXT, TypeRule
from supersync_core.domain.change import Op, Transaction, event_id_prefix
from tests.changes import ORDERS, at
from tests.core.connectors.postgres import messages as m

TX = Transaction("7", at(7), 1000, {"lsn": "0/7"}, event_id_prefix("test", 7))


def streak_of(columns: Sequence[tuple[str, TypeRule]], rows: Sequence[m.Tuple], first: int = 0) -> MessageStreak:
    """Inserts of these rows, whatever table they are said to be of."""
    row = row_type(columns)
    return MessageStreak(Op.CREATE, Relation(ORDERS, row, row), TX, first, [m.insert(1, one) for one in rows])


def streak_of_orders(*names: bytes | None) -> MessageStreak:
    """Orders with these names, numbered from 0."""
    rows = [[str(number).encode(), name, b"1.50"] for number, name in enumerate(names)]
    return streak_of([("id", BUILT_IN[23]), ("name", TEXT), ("amount", BUILT_IN[1700])], rows)
