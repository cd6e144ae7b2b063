"""Reading the tables as they are, in the middle of their log.

A snapshot is a transaction of isolation level repeatable read and the place S of the log that it stands at. MariaDB
tells that place by itself; on MySQL all writing is held up for the moment in which the transaction begins (FLUSH TABLES
WITH READ LOCK, which needs the right RELOAD). Tables are read one after the other, in chunks by their primary key; then
the log is read from S. So both meet without gap or overlap.

**After an interruption** another snapshot is taken, at a later place T. First the log is read from S to T, then what
was not read yet as it is at T, then the log from T on. Of what was read before, the log has told every change, each
with the whole row; of what was not, rows that the log has told come again, so a target must take a row that it has for
an update. The same is done for `mode: always`.

A table without a primary key is read in one go, and after an interruption from its beginning, behind a truncate: nobody
can tell which of its rows have come. Tables of engines without transactions (MyISAM) are read as they are when it is
their turn.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from supersync_core.connectors.copy_text import Field
from supersync_core.connectors.mysql.change_values import FromText, from_text, is_binary
from supersync_core.connectors.mysql.connection import Session, identifier
from supersync_core.connectors.mysql.log_server import log_end
from supersync_core.connectors.mysql.places import Place, Progress
from supersync_core.connectors.mysql.relations import Relations
from supersync_core.connectors.mysql_types import Declared, map_column
from supersync_core.connectors.source_types import declared
from supersync_core.domain.change import Change, Op, SourceTable, Transaction, Unit, Values, row_event_id

_NUMBERS = {"tinyint", "smallint", "mediumint", "int", "bigint", "year", "decimal", "float", "double"}


def take_snapshot(session: Session) -> tuple[str, int]:
    """Begin the transaction; file and place of the log that it stands at. Raises AccessDenied without RELOAD."""
    begin = "start transaction with consistent snapshot, read only"
    session.execute("set session transaction isolation level repeatable read")
    if session.is_mariadb:
        session.execute(begin)
        found = session.execute("show status like 'binlog_snapshot_%'")
        known = {(name or b"").decode().lower(): (value or b"").decode() for name, value in found}
        return known["binlog_snapshot_file"], int(known["binlog_snapshot_position"])
    session.execute("flush tables with read lock")
    try:
        session.execute(begin)
        return log_end(session)
    finally:
        session.execute("unlock tables")


class _Table:
    """A table that is read, and how its columns are."""

    def __init__(self, table: SourceTable) -> None:
        self.table = table
        self.columns = [declared(column) for column in table.columns]
        self.rules: list[FromText] = [from_text(column) for column in self.columns]
        names = [column.name for column in table.columns]
        self.key = [names.index(name) for name in table.primary_key]

    @property
    def name(self) -> str:
        return self.table.full_name

    def selected(self) -> str:
        return ", ".join(map_column(column).select.format(identifier(column.name)) for column in self.columns)

    def key_of(self, row: Sequence[Field]) -> tuple[str, ...]:
        """As the next chunk is asked for; bytes in hexadecimal digits."""
        parts = ((row[place] or b"", self.columns[place]) for place in self.key)
        return tuple(_hex(raw) if _as_bytes(column) else raw.decode() for raw, column in parts)


class Snapshot:
    """Tables at one moment, in units of one chunk each."""

    def __init__(self, session: Session, relations: Relations, place: Place, *, chunk_rows: int) -> None:
        """`session` has taken the snapshot. `place`: where that is in the log, and what is read already."""
        self._session, self._relations, self._chunk_rows = session, relations, chunk_rows
        self.place = place
        """Where the unit ends that was handed out last."""
        self._ts_ms = int(time.time() * 1000)

    def units(self, tables: Sequence[SourceTable], *, again: bool) -> Iterator[Unit]:
        """The chunks of all tables that are not read yet, and in the end a unit without changes: it is complete.

        `again`: some of their rows may have come already.
        """
        start = self.place.snapshot
        assert start is not None
        for one in sorted(tables, key=lambda table: table.full_name):
            if one.full_name < start.table:
                continue
            table = _Table(one)
            self._relations.tell(one, self.place.position())
            known = start if table.name == start.table else replace(start, table=table.name, key=None)
            yield from self._table(table, known, again=again)
        self.place = replace(self.place, snapshot=None, step=self.place.step + 1)
        yield Unit((), self.place.position(), 0)

    def close(self) -> None:
        """End the transaction."""
        self._session.close()

    def cancel(self) -> None:
        """Make a running statement end. From any thread."""
        self._session.cancel()

    def _table(self, table: _Table, known: Progress, *, again: bool) -> Iterator[Unit]:
        if not table.key and again:
            self._step(replace(known, key=None))
            yield self._emptied(table, known.base)
        for rows in self._by_key(table, known.key) if table.key else self._whole(table):
            key = table.key_of(rows[-1]) if table.key else None
            self._step(replace(known, key=key))
            yield self._unit(table, rows, known.base)

    def _step(self, progress: Progress) -> None:
        self.place = replace(self.place, snapshot=progress, step=self.place.step + 1)

    def _by_key(self, table: _Table, after: tuple[str, ...] | None) -> Iterator[list[tuple[Field, ...]]]:
        names = [identifier(name) for name in table.table.primary_key]
        while True:
            where = "" if after is None else f" where ({', '.join(names)}) > ({self._literals(table, after)})"
            rows = self._session.execute(
                f"select {table.selected()} from {_relation(table)}{where}"
                f" order by {', '.join(names)} limit {self._chunk_rows:d}"
            )
            if rows:
                yield rows
                after = table.key_of(rows[-1])
            if len(rows) < self._chunk_rows:
                return

    def _whole(self, table: _Table) -> Iterator[list[tuple[Field, ...]]]:
        with self._session.stream(f"select {table.selected()} from {_relation(table)}") as found:
            rows: list[tuple[Field, ...]] = []
            for row in found:
                rows.append(row)
                if len(rows) >= self._chunk_rows:
                    yield rows
                    rows = []
            if rows:
                yield rows

    def _literals(self, table: _Table, key: tuple[str, ...]) -> str:
        columns = [table.columns[place] for place in table.key]
        return ", ".join(self._literal(text, column) for text, column in zip(key, columns, strict=True))

    def _literal(self, text: str, column: Declared) -> str:
        if _as_bytes(column):
            return f"x'{text}'"
        # Beside a text, numbers are compared inexactly.
        return text if column.kind in _NUMBERS else self._session.literal(text)

    def _unit(self, table: _Table, rows: Sequence[Sequence[Field]], base: int) -> Unit:
        tx, changes, size = self._transaction(), list[Change](), 0
        for number, row in enumerate(rows):
            values = {
                column.name: None if field is None else rule(field)
                for column, rule, field in zip(table.table.columns, table.rules, row, strict=True)
            }
            content = b"\0".join(b"\1" if field is None else field for field in row)
            place = b"" if table.key else b"%d/%d" % (self.place.step, number)
            event_id = row_event_id(self.place.origin, base, table.name, (place, hashlib.sha256(content).digest()))
            changes.append(Change(Op.READ, table.table, tx, number, None, Values(values), event_id))
            size += len(content)
        return Unit(changes, tx.position, size)

    def _emptied(self, table: _Table, base: int) -> Unit:
        tx = self._transaction()
        event_id = row_event_id(self.place.origin, base, table.name, (b"truncate", b"%d" % self.place.number))
        return Unit([Change(Op.TRUNCATE, table.table, tx, 0, None, None, event_id)], tx.position, 0)

    def _transaction(self) -> Transaction:
        place = self.place
        source = {"server_id": 0, "gtid": None, "file": place.file, "pos": place.pos, "row": None}
        name = f"snapshot {place.file}:{place.pos}"
        return Transaction(name, place.position(), self._ts_ms, source, "")


def _relation(table: _Table) -> str:
    return f"{identifier(table.table.database)}.{identifier(table.table.name)}"


def _as_bytes(column: Declared) -> bool:
    return is_binary(column.kind) or column.kind == "bit"


def _hex(raw: bytes) -> str:
    return raw.hex()
