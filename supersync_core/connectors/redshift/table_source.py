"""Tables and system views of Redshift, read through a cursor of the server: Redshift has no COPY to the client.

The leader node keeps a cursor's whole result until it is read, within a limit of the cluster's node type. All reads of
a session see one snapshot of the tables; system views show the moment. A primary key is not enforced on Redshift: two
rows with one key fail the sync. External (Spectrum) tables are not listed, and can be read by name or as SQL.

Types: see `types.py`. New rows: see `by_cursor.py`. A transaction that commits later than `lookback` after it gave a
row its cursor value is missed until a full run.
"""

from fnmatch import fnmatchcase
from hashlib import sha256
from types import TracebackType
from typing import BinaryIO

from psycopg2 import sql

from supersync_core.connectors.base import CopyFormat, ReadPlan
from supersync_core.connectors.by_cursor import Range, Snapshot, plan_by_cursor
from supersync_core.connectors.copy_text import CopyTextWriter
from supersync_core.connectors.redshift.connection import Session, parse_dsn
from supersync_core.connectors.redshift.queries import builtin_query
from supersync_core.connectors.redshift.types import Mapped, map_column
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import Column, TableName, TableSchema
from supersync_core.domain.table_sync import Reading, Relation

_TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'v', 'm', 'p', 'f') and n.nspname not in ('information_schema', 'catalog_history')
   and n.nspname not like 'pg!_%' escape '!'
"""
_REQUIRED = """
select a.attname, a.attnum from pg_attribute a join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relname = %s and a.attnotnull and a.attnum > 0
"""
_KEY = """
select k.conkey from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
 where k.contype = 'p' and n.nspname = %s and c.relname = %s
"""


class RedshiftTableSource:
    """A Redshift database whose tables, views and queries can be read."""

    def __init__(self, dsn: str) -> None:
        """Keep the DSN; nothing is connected yet. Raises ConfigError."""
        parse_dsn(dsn)
        self._dsn = dsn

    def open(self) -> "RedshiftSourceSession":
        """Connect and take the snapshot."""
        return RedshiftSourceSession(self._dsn)


class RedshiftSourceSession:
    """One connection in one read-only transaction."""

    def __init__(self, dsn: str) -> None:
        """Connect; the transaction, its clock and its snapshot begin with the first query, which is sent here."""
        self._session = Session(dsn)
        self._now = self._session.execute("select now()")[0][0]
        self._mapped: dict[Relation, tuple[tuple[Mapped, ...], tuple[int, ...]]] = {}

    def __enter__(self) -> "RedshiftSourceSession":
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
        """Match `schema.name` with `*`, `?` and `[...]`."""
        wanted = TableName.parse(pattern)
        names = sorted(TableName(*row) for row in self._session.execute(_TABLES))
        return [t for t in names if fnmatchcase(t.schema, wanted.schema) and fnmatchcase(t.name, wanted.name)]

    def describe(self, relation: Relation) -> TableSchema:
        """Columns from the result of a query that gives no row; what is required and the key from the catalogs."""
        columns, _ = self._columns(relation)
        required: dict[int, str] = {}
        key: tuple[str, ...] = ()
        if relation.table is not None:
            where = (relation.table.schema, relation.table.name)
            required = {number: name for name, number in self._session.execute(_REQUIRED, where)}
            # Columns of a primary key are required, so their names are known.
            key = tuple(required[number] for (numbers,) in self._session.execute(_KEY, where) for number in numbers)
        return TableSchema(tuple(Column(c.name, c.type, c.name not in required.values()) for c in columns), key)

    def formats(self, schema: TableSchema) -> tuple[CopyFormat, ...]:
        """Text only."""
        return (CopyFormat.TEXT,)

    def plan(
        self, relation: Relation, schema: TableSchema, reading: Reading, since: TableCheckpoint | None
    ) -> ReadPlan:
        """By cursor."""
        what = relation.table or relation.query or sha256((relation.sql or "").encode()).hexdigest()[:12]
        origin = f"{self._session.server}/{what}"
        snapshot = Snapshot(origin, self._now, lambda cursor: self._largest(relation, cursor))
        return plan_by_cursor(relation, schema, reading, since, snapshot)

    def copy(self, plan: ReadPlan, copy_format: CopyFormat, out: BinaryIO) -> None:
        """Stream the rows, a few megabytes of them at a time."""
        mapped, codes = self._columns(plan.relation)
        by_name = {column.name: column for column in mapped}
        columns = [by_name[name] for name in plan.schema.names]
        where = sql.SQL("true") if plan.where is None else self._where(plan.relation, plan.where)
        query = sql.SQL("select {} from {} source where {}").format(
            sql.SQL(", ").join(map(_selected, columns)), self._from(plan.relation), where
        )
        writer = CopyTextWriter(out, plan.schema.names, [c.encode for c in columns], plan.schema.primary_key)
        for batch in self._session.stream(query, codes):
            batch.bytes = writer.write(batch.rows)

    def _columns(self, relation: Relation) -> tuple[tuple[Mapped, ...], tuple[int, ...]]:
        """How each column is read, and the types' numbers on the wire. Raises NotFound."""
        if relation not in self._mapped:
            described = self._session.description(
                sql.SQL("select * from {} source limit 0").format(self._from(relation))
            )
            mapped = tuple(map_column(column) for column in described)
            # A real is read as a double.
            self._mapped[relation] = (mapped, tuple({701, *(column.type_code for column in described)}))
        return self._mapped[relation]

    def _from(self, relation: Relation) -> sql.Composable:
        if relation.table is not None:
            return sql.Identifier(relation.table.schema, relation.table.name)
        text = relation.sql if relation.sql is not None else builtin_query(relation.query or "", self._has_relation)
        # The user's own statement: it is theirs to write, and runs in a read-only transaction.
        return sql.SQL("({}\n)").format(sql.SQL(text.rstrip().rstrip(";")))

    def _has_relation(self, name: str) -> bool:
        """Whether the search path finds a relation of that name."""
        return bool(
            self._session.execute("select 1 from pg_class where relname = %s and pg_table_is_visible(oid)", (name,))
        )

    def _largest(self, relation: Relation, cursor: str) -> str | None:
        mapped, codes = self._columns(relation)
        column = next(column for column in mapped if column.name == cursor)
        query = sql.SQL("select max({}) from {} source").format(_selected(column), self._from(relation))
        ((field,),) = (row for batch in self._session.stream(query, codes) for row in batch.rows)
        return None if field is None else field.decode()

    def _where(self, relation: Relation, wanted: Range) -> sql.Composable:
        column = sql.Identifier(wanted.cursor)
        terms = [
            sql.SQL("{} {} {}").format(column, sql.SQL(">=" if bound.inclusive else ">"), sql.Literal(bound.value))
            for bound in wanted.bounds
        ]
        if wanted.nulls:
            terms.append(sql.SQL("{} is null").format(column))
        return sql.SQL("({})").format(sql.SQL(" or ").join(terms))


def _selected(column: Mapped) -> sql.Composable:
    return sql.SQL(column.select).format(sql.Identifier(column.name))
