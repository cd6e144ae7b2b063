"""What `pg_logical_emit_message` has written, as changes of tables that are not there."""

from collections.abc import Sequence

import orjson

from supersync_core.connectors.postgres.pgoutput import LogicalMessage
from supersync_core.connectors.postgres.places import Place, format_lsn
from supersync_core.domain.change import (
    OUTBOX_SCHEMA,
    Change,
    Op,
    SourceTable,
    Transaction,
    Unit,
    Values,
    event_id_prefix,
)
from supersync_core.domain.table_patterns import matches_name


class LogicalMessages:
    """Those with certain prefixes."""

    def __init__(self, database: str, prefixes: Sequence[str] = ()) -> None:
        """`prefixes`: names or patterns; none: no message is meant."""
        self._database, self._prefixes = database, prefixes
        self._tables: dict[str, SourceTable] = {}

    def wants(self, message: LogicalMessage) -> bool:
        """Whether it is one of them."""
        return any(matches_name(prefix, message.prefix) for prefix in self._prefixes)

    def change(self, message: LogicalMessage, tx: Transaction, index: int) -> Change:
        """As an insert into a table that is not there: its name is the prefix, its row the JSON of the message."""
        table = self._tables.get(message.prefix)
        if table is None:
            table = SourceTable(self._database, OUTBOX_SCHEMA, message.prefix, ())
            self._tables[message.prefix] = table
        try:
            content = orjson.loads(message.content)
        except orjson.JSONDecodeError:
            content = message.content.decode(errors="replace")
        after = content if isinstance(content, dict) else {"payload": content}
        return Change(Op.CREATE, table, tx, index, None, Values(after))

    def unit(self, message: LogicalMessage, place: Place, ts_ms: int, size: int) -> Unit:
        """One outside of transactions: a transaction of its own. `ts_ms`: when it was sent; `size`: in bytes."""
        # Right behind its beginning: from there on it is not sent again, and no other record begins there.
        position, lsn = place.at(message.lsn + 1, None), format_lsn(message.lsn)
        source = {"lsn": lsn, "txId": None, "xmin": None}
        tx = Transaction(lsn, position, ts_ms, source, event_id_prefix(place.origin, message.lsn))
        change = self.change(message, tx, 0)
        change.tx_end = True
        return Unit([change], position, size)
