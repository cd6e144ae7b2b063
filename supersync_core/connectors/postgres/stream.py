"""The log as a stream of transactions.

pgoutput sends a transaction when it has been committed, whole and in commit order. Its changes are kept until its end
has come, so a transaction takes as much memory as its messages on the wire, and some 250 bytes more for each change
outside of streaks: the price of handing out nothing that is torn. Rows are not copied out of their messages.

**Positions.** That of a transaction is the end of its commit record. Where nothing of ours is written, positions come
from the server's keepalives: everything that was committed before is sent by then, so outside of a transaction a
keepalive's position has everything of ours before it. It is handed out as a unit without changes, and is confirmed like
any other once the engine has stored it: so an idle table does not make the server keep its log, and still the slot is
never ahead of the checkpoints. (A message outside of transactions gets the place right behind its beginning.)
"""

import selectors
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from supersync_core.connectors.postgres.logical_messages import LogicalMessages
from supersync_core.connectors.postgres.pgoutput import (
    HEADER,
    ROW,
    read_begin,
    read_commit_end,
    read_message,
    read_relation,
    read_sent_ms,
    read_truncate,
    tuple_end,
)
from supersync_core.connectors.postgres.places import Place, format_lsn, lsn_of
from supersync_core.connectors.postgres.relations import Relation, Relations
from supersync_core.connectors.postgres.replication import ReplicationConnection
from supersync_core.connectors.postgres.streaks import MessageStreak
from supersync_core.domain.change import Change, Image, Op, Transaction, Unit, event_id_prefix
from supersync_core.domain.streak import Streak, joined
from supersync_core.errors import Cancelled

READ_BYTES = 1 << 20
"""One read ends after so much, at the end of a transaction."""
STATUS_S = 5.0
"""The server hears of us at least so often; it gives up after `wal_sender_timeout`, a minute by default."""
IDLE_S = 10.0
IDLE_BYTES, IDLE_BYTES_S = 16 << 20, 1.0
"""While nothing of ours is written, the position moves so often, or after so much log of others, and so long."""

_OID = slice(HEADER + 1, HEADER + 5)
_SHAPE = slice(HEADER, HEADER + 8)
"""What the messages of a streak have in common: letter, table, the row's kind, the number of columns."""
_STREAK = 16
"""Fewer messages are changes of their own: what is the same for all of a streak costs as much as some changes."""
_ROW_KIND = HEADER + 5
_XLOG_DATA = ord("w")
_ROW_OPS = {ord("I"): Op.CREATE, ord("U"): Op.UPDATE}
_NEW, _OLD = ord("N"), ord("O")
_keepalive = struct.Struct(">Q8xB").unpack_from


