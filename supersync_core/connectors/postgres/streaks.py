"""Inserts into one table, or updates without an old row, as their messages one after the other."""

from collections.abc import Sequence

from supersync_core.connectors.postgres.pgoutput import ROW
from supersync_core.connectors.postgres.relations import Relation
from supersync_core.domain.change import Change, Op, Transaction
from supersync_core.domain.streak import Form, Streak


class MessageStreak(Streak):
    """Messages of one relation and transaction."""

    __slots__ = ("_messages", "_row")

    def __init__(self, op: Op, relation: Relation, tx: Transaction, first: int, messages: Sequence[bytes]) -> None:
        """`first`: the index of the first one."""
        super().__init__(op, relation.table, tx, first)
        self._row, self._messages = relation.row, messages

    def __len__(self) -> int:
        """How many."""
        return len(self._messages)

    @property
    def size(self) -> int:
        """See `Streak`."""
        return sum(map(len, self._messages))

    def written(self, form: Form, begin: int, id_ends: Sequence[bytes]) -> list[bytes]:
        """See `Streak`."""
        return self._row.written(self._messages[begin : begin + len(id_ends)], ROW, form, id_ends)

    def _make(self) -> list[Change]:
        op, table, tx, row, messages = self.op, self.table, self.tx, self._row, self._messages
        return [Change(op, table, tx, index, None, row(data, ROW)) for index, data in enumerate(messages, self.first)]
