"""The log as a stream of transactions.

A transaction is handed out when it has been committed, whole and in commit order. Its position is the end of its commit
in the log; its events' ids come from where it begins. While nothing of ours is written, the position moves every now
and then, by what the server says while it waits.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from pymysqlreplication import event as events
from pymysqlreplication import row_event as rows

from supersync_core.connectors.mysql.log_connection import LogConnection
from supersync_core.connectors.mysql.places import Place, place_number
from supersync_core.connectors.mysql.relations import Relation, Relations
from supersync_core.domain.change import Change, Image, Op, SourceTable, Transaction, Unit, Values, event_id_prefix
from supersync_core.errors import AbortError, Cancelled

READ_BYTES = 1 << 20
"""One read ends after so much, at the end of a transaction."""
IDLE_S = 10.0
_STANDALONE = 1
"""Flag of a GTID of MariaDB: it is of one statement that commits by itself."""
_NAME = r"(`(?:[^`]|``)+`|[^\s`.;]+)"
_TRUNCATE = re.compile(
    rf"\s*(?:(?:/\*.*?\*/|--[^\n]*\n|#[^\n]*\n)\s*)*truncate\s+(?:table\s+)?{_NAME}(?:\s*\.\s*{_NAME})?",
    re.IGNORECASE | re.DOTALL,
)
_COMPRESSED = re.compile(r"compressed|payload", re.IGNORECASE)


class ChangeStream:
    """Events of a log connection, as units."""

    def __init__(
        self,
        connection: LogConnection,
        relations: Relations,
        place: Place,
        describe: Callable[[str, str], SourceTable | None],
    ) -> None:
        """`place`: after which it reads. `describe`: a table by database and name, as the catalogue has it."""
        self._connection, self._relations, self._place, self._describe = connection, relations, place, describe
        self._tx: Transaction | None = None
        self._changes: list[Change] = []
        self._units: list[Unit] = []
        self._gtid: str | None = None
        self._bytes = self._read_bytes = 0
        self._reached = self._last = place
        self._last_at = time.monotonic()
        self.wanted: Place | None = None
        """A place that somebody waits for: it, or a later one, is handed out as soon as it is reached."""
        self._cancelled = False

    def read(self, timeout_s: float) -> list[Unit]:
        """See `ChangeSource`."""
        until = time.monotonic() + timeout_s
        while True:
            if self._cancelled:
                raise Cancelled("cancelled on request")
            now = time.monotonic()
            has_more = self._connection.has_more(0.0 if self._units else until - now)
            if has_more:
                self._take(self._connection.event())
            if not self._units:
                self._move(time.monotonic())
            if (self._units and not has_more) or time.monotonic() >= until or self._read_bytes >= READ_BYTES:
                units, self._units, self._read_bytes = self._units, [], 0
                return units

    def cancel(self) -> None:
        """Make a running read end. From any thread."""
        self._cancelled = True
        self._connection.cancel()

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def _take(self, event: Any) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
        elif _COMPRESSED.search(type(event).__name__):
            raise AbortError(f"the log holds {type(event).__name__}, which cannot be read: turn compression off")
        if self._tx is None and event.packet.log_pos and not isinstance(event, events.RotateEvent):
            self._reach(event.packet.log_pos)

    def _reach(self, pos: int) -> None:
        place = self._place.at(self._connection.file, pos)
        if place.number > self._reached.number:
            self._reached = place

    def _on_rotate(self, event: Any) -> None:
        if self._tx is None:
            self._reach(event.position)

    def _on_mariadb_gtid(self, event: Any) -> None:
        self._gtid = event.gtid
        if not event.flags & _STANDALONE:
            self._begin(event)

    def _on_mysql_gtid(self, event: Any) -> None:
        self._gtid = event.gtid

    def _on_query(self, event: Any) -> None:
        query = event.query if isinstance(event.query, str) else event.query.decode(errors="replace")
        word = query.strip().upper()
        if word == "BEGIN":
            if self._tx is None:
                self._begin(event)
        elif word in ("COMMIT", "ROLLBACK"):
            self._on_commit(event)
        elif match := _TRUNCATE.match(query):
            self._on_truncate(event, match)

    def _on_truncate(self, event: Any, match: "re.Match[str]") -> None:
        first, second = (_unquoted(part) if part else None for part in match.groups())
        schema = event.schema.decode(errors="replace") if isinstance(event.schema, bytes) else event.schema
        database, name = (first, second) if second else (schema, first)
        assert name is not None
        if not self._relations.is_wanted(database or "", name):
            return
        table = self._describe(database or "", name)
        if table is not None:
            self._begin(event)
            assert self._tx is not None
            self._relations.tell(table, self._tx.position)
            self._add(Op.TRUNCATE, table, None, None)
            self._on_commit(event)

    def _begin(self, event: Any) -> None:
        file, pos = self._connection.file, event.packet.log_pos
        gtid = self._gtid
        server = event.packet.server_id
        source = {"server_id": server, "gtid": gtid, "file": file, "pos": pos, "row": None}
        prefix = event_id_prefix(self._place.origin, place_number(file, pos))
        # Its end is not known yet; until it is, its beginning stands for it.
        position = self._place.at(file, pos).position(gtid)
        self._tx = Transaction(gtid or f"{file}:{pos}", position, event.timestamp * 1000, source, prefix)
        self._changes, self._bytes = [], 0

    def _on_rows(self, event: Any) -> None:
        if self._tx is None:
            self._begin(event)
        tx = self._tx
        assert tx is not None
        relation = self._relations.find(event.table_map[event.table_id], tx.position)
        if relation is None:
            return
        packet = event.packet
        data = packet.read(event.event_size - packet.read_bytes)
        self._bytes += len(data)
        for before, after in _rows(event, relation, data):
            op = Op.CREATE if before is None else Op.DELETE if after is None else Op.UPDATE
            self._add(op, relation.table, before, after)

    def _add(self, op: Op, table: SourceTable, before: Image | None, after: Image | None) -> None:
        assert self._tx is not None
        self._changes.append(Change(op, table, self._tx, len(self._changes), before, after))

    def _on_commit(self, event: Any) -> None:
        tx, self._tx = self._tx, None
        if tx is None:
            return
        self._reach(event.packet.log_pos)
        if self._changes:
            tx.position = self._reached.position(self._gtid)
            tx.ts_ms = event.timestamp * 1000
            self._changes[-1].tx_end = True
            self._hand_out(Unit(self._changes, tx.position, self._bytes))
        self._changes = []

    def _hand_out(self, unit: Unit) -> None:
        self._units.append(unit)
        self._read_bytes += unit.bytes
        self._last, self._last_at = self._reached, time.monotonic()
        if self.wanted is not None and self._reached.number >= self.wanted.number:
            self.wanted = None

    def _move(self, now: float) -> None:
        """Hand out the place that was reached without changes of ours, if it is time to."""
        if self._tx is not None:
            return
        is_idle = self._reached.number > self._last.number and now - self._last_at >= IDLE_S
        if is_idle or (self.wanted is not None and self._reached.number >= self.wanted.number):
            self._hand_out(Unit((), self._reached.position(self._gtid), 0))


def _rows(event: Any, relation: Relation, data: bytes) -> Sequence[tuple[Image | None, Image | None]]:
    """Each row of an event, before and after."""
    found: list[tuple[Image | None, Image | None]] = []
    at, present = 0, event.columns_present_bitmap
    is_update = isinstance(event, rows.UpdateRowsEvent)
    while at < len(data):
        values, at = relation.read(data, at, present)
        image = Values(values)
        if is_update:
            values, at = relation.read(data, at, event.columns_present_bitmap2)
            found.append((image, Values(values)))
        else:
            found.append((None, image) if isinstance(event, rows.WriteRowsEvent) else (image, None))
    return found


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


_HANDLERS: dict[type, Callable[[ChangeStream, Any], None]] = {
    events.RotateEvent: ChangeStream._on_rotate,
    events.MariadbGtidEvent: ChangeStream._on_mariadb_gtid,
    events.GtidEvent: ChangeStream._on_mysql_gtid,
    events.QueryEvent: ChangeStream._on_query,
    events.XidEvent: ChangeStream._on_commit,
    rows.WriteRowsEvent: ChangeStream._on_rows,
    rows.UpdateRowsEvent: ChangeStream._on_rows,
    rows.DeleteRowsEvent: ChangeStream._on_rows,
}
