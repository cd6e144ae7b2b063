"""Reading the tables as they are, in the middle of their log.

A snapshot is taken together with a slot: the server then says from which place S on the slot has the log, and exports a
snapshot that has exactly what was committed before S. Tables are read one after the other, each in chunks by its
primary key, in one transaction of isolation level repeatable read; then the log is read from S. So snapshot and log
meet without gap or overlap, and whoever applies both in order has, at each place of the log, what the source had there.

**After an interruption** that snapshot is gone, as it lives no longer than a connection. Another is taken, with a
temporary slot, at a later place T. First the log is read from S to T; then what was not read yet is read as of T; then
the log goes on from T. At T a target is as its source again:

* Of what was read before, the log has told every change up to T: of a row that was deleted, the delete; so no row comes
  back and none stays behind.
* Of what was not read, the log has told some rows already. They come again as they are at T, so a target must take a
  row that it has for an update, and an update or delete of a row that it has not for nothing to be done.
* A row whose key changed may have left the part that is not read yet for the part that is. The log has told that, but
  not such large values as did not change (TOAST). So those rows of the part that is read are read again, first of all,
  that were written by transactions which the earlier snapshot did not see as ended.

The same is done where a slot was there before us, and for `mode: always`, with nothing read before.

A table without a primary key is read by the blocks of its file, and from its beginning after an interruption. Nobody
can tell then which of its rows have come already, so a truncate of it is told first. While a table is read, ALTER TABLE
and TRUNCATE of it wait; until all are read, VACUUM does not remove what was deleted since.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

from psycopg2 import sql

from supersync_core.connectors.copy_text import read_rows
from supersync_core.connectors.postgres.change_catalog import Described, Published, describe_published
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.pgoutput import RelationColumn, write_tuple
from supersync_core.connectors.postgres.places import Place, Progress, format_lsn
from supersync_core.connectors.postgres.relations import Relations
from supersync_core.connectors.postgres.snapshot_tables import ReadTable, locked, unchanged
from supersync_core.domain.change import Change, Op, Transaction, Unit, row_event_id

CHUNK_BYTES = 8 << 20
"""A chunk has about so much at most."""
FIRST_ROWS = 100
"""The first chunk of a table, until it is known how wide its rows are; each further one has at most ten times more."""
FIRST_BLOCKS = 8
XID_HORIZON = 2**31
"""Transaction numbers compare by 32 bits: those of so many transactions ago say nothing."""
_NOTHING = sql.SQL("")


@dataclass(frozen=True)
class _Chunk:
    """Rows in COPY's fields. `ids`: what tells each apart, its key or place first, and last the transaction that wrote
    it: read again as it was, a row has its id again.
    """

    rows: Sequence[tuple[bytes | None, ...]]
    ids: Sequence[tuple[bytes, ...]]
    bytes: int


class Snapshot:
    """The tables of a publication at one moment, in units of one chunk each."""

    def __init__(self, session: Session, relations: Relations, place: Place, *, database: str, chunk_rows: int) -> None:
        """Nothing is read yet; `place`: which place of the log it is of, and what is read already."""
        self._session, self._relations = session, relations
        self.place = place
        """Where the unit ends that was handed out last."""
        self._database, self._chunk_rows = database, chunk_rows
        self._since = self._next_xid = self._ts_ms = 0

    def begin(self, exported: str) -> None:
        """Take the snapshot that was exported under that name."""
        session = self._session
        session.execute("begin transaction isolation level repeatable read, read only")
        session.execute("set transaction snapshot %s", (exported,))
        # With row security a role would silently read less; so it is told, with an error.
        session.execute("set local row_security = off; set local search_path = ''")
        row = session.execute(
            "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint,"
            " (extract(epoch from clock_timestamp()) * 1000)::bigint"
        ).fetchone()
        assert row is not None
        self._since, self._next_xid, self._ts_ms = row

    def units(self, tables: Sequence[Published], *, again: bool) -> Iterator[Unit]:
        """The chunks of all tables that are not read yet, and in the end a unit without changes: it is complete.

        `again`: some of their rows may have come already.
        """
        start = self.place.snapshot
        assert start is not None
        for table in self._plan(tables, start):
            with locked(self._session, table):
                yield from self._units_of(table, start, again=again)
        self.place = replace(self.place, snapshot=None, step=self.place.step + 1)
        yield Unit((), self.place.position(), 0)

    def _units_of(self, table: ReadTable, start: Progress, *, again: bool) -> Iterator[Unit]:
        known = start if table.name == start.table else replace(start, table=table.name, key=None)
        joins = start.base
        if again and not table.key:
            # Behind the truncate, rows are new ones: whoever drops what is known would keep none of them.
            joins = self.place.lsn
            self.place = replace(self.place, snapshot=replace(known, key=None), step=self.place.step + 1)
            yield self._emptied(table)
        for chunk, progress in self._chunks(table, known):
            self.place = replace(self.place, snapshot=progress, step=self.place.step + 1)
            yield self._unit(table, chunk, joins)

    def close(self) -> None:
        """End the transaction."""
        self._session.close()

    def cancel(self) -> None:
        """Make a running statement end. From any thread."""
        self._session.cancel()

    def _plan(self, tables: Sequence[Published], start: Progress) -> list[ReadTable]:
        found = describe_published(self._session, self._database, tables)
        planned = [self._table(*one) for one in found if one[1].table.full_name >= start.table]
        return sorted(planned, key=lambda table: table.name)

    def _table(self, published: Published, described: Described) -> ReadTable:
        table = described.table
        columns = [RelationColumn(c.name, *described.types[c.name], c.name in table.primary_key) for c in table.columns]
        relation = self._relations.note(published.oid, table, columns, self.place.position())
        names = [column.name for column in table.columns]
        return ReadTable(published, described, relation, tuple(names.index(name) for name in table.primary_key))

    def _chunks(self, table: ReadTable, known: Progress) -> Iterator[tuple[_Chunk, Progress]]:
        """The rows of a table that are not read yet, each chunk with what is read after it."""
        if not table.key:
            for chunk in self._by_blocks(table):
                yield chunk, replace(known, since=self._since)
            return
        key = known.key
        if key is not None and self._next_xid - known.since >= XID_HORIZON:
            key = None
        if key is not None:
            condition = sql.SQL("{} <= {} and {}").format(*table.compared(key), self._written_since(known.since))
            for chunk in self._by_key(table, None, condition):
                yield chunk, known
        for chunk in self._by_key(table, key, None):
            last = tuple(part.decode() for part in chunk.ids[-1][:-1])
            yield chunk, replace(known, key=last, since=self._since)

    def _written_since(self, xid: int) -> sql.Composable:
        """Rows of transactions that had not ended when all below `xid` had."""
        row = self._session.execute("select age((%s)::text::xid)", (str(xid % 2**32),)).fetchone()
        assert row is not None
        return sql.SQL("age(xmin) <= {}").format(sql.Literal(row[0]))

    def _by_key(
        self, table: ReadTable, after: tuple[str, ...] | None, condition: sql.Composable | None
    ) -> Iterator[_Chunk]:
        """Rows behind the key `after` that fulfil the condition, in the order of the key."""
        limit = min(FIRST_ROWS, self._chunk_rows)
        order = sql.SQL(", ").join(sql.Identifier(name) for name in table.described.table.primary_key)
        while True:
            where = [condition] if condition is not None else []
            if after is not None:
                where.append(sql.SQL("{} > {}").format(*table.compared(after)))
            tail = sql.SQL("order by {} limit {}").format(order, sql.Literal(limit))
            rows, size = self._copy(table, table.source, where, tail)
            if rows:
                ids = [(*(row[place + 1] or b"" for place in table.key), row[0] or b"") for row in rows]
                after = tuple(part.decode() for part in ids[-1][:-1])
                yield _Chunk([row[1:] for row in rows], ids, size)
            if len(rows) < limit:
                return
            limit = _next(limit, size, self._chunk_rows)

    def _by_blocks(self, table: ReadTable) -> Iterator[_Chunk]:
        """All rows, in the order in which they lie."""
        parts = self._session.execute(
            "select p.oid, n.nspname, p.relname,"
            " pg_relation_size(p.oid) / current_setting('wal_block_size')::int"
            " from pg_class c left join pg_partition_tree(c.oid) part on part.isleaf"
            " join pg_class p on p.oid = coalesce(part.relid, c.oid) join pg_namespace n on n.oid = p.relnamespace"
            " where c.oid = %s order by 1",
            (table.published.oid,),
        ).fetchall()
        for oid, schema, name, blocks in parts:
            begin, step = 0, FIRST_BLOCKS
            while begin < blocks:
                end = min(begin + step, blocks)
                where = sql.SQL("ctid >= {}::tid and ctid < {}::tid").format(
                    sql.Literal(f"({begin},0)"), sql.Literal(f"({end},0)")
                )
                source = sql.SQL("only {}").format(sql.Identifier(schema, name))
                rows, size = self._copy(table, source, [where], _NOTHING, sql.SQL("ctid, "))
                if rows:
                    ids = [(b"%d" % oid, row[1] or b"", row[0] or b"") for row in rows]
                    yield _Chunk([row[2:] for row in rows], ids, size)
                begin, step = end, max(1, min(step * 10, step * self._chunk_rows // max(len(rows), 1)))

    def _copy(
        self,
        table: ReadTable,
        source: sql.Composable,
        where: Sequence[sql.Composable],
        tail: sql.Composable,
        head: sql.Composable = _NOTHING,
    ) -> tuple[list[tuple[bytes | None, ...]], int]:
        """Rows in COPY's text form, which is that of the log, and their size."""
        published = table.published
        conditions = [
            *where,
            *([sql.SQL("({})").format(sql.SQL(published.row_filter))] if published.row_filter else []),
        ]
        query = sql.SQL("copy (select xmin, {}{} from {} where {} {}) to stdout").format(
            head,
            sql.SQL(", ").join(sql.Identifier(column.name) for column in table.described.table.columns),
            source,
            sql.SQL(" and ").join(conditions or [sql.SQL("true")]),
            tail,
        )
        out = BytesIO()
        with unchanged(table):
            self._session.copy(query, out)
        size = out.tell()
        out.seek(0)
        return list(read_rows(out)), size

    def _unit(self, table: ReadTable, chunk: _Chunk, joins: int) -> Unit:
        origin, tx = self.place.origin, self._transaction()
        row, of, name = table.relation.row, table.relation.table, table.name
        changes = [
            Change(Op.READ, of, tx, index, None, row(write_tuple(fields), 0), row_event_id(origin, joins, name, parts))
            for index, (fields, parts) in enumerate(zip(chunk.rows, chunk.ids, strict=True))
        ]
        return Unit(changes, tx.position, chunk.bytes)

    def _emptied(self, table: ReadTable) -> Unit:
        tx = self._transaction()
        # Each attempt is a truncate of its own.
        event_id = row_event_id(self.place.origin, self.place.lsn, table.name, (b"truncate",))
        return Unit([Change(Op.TRUNCATE, table.relation.table, tx, 0, None, None, event_id)], tx.position, 0)

    def _transaction(self) -> Transaction:
        lsn = format_lsn(self.place.lsn)
        source = {"lsn": lsn, "txId": None, "xmin": None}
        return Transaction(f"snapshot {lsn}", self.place.position(), self._ts_ms, source, "")


def _next(limit: int, size: int, most: int) -> int:
    """How many rows to take next, after so many of that size: about `CHUNK_BYTES`."""
    fit = CHUNK_BYTES * limit // max(size, 1)
    return max(1, min(most, limit * 10, fit))