class Stream:
    """Messages of a started replication connection, as units."""

    def __init__(
        self,
        connection: ReplicationConnection,
        relations: Relations,
        place: Place,
        *,
        messages: LogicalMessages,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`place`: after which it reads. `messages`: those that are meant. `check`: runs every `IDLE_S`, may raise."""
        self._connection, self._learned, self._place = connection, relations, place
        self._messages, self._check = messages, check
        self._relations: dict[bytes, Relation | None] = {}
        self._tx: Transaction | None = None
        self._xid = self._index = self._bytes = self._read_bytes = 0
        self._pieces: list[Streak | list[Change]] = []
        # Messages that are alike, and what they have in common.
        self._alike: list[bytes] = []
        self._shape: bytes | None = None
        self._units: list[Unit] = []
        self._reached = self._last = self._written = place.lsn
        self._confirmed = self._told = 0
        self._told_at = self._last_at = self._checked_at = time.monotonic()
        self._position = place.position()
        self.wanted = 0
        """A position that somebody waits for: it, or a later one, is handed out as soon as it is reached."""
        self._cancelled = False
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for file in (self._connection.fileno(), self._woken):
            self._selector.register(file, selectors.EVENT_READ)

    def read(self, timeout_s: float) -> list[Unit]:
        """See `ChangeSource`."""
        until = time.monotonic() + timeout_s
        while True:
            took = self._take(self._connection.messages())
            now = time.monotonic()
            self._tend(now)
            if not self._units:
                self._move(now)
            if (self._units and not took) or now >= until or self._read_bytes >= READ_BYTES:
                units, self._units, self._read_bytes = self._units, [], 0
                return units
            if not took:
                self._selector.select(min(until - now, STATUS_S))

    def confirm(self, lsn: int) -> None:
        """Tell the server at the next occasion that all up to `lsn` is stored."""
        self._confirmed = max(self._confirmed, lsn)

    def tell(self) -> None:
        """Tell the server now that we live, and what is confirmed."""
        self._connection.send_status(self._written, self._confirmed)
        self._told, self._told_at = self._confirmed, time.monotonic()

    def cancel(self) -> None:
        """Make a running read end. From any thread."""
        self._cancelled = True
        with suppress(OSError):  # closed at this moment: nobody reads any more
            self._wake.send(b"!")

    def close(self) -> None:
        """Let go of what is needed for waiting."""
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _tend(self, now: float) -> None:
        """Do what is due, whatever comes."""
        if self._cancelled:
            raise Cancelled("cancelled on request")
        if self._confirmed > self._told or now - self._told_at >= STATUS_S:
            self.tell()
        if now - self._checked_at >= IDLE_S:
            self._checked_at = now
            self._check()

    def _take(self, messages: Sequence[bytes]) -> int:
        """Take what has come; how many messages that are."""
        shape, alike = self._shape, self._alike
        for data in messages:
            if data[_SHAPE] == shape:
                alike.append(data)
            elif data[0] != _XLOG_DATA:
                self._on_keepalive(data)
            else:
                if alike:
                    self._end_streak()
                self._bytes += len(data)
                kind = data[HEADER]
                if kind in _HANDLERS:
                    _HANDLERS[kind](self, data)
                shape, alike = self._shape, self._alike
        return len(messages)

    def _on_row(self, data: bytes) -> None:
        """A row that is new, or has changed, without its old one: perhaps many more like it follow."""
        if self._relations[data[_OID]] is None:
            self._index += 1
        else:
            self._shape, self._alike = data[_SHAPE], [data]

    def _end_streak(self) -> None:
        """Keep the messages that were alike. The last one is a change of its own: its transaction may end with it."""
        alike, first = self._alike, self._index
        self._shape, self._alike = None, []
        relation, tx = self._relations[alike[0][_OID]], self._tx
        assert relation is not None
        assert tx is not None
        # The first one was counted when it came.
        self._bytes += sum(map(len, alike)) - len(alike[0])
        op, last = _ROW_OPS[alike[0][HEADER]], alike.pop()
        self._index += len(alike)
        if len(alike) >= _STREAK:
            self._pieces.append(MessageStreak(op, relation, tx, first, alike))
        else:
            for index, data in enumerate(alike, first):
                self._keep(Change(op, relation.table, tx, index, None, relation.row(data, ROW)))
        self._add(op, relation, None, relation.row(last, ROW))

    def _keep(self, change: Change) -> None:
        if self._pieces and isinstance(self._pieces[-1], list):
            self._pieces[-1].append(change)
        else:
            self._pieces.append([change])

    def _on_keepalive(self, data: bytes) -> None:
        end, wants_reply = _keepalive(data, 1)
        self._written = max(self._written, end)
        if self._tx is None:
            self._reached = max(self._reached, end)
        if wants_reply:
            # A server that shuts down asks, and waits until all is confirmed: so that may be handed out at once.
            self.wanted = max(self.wanted, end)
            self.tell()

    def _on_begin(self, data: bytes) -> None:
        begin = read_begin(data)
        source = {"lsn": format_lsn(begin.commit_lsn), "txId": begin.xid, "xmin": None}
        prefix = event_id_prefix(self._place.origin, begin.commit_lsn)
        # The end is not known yet; until it is, the beginning of the commit record stands for it.
        position = self._place.at(begin.commit_lsn, begin.xid)
        self._tx = Transaction(str(begin.xid), position, begin.ts_ms, source, prefix)
        self._xid, self._index, self._bytes, self._pieces = begin.xid, 0, len(data), []

    def _on_commit(self, data: bytes) -> None:
        tx, end = self._tx, read_commit_end(data)
        assert tx is not None
        self._tx = None
        self._reached = self._written = max(self._written, end)
        if self._pieces:
            tx.position = self._place.at(end, self._xid)
            self._pieces[-1][-1].tx_end = True
            self._hand_out(Unit(joined(self._pieces), tx.position, self._bytes), end)

    def _hand_out(self, unit: Unit, lsn: int) -> None:
        self._units.append(unit)
        self._read_bytes += unit.bytes
        self._position, self._last, self._last_at = unit.position, lsn, time.monotonic()
        if lsn >= self.wanted:
            self.wanted = 0

    def _move(self, now: float) -> None:
        """Hand out the position that was reached without changes of ours, if it is time to."""
        if self._tx is not None or not (self._is_idle(now) or 0 < self.wanted <= self._reached):
            return
        if self._reached > self._last:
            self._position = self._place.at(self._reached, None)
        self._hand_out(Unit((), self._position, 0), self._reached)

    def _is_idle(self, now: float) -> bool:
        gap, waited = self._reached - self._last, now - self._last_at
        return gap > 0 and waited >= IDLE_S or gap >= IDLE_BYTES and waited >= IDLE_BYTES_S

    def _on_relation(self, data: bytes) -> None:
        assert self._tx is not None
        self._relations[data[_OID]] = self._learned.learn(read_relation(data), self._tx.position)

    def _on_update(self, data: bytes) -> None:
        relation = self._relations[data[_OID]]
        if relation is None:
            self._index += 1
        elif data[_ROW_KIND] == _NEW:
            self._on_row(data)
        else:
            # Behind the old row: a letter and the number of columns.
            new = tuple_end(data, ROW - 2) + 3
            self._add(Op.UPDATE, relation, self._old(relation, data), relation.row(data, new))

    def _on_delete(self, data: bytes) -> None:
        relation = self._relations[data[_OID]]
        if relation is None:
            self._index += 1
        else:
            self._add(Op.DELETE, relation, self._old(relation, data), None)

    @staticmethod
    def _old(relation: Relation, data: bytes) -> Image:
        return (relation.row if data[_ROW_KIND] == _OLD else relation.key)(data, ROW)

    def _on_truncate(self, data: bytes) -> None:
        for oid in read_truncate(data).oids:
            relation = self._relations[oid.to_bytes(4, "big")]
            if relation is None:
                self._index += 1
            else:
                self._add(Op.TRUNCATE, relation, None, None)

    def _add(self, op: Op, relation: Relation, before: Image | None, after: Image | None) -> None:
        assert self._tx is not None
        self._keep(Change(op, relation.table, self._tx, self._index, before, after))
        self._index += 1

    def _on_message(self, data: bytes) -> None:
        message = read_message(data)
        if self._tx is not None:
            if self._messages.wants(message):
                self._keep(self._messages.change(message, self._tx, self._index))
            self._index += 1
        elif self._messages.wants(message):
            unit = self._messages.unit(message, self._place, read_sent_ms(data), len(data))
            end = lsn_of(unit.position)
            self._reached = self._written = max(self._written, end)
            self._hand_out(unit, end)


_HANDLERS: dict[int, Callable[[Stream, bytes], None]] = {
    ord("B"): Stream._on_begin,
    ord("C"): Stream._on_commit,
    ord("R"): Stream._on_relation,
    ord("I"): Stream._on_row,
    ord("U"): Stream._on_update,
    ord("D"): Stream._on_delete,
    ord("T"): Stream._on_truncate,
    ord("M"): Stream._on_message,
}
