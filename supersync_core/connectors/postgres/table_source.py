"""Tables of a PostgreSQL server, read as COPY bytes.

Which rows are new? A cursor column cannot tell: a transaction that began early may commit late, with a cursor value
below one that was read before. So an incremental read of a table asks for the rows whose inserting transaction was not
yet finished when the previous snapshot was taken (`age(xmin)` against that snapshot's `pg_snapshot_xmin`). That is
complete whatever the cursor says, and reads no settled row again; its price is one sequential scan. A reading with
`lookback`, and any reading of a view or a query, which have no `xmin`, goes by the cursor instead (see `by_cursor`).
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any, BinaryIO

from psycopg2 import sql

from supersync_core.connectors.base import CopyFormat, ReadPlan
from supersync_core.connectors.by_cursor import Range, Snapshot, plan_by_cursor
from supersync_core.connectors.postgres.catalog import Described, describe_result, describe_tables, match_tables
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.queries import builtin_query
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableName, TableSchema
from supersync_core.domain.table_sync import Mode, Reading, Relation
from supersync_core.errors import NotFound

XID_HORIZON = 2**31
"""Transaction numbers compare by 32 bits: a checkpoint older than this many transactions says nothing."""


class PostgresTableSource:
    """A PostgreSQL database whose tables, views and queries can be read."""

    def __init__(self, dsn: str) -> None:
        """Keep the DSN (libpq URL or keywords); nothing is connected yet."""
        self._dsn = dsn

    def open(self) -> "PostgresSourceSession":
        """Connect and take the snapshot."""
        return PostgresSourceSession(self._dsn)


class PostgresSourceSession:
    """One connection in one read-only transaction of isolation level repeatable read."""

    def __init__(self, dsn: str) -> None:
        """Connect; the snapshot is that of the first statement, which is sent here."""
        self._session = Session(dsn, "supersync source")
        self._described: dict[TableName, Described] = {}
        self._session.execute("begin transaction isolation level repeatable read, read only")
        row = self._session.execute(
            "select pg_snapshot_xmin(pg_current_snapshot())::text, statement_timestamp(),"
            " (select system_identifier from pg_control_system()), (select oid from pg_database"
            " where datname = current_database()), set_config('search_path', '', true)"
        ).fetchone()
        assert row is not None
        self._horizon, self._now, self._system, self._database = row[0], row[1], row[2], row[3]

    def __enter__(self) -> "PostgresSourceSession":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection, and the snapshot with it."""
        self._session.close()

    def cancel(self) -> None:
        """Cancel what runs."""
        self._session.cancel()

    def tables(self, pattern: str) -> list[TableName]:
        """Match `schema.name` with `*`, `?` and `[...]`; their schemas are fetched in the same go."""
        wanted = TableName.parse(pattern)
        everything = match_tables(self._session, {"schema": "%", "name": "%"})
        names = [t for t in everything if fnmatchcase(t.schema, wanted.schema) and fnmatchcase(t.name, wanted.name)]
        self._described.update(describe_tables(self._session, names))
        return names

    def describe(self, relation: Relation) -> TableSchema:
        """Columns and key from the catalogs; of a query, from its result, without running it."""
        if relation.table is None:
            return self._describe_query(relation)
        return self._find(relation.table).schema

    def formats(self, schema: TableSchema) -> tuple[CopyFormat, ...]:
        """Binary where it means the same on every server, and text."""
        portable = all(column.portable for column in schema.columns)
        return (CopyFormat.BINARY, CopyFormat.TEXT) if portable else (CopyFormat.TEXT,)

    def plan(
        self, relation: Relation, schema: TableSchema, reading: Reading, since: TableCheckpoint | None
    ) -> ReadPlan:
        """See the module: by transaction horizon where there is one, else by cursor."""
        if reading.mode is Mode.WINDOW or reading.lookback is not None or not self._has_xmin(relation):
            # A cursor means the same on a restored copy or a promoted standby, so the server is not part of the origin.
            snapshot = Snapshot(str(relation), self._now, lambda cursor: self._largest(relation, cursor))
            return plan_by_cursor(relation, schema, reading, since, snapshot)
        checkpoint = TableCheckpoint(
            cursor=self._largest(relation, reading.cursor) if reading.cursor else None,
            horizon=self._horizon,
            origin=self._origin(relation),
            schema=schema.fingerprint,
            taken_at=self._now.isoformat(),
        )
        same = since is not None and (since.origin, since.schema) == (checkpoint.origin, checkpoint.schema)
        where = self._unsettled(since) if since and same and reading.mode is Mode.INCREMENTAL else None
        return ReadPlan(relation, schema, where is None, checkpoint, where)

    def copy(self, plan: ReadPlan, copy_format: CopyFormat, out: BinaryIO) -> None:
        """Let the server write the rows; no value is decoded here."""
        columns = sql.SQL(", ").join(map(sql.Identifier, plan.schema.names))
        where = _range(plan.where, plan.schema) if isinstance(plan.where, Range) else plan.where or sql.SQL("true")
        query = sql.SQL("copy (select {} from {} source where {}) to stdout (format {})").format(
            columns, self._from(plan.relation), where, sql.SQL(copy_format.value)
        )
        self._session.copy(query, out)

    def _from(self, relation: Relation) -> sql.Composable:
        """A table's name, or a query in parentheses with the user's own search path in force."""
        if relation.table is not None:
            return sql.Identifier(relation.table.schema, relation.table.name)
        self._session.execute("set local search_path to default")
        text = relation.sql if relation.sql is not None else builtin_query(relation.query or "", self._has_relation)
        # The user's own statement: it is theirs to write, and runs in a read-only transaction.
        return sql.SQL("({}\n)").format(sql.SQL(text.rstrip().rstrip(";")))

    def _has_relation(self, name: str) -> bool:
        """Whether the search path finds a relation of that name that may be read."""
        row = self._session.execute(
            "select coalesce(has_table_privilege(to_regclass(%s), 'select'), false)", (name,)
        ).fetchone()
        return bool(row and row[0])

    def _describe_query(self, relation: Relation) -> TableSchema:
        cursor = self._session.execute(sql.SQL("select * from {} source limit 0").format(self._from(relation)))
        description: Sequence[Any] = cursor.description or ()
        self._session.execute("select set_config('search_path', '', true)")
        return describe_result(self._session, description)

    def _origin(self, relation: Relation) -> str:
        """Which table of which server this is: transaction numbers of another one mean nothing here."""
        oid = self._find(relation.table).oid if relation.table else None
        return f"{self._system}/{self._database}/{oid}"

    def _has_xmin(self, relation: Relation) -> bool:
        """Whether its rows carry the number of the transaction that wrote them."""
        return relation.table is not None and self._find(relation.table).kind in ("r", "m", "p")

    def _find(self, table: TableName) -> Described:
        if table not in self._described:
            self._described.update(describe_tables(self._session, [table]))
        try:
            return self._described[table]
        except KeyError:
            raise NotFound(f"the source has no table {table}, or it may not be read") from None

    def _unsettled(self, known: TableCheckpoint) -> sql.Composable | None:
        """Rows written by transactions that were not finished at the known snapshot; None when it is too long ago."""
        if known.horizon is None or int(self._horizon) - int(known.horizon) >= XID_HORIZON:
            return None
        row = self._session.execute("select age((%s)::text::xid)", (str(int(known.horizon) % 2**32),)).fetchone()
        assert row is not None
        return sql.SQL("age(source.xmin) <= {}").format(sql.Literal(row[0]))

    def _largest(self, relation: Relation, cursor: str) -> str | None:
        """The largest cursor value of the snapshot, None when there is none."""
        row = self._session.execute(
            sql.SQL("select max({})::text from {} source").format(sql.Identifier(cursor), self._from(relation))
        ).fetchone()
        return row[0] if row else None


def _range(rows: Range, schema: TableSchema) -> sql.Composable:
    """The range as a condition. Its times are in UTC, as the session's are."""
    cursor, kind = sql.Identifier("source", rows.cursor), sql.SQL(schema[rows.cursor].type)
    alternatives: list[sql.Composable] = [
        sql.SQL("{} {} {}::{}").format(cursor, sql.SQL(">=" if b.inclusive else ">"), sql.Literal(b.value), kind)
        for b in rows.bounds
    ]
    if rows.nulls:
        alternatives.append(sql.SQL("{} is null").format(cursor))
    return sql.SQL(" or ").join(alternatives)
